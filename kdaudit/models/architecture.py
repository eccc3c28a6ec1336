"""An architecture named by the user, `module:callable`, `path/file.py:callable` or `timm:NAME`, built in torch."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from kdaudit.digest import record_digest
from kdaudit.errors import ModelError, SpecError
from kdaudit.models.timm_names import TIMM, timm_factory

if TYPE_CHECKING:
    import torch

# What the user's code can end with; what else it raises is taken for a bug.
_FAILURES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)


def build_architecture(arch: str, arch_args: str | None) -> torch.nn.Module:
    """The module that the callable gives, with the weights that its own code draws.

    Args:
        arch: `module:callable` or `path/to/file.py:callable`, the user's own code, which is run; or `timm:NAME`.
        arch_args: keyword arguments as a JSON object, or None.

    Raises:
        SpecError: the name has no colon, or the arguments are no JSON object.
        ModelError: the module, the callable or its result is not there or fails.
    """
    import torch

    factory = _find(arch)
    arguments = parse_arch_args(arch_args)
    try:
        module = factory(**arguments)
    except _FAILURES as error:
        raise ModelError(
            f"expected {arch} to build a network with arguments {arguments}, found {type(error).__name__}: {error}",
            hint="give its keyword arguments as JSON, e.g. --arch-args '{\"num_classes\": 10}'",
        ) from error
    if not isinstance(module, torch.nn.Module):
        raise ModelError(f"expected {arch} to give a torch.nn.Module, found {type(module).__name__}")
    return module


def parse_arch_args(arch_args: str | None) -> dict[str, object]:
    """The keyword arguments in a JSON object; {} for None."""
    if arch_args is None:
        return {}
    try:
        arguments = json.loads(arch_args)
    except json.JSONDecodeError as error:
        raise SpecError(f"expected --arch-args to be a JSON object, found {arch_args!r}: {error}") from error
    if not isinstance(arguments, dict):
        raise SpecError(f"expected --arch-args to be a JSON object, found {arch_args!r}")
    return arguments


def _find(arch: str) -> Callable[..., object]:
    # The last colon: a Windows path has one after its drive letter.
    source, colon, name = arch.rpartition(":")
    if not (colon and source and name):
        raise SpecError(
            f"expected an architecture as module:callable, path/file.py:callable or timm:NAME, found {arch!r}",
            hint="for example --student-arch torchvision.models:resnet18",
        )
    if source == TIMM:
        return timm_factory(name)
    module = _load_file(Path(source)) if source.endswith(".py") else _load_module(source)
    factory = getattr(module, name, None)
    if not callable(factory):
        raise ModelError(f"expected a callable named {name!r} in {source}, found {type(factory).__name__}")
    return factory  # type: ignore[no-any-return]


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise ModelError(f"expected the architecture's file {path}, found nothing there")
    # One name per file: two files called model.py must not shadow each other.
    name = f"kdaudit_arch_{record_digest(str(path.resolve()))[:16]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ModelError(f"expected Python source in {path}, found something that cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except _FAILURES as error:
        raise ModelError(
            f"expected {path} to import, found {type(error).__name__}: {error}",
            hint="the file is run as it is, in the environment of kdaudit",
        ) from error
    return module


def _load_module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except _FAILURES as error:
        raise ModelError(
            f"expected to import the module {name!r}, found {type(error).__name__}: {error}",
            hint="install it in the environment of kdaudit, or name a file: path/file.py:callable",
        ) from error
