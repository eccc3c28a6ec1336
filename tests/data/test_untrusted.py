"""Data files whose headers lie, that unpack into gigabytes, or are something else than their names say."""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.lib import format as npy

from kdaudit.errors import DataError

from .factories import labels, load, save_classes, save_npz

HUGE = (1 << 40, 1 << 20)


def member(
    shape: tuple[int, ...], *, dtype: object = "<f4", data: bytes = b"", fortran: bool = False
) -> bytes:
    """An .npy file whose header claims that shape and type for those bytes."""
    header = repr({"descr": dtype, "fortran_order": fortran, "shape": shape}).encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return npy.magic(1, 0) + struct.pack("<H", len(header)) + header + data


def with_members(path: Path, **members: bytes) -> Path:
    """An .npz of 4 good examples, some of its members replaced."""
    save_npz(path, x=np.ones((4, 3), np.float32), y=labels(4))
    with zipfile.ZipFile(path) as archive:
        good = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (good | {f"{name}.npy": content for name, content in members.items()}).items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (
            {"x": member((4, *HUGE), data=b"1234")},
            r"numbers of shape \(4, \d+, 1048576\) .* in x of .*, found 4 bytes",
        ),
        (
            {"x": member((4, 3), data=bytes(47))},
            r"shape \(4, 3\) and type float32 in x of .*, found 47 bytes",
        ),
        (
            {"x": member((4, 3), data=bytes(49), fortran=True)},
            r"shape \(4, 3\) .* in x of .*, found 49 bytes",
        ),
        ({"x": member((-4, -3), data=bytes(48))}, r"shape \(-4, -3\) .* in x of .*, found 48 bytes"),
        ({"y": member((1 << 50,), dtype="<i8")}, r"shape \(1125899906842624,\) .* in y of .*, found 0 bytes"),
        ({"y": member((-1,), dtype="<i8", data=bytes(8))}, r"shape \(-1,\) .* in y of .*, found 8 bytes"),
        ({"ids": member((4,), dtype="<U268435456")}, r"in ids of .*, found 0 bytes"),
        ({"x": member((4,), dtype=[("a", "<f4"), ("b", "<i4")], data=bytes(32))}, "expected numbers in x of"),
        (
            {"y": member((4,), dtype=[("a", "<i8")], data=bytes(32))},
            "expected whole numbers or names in y of",
        ),
        ({"x": member((4, 3), dtype="|O", data=b"cos\nsystem\n")}, "found Python objects"),
        ({"y": member((4,), dtype="|O", data=b"cos\nsystem\n")}, "found Python objects"),
    ],
)
def test_headers_that_lie_are_refused_before_anything_is_allocated_invalid(
    members: dict[str, bytes], message: str, tmp_path: Path
) -> None:
    """Shapes are compared with the bytes that are there; nothing is unpickled."""
    with pytest.raises(DataError, match=message):
        load(with_members(tmp_path / "e.npz", **members), tmp_path / "cache")


def test_a_header_that_does_not_close_its_brackets_invalid(tmp_path: Path) -> None:
    """Numpy gives it to Python's tokenizer, whose error is another than its own."""
    broken = member((4, 3), data=bytes(48)).replace(b"}", b"(")
    with pytest.raises(DataError, match=r"expected a numpy array in x of .*, found: "):
        load(with_members(tmp_path / "e.npz", x=broken), tmp_path / "cache")


def claiming(path: Path, name: str, n_bytes: int) -> Path:
    """The archive with another unpacked size in its directory."""
    data = bytearray(path.read_bytes())
    place = data.rindex(f"{name}.npy".encode()) - 46
    assert data[place : place + 4] == b"PK\x01\x02"
    data[place + 24 : place + 28] = struct.pack("<I", n_bytes)
    path.write_bytes(data)
    return path


def test_a_few_bytes_that_unpack_into_a_disk_are_refused_invalid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than 100 times the file, beyond 10 GB, is no set of examples."""
    monkeypatch.setattr("kdaudit.data.npz._PACKED_FREELY_BYTES", 1 << 20)
    path = save_npz(tmp_path / "e.npz", x=np.zeros((4, 1 << 19), np.float32), y=labels(4))
    with pytest.raises(DataError, match="expected arrays of at most 100 times the size of") as caught:
        load(path, tmp_path / "cache")
    assert "save it uncompressed, with numpy.savez" == caught.value.hint


def test_a_directory_that_claims_gigabytes_is_refused_invalid(tmp_path: Path) -> None:
    """The claim is compared with the header of the array."""
    path = claiming(with_members(tmp_path / "e.npz"), "x", 3 << 30)
    with pytest.raises(DataError, match=r"in x of .*, found 32\d+ bytes"):
        load(path, tmp_path / "cache")


def test_labels_that_fill_memory_are_refused_invalid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns are read into memory as they are; a gigabyte of them is no column."""
    monkeypatch.setattr("kdaudit.data.npz._MAX_COLUMN_BYTES", 31)
    with pytest.raises(DataError, match=r"expected at most 0\.0 GB in y of .*, found 0\.0 GB") as caught:
        load(with_members(tmp_path / "e.npz"), tmp_path / "cache")
    assert "it holds one short value per example" == caught.value.hint


def png(width: int, height: int) -> bytes:
    """A PNG file of one row that claims to be that large."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(1 + 3 * 8))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("width", "height"), [(10_000, 10_000), (200_000, 200_000)])
def test_pictures_that_claim_more_pixels_than_are_decoded_are_refused_invalid(
    width: int, height: int, tmp_path: Path
) -> None:
    """Where Pillow would only warn, too."""
    root = save_classes(tmp_path / "d")
    (root / "cat" / "9.png").write_bytes(png(width, height))
    with pytest.raises(DataError, match=rf"Image size \({width * height} pixels\) exceeds limit") as caught:
        load(root, tmp_path / "cache")
    assert "make the picture smaller: its header claims more pixels than are decoded" == caught.value.hint


@pytest.mark.parametrize(
    "content",
    [
        b"just text",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 6\n%%EndComments\nshowpage\n",
        b"\x89PNG\r\n\x1a\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    ],
    ids=["text", "postscript", "signature", "svg"],
)
def test_what_is_no_picture_is_refused_invalid(content: bytes, tmp_path: Path) -> None:
    """Text, programs that Pillow would give to others to run, and the beginning of a picture."""
    root = save_classes(tmp_path / "d")
    (root / "cat" / "9.png").write_bytes(content)
    with pytest.raises(DataError, match=r"expected a whole picture in .*9\.png, found: "):
        load(root, tmp_path / "cache")
