"""Named sets of sounds: waveforms of one rate and length."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.io.wavfile

from kdaudit.data import DataOptions, Examples, Limit
from kdaudit.data.blobs import FileBlob
from kdaudit.data.waveforms import sound
from kdaudit.errors import DataError
from kdaudit.types import Float32, SoundForm

from .factories import load
from .named_sets import BUILDERS, save_wav, tone

FORM = SoundForm(rate=1000, seconds=0.5)


def waveform(path: Path) -> Float32:
    """Half a second of a file."""
    values: Float32 = sound(FileBlob(str(path)), FORM).values[0]
    return values


def named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Examples:
    """The test split of a small copy."""
    BUILDERS[name](tmp_path, monkeypatch)
    return load(name, tmp_path / "cache", DataOptions(data_root=tmp_path))


def test_words_keep_their_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """16 bits become [-1, 1], silence follows; speakers are groups, and the official list is the test."""
    examples = named("speechcommands", tmp_path, monkeypatch)
    assert (35, 1, 16_000) == examples.stored["x"].shape
    np.testing.assert_array_equal(tone(seed=2) / 32_768, examples.raw(2)["x"][0, :400])
    assert not examples.raw(2)["x"][0, 400:].any()
    assert 16_000 == examples.sample_rate
    assert "word02/speaker0_nohash_0.wav" == examples.ids[2]
    assert examples.groups is not None
    assert 1 == len(set(examples.groups.tolist()))
    train = load("speechcommands:train", tmp_path / "cache", DataOptions(data_root=tmp_path))
    assert 70 == len(train), "two of each word stand in no list; background noise is no word"


def test_folds_are_splits_and_other_rates_are_resampled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last fold is the test; clips of one recording are a group."""
    urban = named("urbansound8k", tmp_path, monkeypatch)
    assert (10, 1, 88_200) == urban.stored["x"].shape
    assert "audio/fold10/0-10.wav" == urban.ids[0]
    assert urban.raw(0)["x"][0, 700:799].any(), "11,025 Hz: twice as many samples"
    np.testing.assert_array_equal(tone(seed=1) / 32_768, urban.raw(1)["x"][0, :400])
    esc = named("esc50", tmp_path, monkeypatch)
    assert (50, "kind07") == (len(esc), esc.class_names[7])


def test_a_limit_reads_only_its_sounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken file among the others does not matter."""
    BUILDERS["esc50"](tmp_path, monkeypatch)
    options = DataOptions(data_root=tmp_path, limit=Limit(n=10, seed=0))
    assert 10 == len(load("esc50", tmp_path / "cache", options).stored["x"])


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.float32])
def test_every_kind_of_sample_has_the_same_scale(tmp_path: Path, dtype: type[np.generic]) -> None:
    """A half is a half; two channels are averaged."""
    wave = np.zeros((500, 2))
    wave[100] = (0.5, 0.25)
    kind = np.dtype(dtype)
    if kind.kind == "f":
        stored = wave.astype(kind)
    elif kind == np.uint8:
        stored = (wave * 128 + 128).astype(kind)
    else:
        stored = (wave * (np.iinfo(kind).max + 1.0)).astype(kind)
    scipy.io.wavfile.write(tmp_path / "a.wav", 1000, stored)
    found = waveform(tmp_path / "a.wav")
    assert 0.375 == pytest.approx(found[100], abs=1e-4)
    assert 0.375 == pytest.approx(np.abs(found).sum(), abs=1e-4)


def test_resampling_keeps_a_slow_wave(tmp_path: Path) -> None:
    """Five periods a second at 2,000 Hz are five periods at 1,000 Hz; what is too long is cut."""
    t = np.arange(4000) / 2000
    save_wav(tmp_path / "a.wav", (16_000 * np.sin(2 * np.pi * 5 * t)).astype(np.int16), rate=2000)
    found = waveform(tmp_path / "a.wav")
    expected = 16_000 / 32_768 * np.sin(2 * np.pi * 5 * np.arange(500) / 1000)
    np.testing.assert_allclose(found[50:450], expected[50:450], atol=0.01)


def test_sounds_that_are_none_invalid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is no WAV, lists and tables that are not theirs, and a part of the classes."""
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    with pytest.raises(DataError, match=r"expected a whole sound in .*a\.wav, found: "):
        waveform(tmp_path / "a.wav")
    BUILDERS["speechcommands"](tmp_path, monkeypatch)
    folder, options = tmp_path / "speech_commands_v0.02", DataOptions(data_root=tmp_path)
    (folder / "validation_list.txt").unlink()
    with pytest.raises(DataError, match=r"expected validation_list\.txt in .*, found none"):
        load("speechcommands", tmp_path / "cache", options)
    (folder / "validation_list.txt").write_text("", encoding="utf-8")
    (folder / "testing_list.txt").write_text("", encoding="utf-8")
    with pytest.raises(DataError, match=r"expected sounds of speechcommands in .*, found none"):
        load("speechcommands", tmp_path / "cache", options)
    (folder / "testing_list.txt").write_text("word00/speaker0_nohash_0.wav", encoding="utf-8")
    with pytest.raises(DataError, match=r"expected 35 classes of speechcommands in .*, found 1"):
        load("speechcommands", tmp_path / "cache", options)
    BUILDERS["esc50"](tmp_path, monkeypatch)
    (tmp_path / "ESC-50-master" / "meta" / "esc50.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"expected the columns fold, filename, category, src_file in"):
        load("esc50", tmp_path / "cache", options)
