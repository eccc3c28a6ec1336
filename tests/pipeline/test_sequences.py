"""Sequences: an answer at each labelled position, those of one sequence dependent on each other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from kdaudit.controls.outputs import asked
from kdaudit.controls.targets import TeacherTargets
from kdaudit.data import DataOptions, load_data
from kdaudit.errors import ModelError
from kdaudit.models.predict import _asked
from kdaudit.options import AuditSpec
from kdaudit.pipeline.audit import audit
from kdaudit.pipeline.judged import Audited
from kdaudit.rng import stream
from kdaudit.types import UNLABELLED, Int64, ModelRef, OutputKind, Role
from tests.controls.fakes import SGD

N_LETTERS, LENGTH = 6, 12


class NextLetter(nn.Module):
    """Scores (n, T, letters) of the letter after each, from it and the one before it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(N_LETTERS, width)
        self.mix = nn.Conv1d(width, width, 2)
        self.head = nn.Linear(width, N_LETTERS)

    def forward(self, letters: torch.Tensor) -> torch.Tensor:
        """Letters (n, T) int64."""
        seen = self.embed(letters).transpose(1, 2)
        mixed = torch.relu(self.mix(nn.functional.pad(seen, (1, 0)))).transpose(1, 2)
        scores: torch.Tensor = self.head(mixed)
        return scores


def passages(n: int, seed: int) -> tuple[Int64, Int64]:
    """A language in which the sum of two letters mostly decides the next; a fifth of the places is not asked."""
    rng = np.random.default_rng(seed)
    x = np.empty((n, LENGTH + 1), dtype=np.int64)
    x[:, :2] = rng.integers(N_LETTERS, size=(n, 2))
    for t in range(2, LENGTH + 1):
        surprising = rng.random(n) < 0.25
        x[:, t] = np.where(
            surprising, rng.integers(N_LETTERS, size=n), (x[:, t - 1] + x[:, t - 2]) % N_LETTERS
        )
    y = x[:, 1:].copy()
    y[rng.random(y.shape) < 0.2] = UNLABELLED
    return x[:, :-1], y


def trained(width: int, seed: int, x: Int64, y: Int64) -> NextLetter:
    """A network that learnt these passages for a moment."""
    torch.manual_seed(seed)
    network = NextLetter(width)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(60):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(
            network(torch.from_numpy(x)).flatten(0, 1), torch.from_numpy(y).flatten()
        )
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return network.eval()


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    """A whole audit of ONNX files that answer at each position."""
    folder = tmp_path_factory.mktemp("letters")
    x, y = passages(300, 1)
    for name, width, seed in (("teacher", 16, 1), ("student", 8, 2)):
        torch.onnx.export(
            trained(width, seed, *passages(200, 2 if name == "teacher" else 3)),
            (torch.from_numpy(x[:2]),),
            folder / f"{name}.onnx",
            dynamo=False,
            input_names=["letters"],
            output_names=["next"],
            dynamic_axes={"letters": {0: "n"}, "next": {0: "n"}},
        )
    np.savez(folder / "eval.npz", letters=x, y=y)
    x, y = passages(200, 3)
    np.savez(folder / "train.npz", letters=x, y=y)
    spec = AuditSpec(
        teacher=str(folder / "teacher.onnx"),
        students=(str(folder / "student.onnx"),),
        data=str(folder / "eval.npz"),
        train_data=str(folder / "train.npz"),
        controls=3,
        random_controls=1,
        random_kind="shuffled",
        positive_controls=1,
        epochs="4",
        optimizer="adamw",
        lr=0.02,
        batch_size=32,
        workers=0,
        device="cpu",
        cache_dir=str(folder / "cache"),
        keep_duplicates=True,
    )
    (audited,) = audit(spec)
    return audited


