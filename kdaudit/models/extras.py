"""Packages that kdaudit works without: imported where a model needs them, else missed with the way to get them."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from kdaudit.errors import ModelError


def extra_module(name: str, *, extra: str, needed_for: str) -> ModuleType:
    """A module of an optional package.

    Args:
        name: the module.
        extra: the extra of kdaudit that installs it.
        needed_for: what it is needed for, for the message.

    Raises:
        ModelError: it is not installed, or does not import.
    """
    try:
        return import_module(name)
    except ImportError as failure:
        raise ModelError(
            f"expected the package {name} for {needed_for}, found: {failure}",
            hint=f"pip install 'kdaudit[{extra}]'",
        ) from failure
