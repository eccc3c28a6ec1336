"""Sounds wherever pictures may lie: told by their content, left out where they cannot be read."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kdaudit.data import DataOptions, Examples
from kdaudit.data.blobs import BytesBlob
from kdaudit.data.waveforms import is_sound, samples_of
from kdaudit.errors import DataError, SpecError, UnreadableError

from .factories import load, save_picture
from .sources import png_bytes, wav_bytes


def table(folder: Path, files: dict[str, bytes], *absent: str) -> Path:
    """A CSV of these files and of some that are not there, labelled 0, 1, 0 ..."""
    for name, content in files.items():
        (folder / name).write_bytes(content)
    rows = [f"{name},{i % 2}" for i, name in enumerate((*files, *absent))]
    path = folder / "t.csv"
    path.write_text("\n".join(["file,label", *rows]), encoding="utf-8")
    return path


def read(path: Path, **options: object) -> Examples:
    """With a cache beside it."""
    return load(path, path.parent / "cache", DataOptions(**options))  # type: ignore[arg-type]


def test_sounds_by_path_are_waveforms_whatever_they_are_called(tmp_path: Path) -> None:
    """Rate and length of the first; the others are resampled, padded and cut, and counted."""
    files = {
        "a.jpg": wav_bytes(0, n=200),
        "b": wav_bytes(1, n=400, rate=16_000),
        "c.wav": wav_bytes(2, n=150),
        "d": wav_bytes(3, n=300),
    }
    examples = read(table(tmp_path, files))
    assert ((4, 1, 200), 8000) == (examples.stored["x"].shape, examples.sample_rate)
    assert ["a.jpg", "b", "c.wav", "d"] == examples.ids.tolist()
    assert not examples.raw(2)["x"][0, 150:].any()
    assert {
        "1 sound has another rate: resampled",
        "1 sound is shorter: padded with silence",
        "1 sound is longer: cut",
    } < set(examples.assumptions)


def test_what_cannot_be_read_is_left_out_with_a_record(tmp_path: Path) -> None:
    """Cut, empty, absent, a picture among sounds: each with its own reason, as many as are allowed."""
    whole = {f"{i}.wav": wav_bytes(i) for i in range(4)}
    bad = {"cut.wav": wav_bytes(9)[:-50], "empty.wav": b"", "picture.wav": png_bytes(0)}
    path = table(tmp_path, {"empty2.wav": b"", **whole, **bad}, "absent.wav")
    examples = read(path, max_skipped=5)
    assert list(whole) == examples.ids.tolist()
    assert 4 == len(examples.stored["x"]) == len(examples.labels)
    reasons = {one.what: one.reason.rpartition("found: ")[2] for one in examples.skipped}
    assert reasons == {
        "empty2.wav": "no WAV, FLAC, OGG or MP3",
        "cut.wav": "fewer samples than its header says",
        "empty.wav": "no WAV, FLAC, OGG or MP3",
        "picture.wav": "no WAV, FLAC, OGG or MP3",
        "absent.wav": "No such file or directory",
    }
    with pytest.raises(DataError, match=r"expected at most 4 of 9 sounds that cannot be read, found 5"):
        read(path, max_skipped=4)
    with pytest.raises(UnreadableError, match=r"expected a whole sound in .*empty2\.wav"):
        read(path, max_skipped=0)


def test_nothing_that_can_be_read_invalid(tmp_path: Path) -> None:
    """The first is named."""
    with pytest.raises(DataError, match="expected a whole sound in"):
        read(table(tmp_path, {"a.wav": wav_bytes(0)[:-9], "b.wav": wav_bytes(1)[:-9]}), max_skipped=0.9)


def test_pictures_have_no_say_in_the_size_of_sounds_invalid(tmp_path: Path) -> None:
    """--image-size is refused."""
    path = table(tmp_path, {"a.wav": wav_bytes(0), "b.wav": wav_bytes(1)})
    with pytest.raises(SpecError, match="expected no --image-size with"):
        read(path, image_size=8)


def test_a_missing_package_is_no_broken_sound_invalid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is left out for the want of it."""

    def missing(name: str) -> object:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr("kdaudit.installed.import_module", missing)
    path = table(tmp_path, {"a.wav": wav_bytes(0), "b.wav": wav_bytes(1), "c.flac": b"fLaC"})
    with pytest.raises(DataError, match="expected the package soundfile for"):
        read(path, max_skipped=2)


def test_columns_of_lists_are_numbers_whatever_they_are_called(tmp_path: Path) -> None:
    """`audio` and `image` too, in JSON lines and parquet."""
    rows = [f'{{"audio": [{i}.5, 1], "label": {i % 2}}}' for i in range(4)]
    (tmp_path / "t.jsonl").write_text("\n".join(rows), encoding="utf-8")
    assert (4, 2) == read(tmp_path / "t.jsonl").stored["audio"].shape
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    image = pa.array([[1, 2, 3]] * 4, type=pa.list_(pa.uint8()))
    pq.write_table(pa.table({"image": image, "label": [0, 1, 0, 1]}), tmp_path / "t.parquet")
    assert (4, 3) == read(tmp_path / "t.parquet").stored["image"].shape


def soundfile_bytes(kind: str) -> bytes:
    """Two seconds of noise, compressed."""
    soundfile = pytest.importorskip("soundfile")
    out = io.BytesIO()
    soundfile.write(out, np.random.default_rng(0).uniform(-0.5, 0.5, 16_000), 8000, format=kind)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["FLAC", "OGG", "MP3", "WAV"])
def test_compressed_sounds_are_told_by_their_content(kind: str) -> None:
    """In memory, without a name."""
    content = soundfile_bytes(kind)
    assert is_sound(content[:12])
    assert 16_000 == pytest.approx(len(samples_of(blob(content)).values), rel=0.2)
    assert not is_sound(png_bytes(0)[:12])
    assert not is_sound("\ufeffa,b".encode("utf-16-le"))


@pytest.mark.parametrize(
    ("kind", "cut"),
    [
        ("FLAC", lambda data: data[: len(data) // 2]),
        ("OGG", lambda data: data[: len(data) // 2]),
        ("OGG", lambda data: data[:-3]),
        ("OGG", lambda data: data[:20]),
        ("WAV", lambda data: data[:-1]),
        ("WAV", lambda data: data[:40]),
    ],
)
def test_sounds_that_are_cut_are_not_read_as_shorter_ones_invalid(
    kind: str, cut: Callable[[bytes], bytes]
) -> None:
    """Wherever they are cut."""
    with pytest.raises(UnreadableError, match="expected a whole sound in here, found: "):
        samples_of(blob(cut(soundfile_bytes(kind))))


def test_a_wav_of_unknown_length_is_whole() -> None:
    """As programs write it that cannot go back to its header."""
    content = wav_bytes(0, n=100)
    at = content.index(b"data") + 4
    found = samples_of(blob(content[:at] + b"\xff" * 4 + content[at + 4 :]))
    assert 100 == len(found.values)


def blob(content: bytes) -> BytesBlob:
    """Bytes that lie here."""
    return BytesBlob(where="here", stamp=(), fetch=lambda: content)


def test_pictures_stay_pictures(tmp_path: Path) -> None:
    """The first that is either decides; a broken one before it does not."""
    save_picture(tmp_path / "b.png")
    save_picture(tmp_path / "c.png", seed=1)
    path = table(
        tmp_path, {"a.png": b"nothing", **{n: (tmp_path / n).read_bytes() for n in ("b.png", "c.png")}}
    )
    assert (2, 3, 6, 8) == read(path, max_skipped=1).stored["x"].shape
