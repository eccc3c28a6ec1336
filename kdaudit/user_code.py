"""Code of the user's own, named `module:callable` or `path/file.py:callable`: imported and run as it is."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from kdaudit.errors import KDAuditError

# What the user's code can end with; what else it raises is taken for a bug.
FAILURES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    OSError,
    RuntimeError,
    SyntaxError,
    SystemExit,  # a script that is run by being imported, and ends: its number is no verdict
    TypeError,
    ValueError,
)


def is_file(source: str) -> bool:
    """Whether `source` names a file of code, and no module."""
    return source.endswith(".py")


def user_callable(source: str, name: str, *, what: str, error: type[KDAuditError]) -> Callable[..., object]:
    """The callable `name` of the module, or of the file that ends with .py, `source`; `what` is its file's name.

    Raises:
        error: the module or file is not there or does not import, or it has no such callable.
    """
    module = _load_file(Path(source), what, error) if is_file(source) else _load_module(source, error)
    if not hasattr(module, name):
        public = [known for known, what in vars(module).items() if known[0] != "_" and callable(what)]
        raise error(
            f"expected a callable named {name!r} in {source}, found none of that name",
            hint=f"it has {', '.join(sorted(public)[:12])}" if public else "it has none at all",
        )
    found = getattr(module, name)
    if not callable(found):
        raise error(f"expected a callable named {name!r} in {source}, found {type(found).__name__}")
    return found  # type: ignore[no-any-return]


def _load_file(path: Path, what: str, error: type[KDAuditError]) -> ModuleType:
    if not path.is_file():
        raise error(f"expected {what} {path}, found nothing there")
    # One name per file: two files called model.py must not shadow each other.
    name = f"kdaudit_user_{hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:16]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise error(f"expected Python source in {path}, found something that cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except FAILURES as failure:
        raise error(
            f"expected {path} to import, found {type(failure).__name__}: {failure}",
            hint="the file is run as it is, in the environment of kdaudit",
        ) from failure
    return module


def _load_module(name: str, error: type[KDAuditError]) -> ModuleType:
    try:
        return importlib.import_module(name)
    except FAILURES as failure:
        raise error(
            f"expected to import the module {name!r}, found {type(failure).__name__}: {failure}",
            hint="install it in the environment of kdaudit, or name a file: path/file.py:callable",
        ) from failure
