"""Sounds in class folders, `root/<class>/*.wav|flac|ogg|mp3`, in the order of a picture folder."""

from __future__ import annotations

from pathlib import Path

from kdaudit.data.blobs import printable
from kdaudit.data.description import Description
from kdaudit.data.examples import Examples
from kdaudit.data.flat_folder import flat_listing
from kdaudit.data.image_folder import folder_listing
from kdaudit.data.request import Request
from kdaudit.data.sound_files import read_sounds
from kdaudit.data.waveforms import SOUND_SUFFIXES


def is_sound_folder(root: Path) -> bool:
    """Whether the class folders of `root`, or `root` itself without any, hold sounds; the first file decides."""
    there = sorted(root.glob("*/*")) or sorted(root.iterdir())
    files = (path for path in there if not path.name.startswith("."))
    return next((path.suffix.lower() in SOUND_SUFFIXES for path in files if path.is_file()), False)


def load(location: str, request: Request) -> Examples:
    """The examples of the sound folder at `location`: its class folders, or without labels its own sounds."""
    root = Path(location)
    description = Description(name=printable(root.resolve().name), kind="sound-folder", location=location)
    names = request.options.class_names or ()
    listing = (
        flat_listing(root, SOUND_SUFFIXES, names)
        if request.options.unlabelled
        else folder_listing(root, SOUND_SUFFIXES)
    )
    return read_sounds(listing, description, request)
