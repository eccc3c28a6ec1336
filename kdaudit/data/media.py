"""Pictures or sounds, whichever a listing holds: told by their first bytes, not by their names."""

from __future__ import annotations

from collections.abc import Sequence

from kdaudit.data.blobs import Blob
from kdaudit.data.decode import read_pictures
from kdaudit.data.description import Description
from kdaudit.data.examples import Examples
from kdaudit.data.listing import Listing
from kdaudit.data.pictures import is_picture
from kdaudit.data.request import Request
from kdaudit.data.sound_files import read_sounds
from kdaudit.data.waveforms import is_sound

_HEAD = 12


def read_media(listing: Listing, description: Description, request: Request) -> Examples:
    """The examples of a listing; see `read_pictures` and `read_sounds`.

    Raises:
        DataError: they cannot be read.
        SpecError: an option does not fit them.
    """
    read = read_sounds if _holds_sounds(listing.blobs) else read_pictures
    return read(listing, description, request)


def _holds_sounds(blobs: Sequence[Blob]) -> bool:
    """Whether the first that is a picture or a sound is a sound."""
    for blob in blobs:
        try:
            with blob.open() as stream:
                head = stream.read(_HEAD)
        except (OSError, ValueError):
            continue  # counted where it is decoded
        if is_sound(head) or is_picture(head):
            return is_sound(head)
    return False
