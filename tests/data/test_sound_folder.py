"""Own sounds in class folders, as waveforms or log-mel spectrograms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.io.wavfile
import torch

from kdaudit.data import DataOptions, source_kind
from kdaudit.data.blobs import FileBlob
from kdaudit.data.preprocess_tables import from_table
from kdaudit.data.waveforms import log_mel, samples_of, shape_of
from kdaudit.errors import DataError, SpecError
from kdaudit.types import Float32, SoundForm

from .factories import load

RATE = 8000


def tone(hz: float, seconds: float = 0.25) -> Float32:
    """A sine of half the loudest."""
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(round(RATE * seconds)) / RATE)).astype(np.float32)


def folder(root: Path, suffix: str = ".wav") -> Path:
    """Low and high tones."""
    for name, hz in (("low", 300.0), ("high", 2500.0)):
        (root / name).mkdir(parents=True)
        for i in range(3):
            if suffix == ".wav":
                scipy.io.wavfile.write(root / name / f"{i}.wav", RATE, tone(hz + i))
            else:
                soundfile = pytest.importorskip("soundfile")
                soundfile.write(root / name / f"{i}{suffix}", tone(hz + i), RATE)
    return root


def test_sounds_in_class_folders_are_waveforms(tmp_path: Path) -> None:
    """Rate and length of the first, classes in alphabetical order, ids by path."""
    root = folder(tmp_path / "tones")
    found = load(root, tmp_path)
    assert "sound-folder" == source_kind(str(root))
    assert ((6, 1, 2000), RATE) == (found.stored["x"].shape, found.sample_rate)
    assert (("high", "low"), "high/0.wav") == (found.class_names, found.ids[0])
    np.testing.assert_allclose(tone(2501.0), found.raw(1)["x"][0], atol=1e-6)
    assert any("sounds are mono at 8,000 Hz" in said for said in found.assumptions)


def test_stated_rates_lengths_and_bands(tmp_path: Path) -> None:
    """Spectrograms are pictures of one channel: low tones fill low bands."""
    stated = from_table(
        {"rate": 16_000, "seconds": 0.5, "mels": 32, "window": 512, "hop": 160}, source="s"
    ).sound
    found = load(folder(tmp_path / "tones"), tmp_path, DataOptions(sound=stated))
    assert (6, 1, 32, 51) == found.stored["x"].shape
    assert found.sample_rate is None
    high, low = (found.stored["x"][i, 0, :, 10].argmax() for i in (0, 3))
    assert low < high
    assert any(
        "then 32 log-mel bands, windows of 512 samples every 160" in said for said in found.assumptions
    )


def test_log_mel_against_torch() -> None:
    """Its short-time Fourier transform, and triangles as they are defined."""
    wave = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    form = SoundForm(rate=RATE, seconds=0.125, mels=10, window=200, hop=80)
    power = (
        torch.stft(torch.from_numpy(wave), 200, 80, window=torch.hann_window(200), return_complex=True).abs()
        ** 2
    )
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 4000 / 700), 12) / 2595) - 1)
    hz = np.linspace(0, 4000, 101)
    bands = [np.interp(hz, edges[i : i + 3], [0, 1, 0]) for i in range(10)]
    expected = np.log(np.array(bands) @ power.numpy() + 1e-6)
    found = log_mel(wave, form)
    assert (1, *found.shape) == shape_of(form)
    np.testing.assert_allclose(expected, found, atol=1e-3)


@pytest.mark.parametrize("suffix", [".flac", ".ogg"])
def test_compressed_sounds(tmp_path: Path, suffix: str) -> None:
    """FLAC loses nothing but the last bits; OGG about as much as is heard."""
    found = load(folder(tmp_path / "tones", suffix), tmp_path)
    assert np.corrcoef(tone(300.0), found.raw(3)["x"][0])[0, 1] > 0.99


def test_sounds_invalid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Damaged files and the missing package are named."""
    (tmp_path / "a.flac").write_bytes(b"fLaC")
    pytest.importorskip("soundfile")
    with pytest.raises(DataError, match=r"expected a whole sound in .*a\.flac"):
        samples_of(FileBlob(str(tmp_path / "a.flac")))

    def missing(name: str) -> object:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr("kdaudit.installed.import_module", missing)
    with pytest.raises(DataError, match="expected the package soundfile for") as caught:
        samples_of(FileBlob(str(tmp_path / "a.flac")))
    assert caught.value.hint == "pip install 'kdaudit[audio]'"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"rate": 0}, "expected a whole number for rate in s, found 0"),
        ({"mels": 2.5}, "expected a whole number for mels in s, found 2.5"),
        ({"seconds": -1}, "expected a positive number for seconds in s, found -1"),
    ],
)
def test_tables_of_sounds_invalid(table: dict[str, object], message: str) -> None:
    """With the key."""
    with pytest.raises(SpecError) as caught:
        from_table(table, source="s")
    assert message == caught.value.message
