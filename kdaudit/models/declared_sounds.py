"""What a Hugging Face feature extractor says of sounds: done exactly as it does, or named as what is not computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kdaudit.types import SoundForm

_WAVEFORMS = "Wav2Vec2FeatureExtractor"


def sound_form(config: Mapping[str, Any]) -> SoundForm | None:
    """What sounds become by the settings of a feature extractor; None where they are of something else.

    That of wav2vec 2.0, HuBERT, WavLM and the like gives waveforms (samples,), each brought to mean 0 and variance 1
    after it was padded. One that gives attention masks too normalises what is not padded; it and all others are only
    named.

    Raises:
        KeyError, TypeError, ValueError: they are damaged.
    """
    kind = config.get("feature_extractor_type")
    if not isinstance(kind, str):
        return None
    rate = int(config["sampling_rate"])
    if kind != _WAVEFORMS:
        return SoundForm(rate=rate, not_computed=kind)
    if (
        config.get("return_attention_mask")
        or config.get("feature_size", 1) != 1
        or config.get("padding_value")
    ):
        return SoundForm(rate=rate, not_computed=f"{kind} with attention masks")
    return SoundForm(rate=rate, flat=True, normalised=bool(config.get("do_normalize", True)))
