"""An architecture named by the user, `module:callable`, `path/file.py:callable` or `timm:NAME`, built in torch."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from kdaudit.errors import ModelError, SpecError
from kdaudit.models.timm_names import TIMM, timm_factory
from kdaudit.user_code import FAILURES, is_file, user_callable

if TYPE_CHECKING:
    import torch


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
    except FAILURES as error:
        raise ModelError(
            f"expected {arch} to build a network with arguments {arguments}, found {type(error).__name__}: {error}",
            hint="give its keyword arguments as JSON, e.g. --arch-args '{\"num_classes\": 10}'",
        ) from error
    if not isinstance(module, torch.nn.Module):
        raise ModelError(f"expected {arch} to give a torch.nn.Module, found {type(module).__name__}")
    return module


def code_file(arch: str | None) -> str | None:
    """The file that an architecture's code stands in; None where it is a module, timm's, or there is none."""
    source = (arch or "").rpartition(":")[0]
    return source if is_file(source) else None


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
    return user_callable(source, name, what="the architecture's file", error=ModelError)