def test_every_labelled_position_is_one_answer(audited: Audited) -> None:
    """Counted, named by sequence and place, and said."""
    _, y = passages(300, 1)
    wanted = y != UNLABELLED
    assert int(wanted.sum()) == audited.result.data.n == audited.answers.shape[1]
    assert audited.labels is not None
    assert y[wanted].tolist() == audited.labels.tolist()
    row, place = (int(axis[0]) for axis in np.nonzero(wanted))
    assert f"{row}:{place}" == audited.ids[0]
    (said,) = (a.value for a in audited.result.assumptions if a.what == "Answers")
    assert f"{int(wanted.sum()):,} labelled positions of 300 sequences" in said
    (random,) = (a.value for a in audited.result.assumptions if a.what == "Random controls")
    assert "of other examples and places: each answer is exchanged by itself" in random


def test_answers_of_a_sequence_are_one_group(audited: Audited) -> None:
    """What depends on each other is not counted as independent."""
    _, y = passages(300, 1)
    assert np.nonzero(y != UNLABELLED)[0].tolist() == audited.groups.tolist()  # type: ignore[union-attr]


def test_controls_of_sequences_are_trained_and_compared(audited: Audited) -> None:
    """Fit controls of every kind, and a share taken over with an interval."""
    roles = [model.role for model in audited.result.models if model.fit]
    assert {"independent": 3, "random": 1, "positive": 1} == {
        role: roles.count(role) for role in ("independent", "random", "positive")
    }
    kappa = audited.result.kappa_W
    assert kappa is not None
    assert kappa.estimate is not None
    assert kappa.low90 is not None


def test_a_teachers_logits_are_found_by_sequence() -> None:
    """The loss against its answers at the chosen sequences' positions alone is zero for a copy of them."""
    labels = np.array([[0, UNLABELLED, 1], [1, 1, UNLABELLED], [UNLABELLED, UNLABELLED, 0]])
    logits = np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32)
    starts = np.array([0, 2, 4, 5])
    index = np.array([2, 0])
    copied = torch.from_numpy(logits[[4, 0, 1]])
    targets = TeacherTargets(logits=logits, starts=starts)
    recipe = replace(SGD, alpha=1.0, temperature=2.0)
    asked_for = torch.from_numpy(labels[index]).flatten()
    loss = targets.loss(copied, asked_for[asked_for >= 0], index, recipe=recipe, generator=torch.Generator())
    assert 0.0 == pytest.approx(loss.item(), abs=1e-6)


def test_sequences_are_drawn_whole(tmp_path: Path) -> None:
    """A limit leaves sequences, not positions; without classes to balance."""
    from kdaudit.data.subset import stratified_subset

    _, y = passages(20, 5)
    drawn = stratified_subset(y, 8, rng=stream(0, "limit"))
    assert 8 == len(set(drawn.tolist()))
    np.savez(tmp_path / "e.npz", letters=passages(20, 5)[0], y=y)
    part = load_data(str(tmp_path / "e.npz"), cache=tmp_path, options=DataOptions()).subset(drawn)
    assert int((y[drawn] != UNLABELLED).sum()) == len(part.units)
    assert part.units.ids[0].startswith(f"{drawn[0]}:")


def test_one_answer_for_many_labels_invalid() -> None:
    """Neither is guessed from the other."""
    with pytest.raises(ModelError, match=r"expected an answer for each of 6 labels \(2, 3\).*found 2"):
        asked(torch.zeros(2, 4), torch.zeros(2, 3, dtype=torch.int64))


@pytest.mark.parametrize(
    ("raw", "labels", "message"),
    [
        (
            (4, 3),
            (4, 3),
            "expected outputs (4, 3, classes) from m.onnx, one row for each label, found (4, 3)",
        ),
        ((4, 2, 5), (4, 3), "found (4, 2, 5)"),
        ((4, 3, 5), (4,), "found (4, 3, 5): a row for each position of a sequence"),
        ((8, 5), (4,), "expected one row of outputs for each of 4 examples from m.onnx, found 8"),
    ],
)
def test_outputs_that_answer_something_else_invalid(
    raw: tuple[int, ...], labels: tuple[int, ...], message: str
) -> None:
    """Labels say how many answers there are."""
    ref = ModelRef(
        name="m", role=Role.STUDENT, path="m.onnx", kind="onnx", sha256="0", output=OutputKind.LOGITS
    )
    with pytest.raises(ModelError) as caught:
        _asked(np.zeros(raw), np.zeros(labels, dtype=np.int64), ref)
    assert message in caught.value.message
