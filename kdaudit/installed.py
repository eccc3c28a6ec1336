"""Which version of a package is installed."""

from __future__ import annotations

from importlib import metadata


def version_of(package: str) -> str | None:
    """The installed version, or None."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
