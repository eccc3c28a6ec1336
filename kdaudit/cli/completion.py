"""What a shell offers where the type of an option does not say it; loads neither torch nor onnxruntime."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path


def data(incomplete: str) -> list[str]:
    """Known data sets, and files and folders: a shell offers those by itself only where nothing else is."""
    from kdaudit.data.names import known_names

    return [*_beginning(known_names(), incomplete), *_paths(incomplete)]


def data_sets(incomplete: str) -> list[str]:
    """Known data sets."""
    from kdaudit.data.catalogue import DATA_SETS

    return _beginning(DATA_SETS, incomplete)


def reports(incomplete: str) -> list[str]:
    """Formats of --report, each with the sign that its path follows."""
    from kdaudit.render import RENDERERS
    from kdaudit.render.tables import TABLES

    return _beginning((f"{name}=" for name in (*RENDERERS, *TABLES)), incomplete)


def rules(incomplete: str) -> list[str]:
    """Ids of rules."""
    from kdaudit.policy.explanations import EXPLANATIONS

    return _beginning(EXPLANATIONS, incomplete)


# By the name of an option in options.py.
COMPLETED: dict[str, Callable[[str], list[str]]] = {"data": data, "train_data": data, "report": reports}


def _beginning(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def _paths(incomplete: str) -> list[str]:
    """Paths that begin so, folders with a slash; hidden ones only if the dot is there."""
    folder, _, start = incomplete.rpartition("/")
    parent = Path(f"{folder}/" if "/" in incomplete else ".")
    try:
        found = sorted(path for path in parent.iterdir() if path.name.startswith(start))
    except OSError:
        return []
    shown = (path for path in found if start or not path.name.startswith("."))
    return [f"{incomplete[: len(incomplete) - len(start)]}{p.name}{'/' * p.is_dir()}" for p in shown]
