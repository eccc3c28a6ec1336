"""All kinds of outputs become logits whose softmax is what was put out."""

from __future__ import annotations

import pytest
import torch

from kdaudit.controls.outputs import class_logits
from kdaudit.errors import ModelError
from kdaudit.types import OutputKind


def test_logits_stay_as_they_are() -> None:
    """Also in half precision, where they become float32."""
    raw = torch.tensor([[1.0, -2.0, 0.5]], dtype=torch.bfloat16)
    logits = class_logits(raw, OutputKind.LOGITS)
    assert torch.float32 == logits.dtype
    assert [[1.0, -2.0, 0.5]] == logits.tolist()


def test_one_logit_is_against_zero_by_hand() -> None:
    """Its sigmoid is the probability of class 1."""
    assert [[0.0, 3.0], [0.0, -1.0]] == class_logits(
        torch.tensor([[3.0], [-1.0]]), OutputKind.LOGITS
    ).tolist()


def test_probabilities_come_back_from_the_softmax() -> None:
    """A probability of zero is a very small one."""
    probabilities = torch.tensor([[0.7, 0.3, 0.0]])
    logits = class_logits(probabilities, OutputKind.PROBS)
    assert torch.isfinite(logits).all()
    torch.testing.assert_close(probabilities, logits.softmax(dim=1))


def test_a_sigmoid_score_is_the_probability_of_class_one() -> None:
    """Both extremes stay finite."""
    logits = class_logits(torch.tensor([[0.8], [0.0], [1.0]]), OutputKind.SIGMOID)
    assert torch.isfinite(logits).all()
    expected = torch.tensor([[0.2, 0.8], [1.0, 0.0], [0.0, 1.0]])
    torch.testing.assert_close(expected, logits.softmax(dim=1))


@pytest.mark.parametrize(
    ("raw", "output", "message"),
    [
        (
            torch.zeros(2, 3, 4, 5),
            OutputKind.LOGITS,
            "expected an output of shape (n, classes), or (n, positions, classes) of sequences, from the network",
        ),
        (torch.zeros(2, 3, 4, 5), OutputKind.LOGITS, "found (2, 3, 4, 5)"),
        ((torch.zeros(2, 3),), OutputKind.LOGITS, "found tuple"),
        (torch.zeros(2, 2), OutputKind.SIGMOID, "expected one column of sigmoid output"),
        (torch.zeros(2, 1), OutputKind.PROBS, "expected two columns or more of probs output"),
    ],
)
def test_outputs_of_another_shape_invalid(raw: torch.Tensor, output: OutputKind, message: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(ModelError) as caught:
        class_logits(raw, output)
    assert message in caught.value.message
