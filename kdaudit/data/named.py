"""Data sets known by name: found where their own tools put them, read by their layouts, fetched only when asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kdaudit.data.catalogue import DATA_SETS
from kdaudit.data.data_set import DataSet, Split
from kdaudit.data.description import Description
from kdaudit.data.download import download
from kdaudit.data.examples import Examples
from kdaudit.data.hub_cache import find_in_hub_cache, read_from_hub_cache
from kdaudit.data.layouts import LAYOUTS, Wanted
from kdaudit.data.names import canonical, known_names, split_of
from kdaudit.data.raw_texts import TEXT_LAYOUTS
from kdaudit.data.request import Request
from kdaudit.data.roles import LABELS_HINT
from kdaudit.data.sounds import SOUND_LAYOUTS
from kdaudit.errors import DataError

NAMED = known_names()
_LAYOUTS = {**LAYOUTS, **SOUND_LAYOUTS, **TEXT_LAYOUTS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a split was found: a folder or file, and by whose layout."""

    path: Path
    in_hub_cache: bool


def find(record: DataSet, split: Split, data_root: Path | None) -> Place | None:
    """Where a split lies: under the data root, in a package, or in Hugging Face's cache; None where it is nowhere."""
    roots = [] if data_root is None else [data_root]
    path = _LAYOUTS[record.layout].find(record, split, roots)
    if path is not None:
        return Place(path=path, in_hub_cache=False)
    path = find_in_hub_cache(record, split)
    return None if path is None else Place(path=path, in_hub_cache=True)


def load(location: str, request: Request) -> Examples:
    """The examples of the split that `location` names.

    Raises:
        DataError: it is not there, is incomplete or damaged, or cannot be fetched; the message says what to put where.
    """
    record, split = split_of(location)
    name, options = canonical(location), request.options
    if options.unlabelled:
        raise DataError(
            f"expected no labels in {name}, as --unlabelled says, found a known data set, which has some",
            hint=LABELS_HINT,
        )
    place = find(record, split, options.data_root)
    if place is None and options.download:
        download(record, split, options.data_root)
        place = find(record, split, options.data_root)
    if place is None:
        raise _missing(record, name, options.data_root)
    description = Description(name=name, kind="named", location=name)
    if place.in_hub_cache:
        return read_from_hub_cache(record, split, place.path, description, request.with_usual(record.usual))
    wanted = Wanted(record=record, split=split, path=place.path, description=description, request=request)
    return _LAYOUTS[record.layout].load(wanted)


def incompleteness(examples: Examples) -> str:
    """How many examples of a known data set were found, if it has another number of them; '' of any other data.

    Those that cannot be read were found. Not for a subset that was drawn before it was read.
    """
    if examples.ref.kind != "named":
        return ""
    record, split = split_of(examples.ref.location)
    expected, found = record.n[split], len(examples.whole) + len(examples.skipped)
    if record.modality == "characters" or found == expected:
        return ""
    if found > expected:
        return f"found {found:,} examples, more than the {expected:,} that {examples.ref.location} has"
    return f"found {found:,} of the {expected:,} examples that {examples.ref.location} has"


def _missing(record: DataSet, name: str, data_root: Path | None) -> DataError:
    if data_root is None:
        searched = "no data root is set"
    elif not data_root.is_dir():
        searched = f"there is no folder {data_root}, the data root"
    else:
        searched = f"it is in none of {_listed([data_root / folder for folder in record.folders])}"
    return DataError(f"expected the data set {name}, found nothing: {searched}", hint=record.get)


def _listed(paths: Sequence[Path]) -> str:
    return ", ".join(str(path) for path in paths)


__all__ = ["DATA_SETS", "NAMED", "Place", "find", "incompleteness", "load"]
