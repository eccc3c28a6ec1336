"""Sounds as a Hugging Face folder's own feature extractor gives them to its model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import scipy.io.wavfile

from kdaudit.errors import DataError, ModelError
from kdaudit.options import AuditSpec
from kdaudit.pipeline.predict_one import Predicted, predict_one
from kdaudit.types import Float32
from tests.models.test_huggingface import network, save

transformers = pytest.importorskip("transformers")
torch = pytest.importorskip("torch")
RATE, SAMPLES = 16_000, 640
LENGTHS = (SAMPLES, 500, 900, SAMPLES, SAMPLES)


def waves() -> list[Float32]:
    """Noise of several lengths and levels."""
    rng = np.random.default_rng(0)
    return [(0.1 + rng.uniform(-0.2, 0.2, n) * (i + 1) / 5).astype(np.float32) for i, n in enumerate(LENGTHS)]


def predicted(folder: Path, settings: dict[str, object] | None = None, **options: object) -> Predicted:
    """What a small wav2vec 2.0 classifier says of the sounds, beside an extractor with these settings."""
    save("sound", folder / "m")
    extractor = transformers.Wav2Vec2FeatureExtractor(**(settings or {}))
    extractor.save_pretrained(folder / "m")
    for i, wave in enumerate(waves()):
        (folder / "d" / str(i % 2)).mkdir(parents=True, exist_ok=True)
        scipy.io.wavfile.write(folder / "d" / str(i % 2) / f"{i}.wav", RATE, wave)
    values: dict[str, object] = {
        "teacher": str(folder / "m"),
        "students": (str(folder / "m"),),
        "data": str(folder / "d"),
        "cache_dir": str(folder / "cache"),
        "device": "cpu",
        **options,
    }
    return predict_one(AuditSpec(**values), progress=lambda _event: None)  # type: ignore[arg-type]


@pytest.mark.parametrize("normalise", [True, False])
def test_waveforms_are_those_of_the_extractor(tmp_path: Path, normalise: bool) -> None:
    """Cut, padded, then normalised, against transformers; and the model's answers to them."""
    found = predicted(tmp_path, {"do_normalize": normalise}, preprocess={"seconds": SAMPLES / RATE})
    order = [0, 2, 4, 1, 3]  # by class folder
    given = transformers.Wav2Vec2FeatureExtractor(do_normalize=normalise)(
        [waves()[i] for i in order],
        sampling_rate=RATE,
        padding="max_length",
        max_length=SAMPLES,
        truncation=True,
        return_tensors="pt",
    )["input_values"]
    (stored,) = found.data.stored.values()
    assert (5, SAMPLES) == stored.shape
    np.testing.assert_allclose(given.numpy(), stored.astype(np.float32), atol=2e-6)
    with torch.inference_mode():
        expected = network("sound")(given).logits.numpy()
    np.testing.assert_allclose(expected, found.logits, atol=1e-4)
    said = " ".join(found.data.assumptions)
    assert normalise == ("then each has mean 0 and variance 1" in said)
    assert "sounds are mono at 16,000 Hz" in said


def test_the_extractors_rate_is_taken_and_another_that_is_said_wins(tmp_path: Path) -> None:
    """Over that of the files."""
    assert 16_000 == predicted(tmp_path / "a").data.sample_rate
    assert 8000 == predicted(tmp_path / "b", {"sampling_rate": 8000}).data.sample_rate
    assert 4000 == predicted(tmp_path / "c", preprocess={"rate": 4000}).data.sample_rate


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("ASTFeatureExtractor", {"feature_extractor_type": "ASTFeatureExtractor"}),
        ("WhisperFeatureExtractor", {"feature_extractor_type": "WhisperFeatureExtractor"}),
        ("Wav2Vec2FeatureExtractor with attention masks", {"return_attention_mask": True}),
    ],
)
def test_features_that_are_not_computed_are_named_invalid(
    tmp_path: Path, name: str, settings: dict[str, object]
) -> None:
    """Never replaced by others; arrays are taken as they are, and own log-mel bands may be stated."""
    predicted(tmp_path)
    config = tmp_path / "m" / "preprocessor_config.json"
    changed = json.dumps({**json.loads(config.read_text()), **settings})

    def again(**options: object) -> Predicted:
        config.write_text(changed)
        spec = AuditSpec(
            teacher=str(tmp_path / "m"),
            students=(str(tmp_path / "m"),),
            cache_dir=str(tmp_path / "cache"),
            device="cpu",
            **options,  # type: ignore[arg-type]
        )
        return predict_one(spec, progress=lambda _event: None)

    with pytest.raises(DataError, match=f"expected features of {name}, as a model's files say") as caught:
        again(data=str(tmp_path / "d"))
    assert "save what the extractor gives as arrays" in (caught.value.hint or "")
    with pytest.raises(DataError, match="expected features of"):
        again(data=str(tmp_path / "d"), preprocess={"seconds": 0.02})
    np.savez(tmp_path / "a.npz", x=np.stack([waves()[0], waves()[3]]), y=[0, 1])
    assert (2, SAMPLES) == next(iter(again(data=str(tmp_path / "a.npz")).data.stored.values())).shape


def test_damaged_settings_invalid(tmp_path: Path) -> None:
    """Of a feature extractor."""
    predicted(tmp_path)
    (tmp_path / "m" / "preprocessor_config.json").write_text('{"feature_extractor_type": "X"}')
    with pytest.raises(ModelError, match="expected the settings of an image processor or feature extractor"):
        predict_one(
            AuditSpec(teacher=str(tmp_path / "m"), students=(str(tmp_path / "m"),), data=str(tmp_path / "d")),
            progress=lambda _event: None,
        )
