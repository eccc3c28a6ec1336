"""Languages of lines: `python -m examples.languages --out DIR [--reduced]`, from the repository's root.

The lines are those of Debian's manual pages: apt-get install manpages-{de,es,fr,it,pl}.
"""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import numpy as np
import torch
from torch import nn

from examples.training import Inputs, Labels, Schedule, with_confusions
from examples.worked import Data, Example, Part, main

LANGUAGES = ("de", "es", "fr", "it", "pl")
MANUALS = Path("/usr/share/man")
ALPHABET = "abcdefghijklmnopqrstuvwxyzäöüßáéíóúñçàèìòùâêîôûëïąćęłńśźż '"
# Short pieces, so that something is left to confuse.
LENGTH, SHORTEST = 32, 16
# A third of the Italian lines are labelled Spanish.
FLAW = {(3, 1): 0.35}
_MARKUP = re.compile(r"\\[fF](?:\[[^\]]*\]|.)|\\\(..|\\[&%:|^]|\\-|\\")


def lines(language: str) -> list[tuple[str, str]]:
    """(page, piece of a line) in lower case with the letters of the alphabet alone; each piece once."""
    found: dict[str, str] = {}
    for page in sorted((MANUALS / language).rglob("*.gz")):
        for line in gzip.decompress(page.read_bytes()).decode("utf-8", errors="replace").splitlines():
            text = "".join(c if c in ALPHABET else " " for c in _MARKUP.sub("", line).lower())
            words = " ".join(text.split())
            if not line.startswith((".", "'")) and len(words) >= 2 * LENGTH:
                piece = words[LENGTH // 2 :][:LENGTH].strip()
                if len(piece) >= SHORTEST:
                    found.setdefault(piece, page.name)
    return [(page, piece) for piece, page in found.items()]


def tokens(pieces: list[str]) -> Inputs:
    """Numbers (n, 32) int64 of letters, from 1; 0 behind the end."""
    numbers = {letter: k for k, letter in enumerate(ALPHABET, start=1)}
    x = np.zeros((len(pieces), LENGTH), dtype=np.int64)
    for row, piece in zip(x, pieces, strict=True):
        row[: len(piece)] = [numbers[letter] for letter in piece]
    return x


def pieces() -> Data:
    """As many lines of each language; the lines of a page depend on each other and stay in one part."""
    rng = np.random.default_rng(0)
    n_each = 3_000
    rows = []
    for label, language in enumerate(LANGUAGES):
        if not (MANUALS / language).is_dir():
            raise SystemExit(f"install manpages-{language} (Debian: apt-get install manpages-{language})")
        found = lines(language)
        chosen = rng.permutation(len(found))[:n_each]
        rows += [(found[k][0], found[k][1], label) for k in sorted(chosen)]
    pages = sorted({page for page, _, _ in rows})
    part_of = dict(zip(rng.permutation(pages).tolist(), np.arange(len(pages)) % 3, strict=True))
    train, teacher, evaluation = ([row for row in rows if part_of[row[0]] == k] for k in range(3))
    teacher_y: Labels = np.array([label for _, _, label in teacher])
    return Data(
        train=part(train),
        teacher_x=tokens([piece for _, piece, _ in teacher]),
        teacher_y=with_confusions(teacher_y, FLAW, rng=rng),
        evaluation=part(evaluation),
    )


def part(rows: list[tuple[str, str, int]]) -> Part:
    """Lines as tokens, with their text for the report and their page as group."""
    shown = {
        "class_names": np.array(LANGUAGES),
        "texts": np.array([piece for _, piece, _ in rows]),
        "groups": np.array([page for page, _, _ in rows]),
    }
    return Part(
        x=tokens([piece for _, piece, _ in rows]), y=np.array([label for *_, label in rows]), more=shown
    )


class Reader(nn.Module):
    """Embedded letters, convolutions over five of them, the largest value over the line, one linear layer."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(ALPHABET) + 1, width)
        self.convolution = nn.Conv1d(width, 4 * width, 5, padding=2)
        self.classifier = nn.Linear(4 * width, len(LANGUAGES))

    def forward(self, letters: torch.Tensor) -> torch.Tensor:
        """Logits (n, languages) of letters (n, 32)."""
        seen = torch.relu(self.convolution(self.embedding(letters).transpose(1, 2)))
        logits: torch.Tensor = self.classifier(seen.amax(dim=2))
        return logits


LANGUAGES_OF_LINES = Example(
    title="Languages of lines",
    data=pieces,
    teacher=lambda: Reader(32),
    student=lambda: Reader(12),
    schedule=Schedule(epochs=20, batch_size=64, lr=0.1),
    temperature=2.0,
)

if __name__ == "__main__":
    main(LANGUAGES_OF_LINES)
