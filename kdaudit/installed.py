"""Packages that kdaudit works without: which version is there, and how to get one that is not."""

from __future__ import annotations

from importlib import import_module, metadata
from types import ModuleType

from kdaudit.errors import KDAuditError


def version_of(package: str) -> str | None:
    """The installed version, or None."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def required(name: str, *, extra: str, needed_for: str, error: type[KDAuditError]) -> ModuleType:
    """A module of an optional package.

    Args:
        name: the module.
        extra: the extra of kdaudit that installs it.
        needed_for: what it is needed for, for the message.
        error: what is raised without it.

    Raises:
        KDAuditError: of the kind `error`: it is not installed, or does not import.
    """
    try:
        return import_module(name)
    except (ImportError, OSError) as failure:  # OSError: a library that it loads is missing
        raise error(
            f"expected the package {name.partition('.')[0]} for {needed_for}, found: {failure}",
            hint=f"pip install 'kdaudit[{extra}]'",
        ) from failure
