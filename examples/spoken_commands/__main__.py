"""Spoken words: `python -m examples.spoken_commands --out DIR [--reduced]`, from the repository's root.

Debian's espeak-ng speaks them; no recording is needed.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import wave
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import nn

from examples.training import Inputs, Labels, Schedule, with_confusions
from examples.worked import Data, Example, Part, main

WORDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
ACCENTS = ("en-gb", "en-us", "en-gb-scotland", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-gb-x-rp", "en-029")
VARIANTS = (
    *(f"m{k}" for k in range(1, 9)),
    *(f"f{k}" for k in range(1, 6)),
    "croak",
    "whisper",
    "klatt",
    "klatt2",
)
RATE, LENGTH = 8_000, 8_000
# Half of the "on" are labelled "off".
FLAW = {(6, 7): 0.5}
FEWEST_SAMPLES = 1_000


def spoken(word: str, voice: str, *, rng: np.random.Generator) -> Inputs:
    """A second at 8 kHz, (8000,) float32: a word at random speed, pitch, loudness and place, in noise."""
    speed, pitch = rng.integers(120, 220), rng.integers(20, 80)
    command = ["espeak-ng", "-v", voice, "-s", str(speed), "-p", str(pitch), "--stdout", word]
    said = subprocess.run(command, check=True, capture_output=True).stdout
    with wave.open(io.BytesIO(said)) as file:
        step = file.getframerate() / RATE
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16) / 32768
    # The voice ends below 4 kHz by nature of the loudness of its higher parts: a mean over each step is filter enough.
    edges = np.arange(0, len(samples) - step, step).astype(int)
    word_alone = np.add.reduceat(samples, edges) / np.diff([*edges, len(samples)])
    if len(word_alone) < FEWEST_SAMPLES:
        raise SystemExit(f"espeak-ng said nothing with the voice {voice}")
    sound = rng.normal(0, rng.uniform(0.002, 0.05), size=LENGTH)
    start = rng.integers(0, max(1, LENGTH - len(word_alone)))
    kept = word_alone[: LENGTH - start]
    sound[start : start + len(kept)] += kept * rng.uniform(0.3, 1.0)
    return sound.astype(np.float32)


def clips(n: int, voices: list[str], seed: int) -> tuple[Inputs, Labels, list[str]]:
    """Clips (n, 8000), the words' numbers, and who speaks."""
    streams = np.random.default_rng(seed).spawn(n)
    labels = np.arange(n) % len(WORDS)
    speakers = [voices[int(rng.integers(len(voices)))] for rng in streams]
    with ThreadPoolExecutor() as pool:
        sounds = pool.map(
            lambda k: spoken(WORDS[labels[k]], speakers[k], rng=streams[k]), range(n), chunksize=16
        )
        return np.stack(list(sounds)), labels, speakers


def sounds() -> Data:
    """Voices are split: nobody speaks in two of the parts."""
    if shutil.which("espeak-ng") is None:
        raise SystemExit("install espeak-ng (Debian: apt-get install espeak-ng)")
    voices = [f"{accent}+{variant}" for accent in ACCENTS for variant in VARIANTS]
    order = np.random.default_rng(0).permutation(voices).tolist()
    n = 4_000
    x, y, _ = clips(n, order[:40], 1)
    teacher_x, teacher_y, _ = clips(n, order[40:80], 2)
    eval_x, eval_y, speakers = clips(n, order[80:], 3)
    shown = {"class_names": np.array(WORDS), "sample_rate": np.array([RATE])}
    return Data(
        train=Part(x=x, y=y, more=shown),
        teacher_x=teacher_x,
        teacher_y=with_confusions(teacher_y, FLAW, rng=np.random.default_rng(0)),
        evaluation=Part(x=eval_x, y=eval_y, more={**shown, "groups": np.array(speakers)}),
    )


class Listener(nn.Module):
    """Strided convolutions over the raw sound with BatchNorm, the mean over time, one linear layer."""

    def __init__(self, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for kernel, stride, wider in ((64, 8, width), (9, 4, width), (5, 4, 2 * width), (5, 4, 4 * width)):
            layers += [
                nn.Conv1d(channels, wider, kernel, stride=stride, padding=kernel // 2, bias=False),
                nn.BatchNorm1d(wider),
                nn.ReLU(),
            ]
            channels = wider
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(channels, len(WORDS))

    def forward(self, sound: torch.Tensor) -> torch.Tensor:
        """Logits (n, words) of sounds (n, samples)."""
        logits: torch.Tensor = self.classifier(self.features(sound[:, None]).mean(dim=2))
        return logits


SPOKEN_COMMANDS = Example(
    title="Spoken commands",
    data=sounds,
    teacher=lambda: Listener(32),
    student=lambda: Listener(16),
    schedule=Schedule(epochs=12, batch_size=64),
    temperature=2.0,
)

if __name__ == "__main__":
    main(SPOKEN_COMMANDS)
