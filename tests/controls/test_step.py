"""One step by hand: the update, the learning rate, and what precision does to both."""

from __future__ import annotations

from dataclasses import replace
from math import cos, pi

import numpy as np
import pytest
import torch

from kdaudit.controls.feed import Feed
from kdaudit.controls.step import Stepper, StepSums, default_precision
from kdaudit.controls.targets import LabelTargets, Targets
from kdaudit.types import Float64, Int64, OutputKind, Recipe
from tests.controls.fakes import SGD, Stored, blobs

N_STEPS = 10


def linear() -> torch.nn.Linear:
    """Weights (3, 8) without an offset."""
    torch.manual_seed(0)
    return torch.nn.Linear(8, 3, bias=False)


def stepper(
    network: torch.nn.Module,
    data: Stored,
    recipe: Recipe,
    targets: Targets | None = None,
    *,
    n_steps: int = N_STEPS,
    precision: str = "fp32",
) -> Stepper:
    """A training on the CPU, with labels where a test does not care."""
    return Stepper(
        network,
        Feed(data, device="cpu"),
        recipe,
        targets or LabelTargets(),
        output=OutputKind.LOGITS,
        n_steps=n_steps,
        noise=torch.Generator().manual_seed(0),
        device="cpu",
        precision=precision,
    )


def gradient(weights: Float64, x: Float64, labels: Float64) -> Float64:
    """Of the mean cross-entropy of a linear network: (softmax(x W^T) - one-hot)^T x / n."""
    logits = x @ weights.T
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    result: Float64 = (p - labels).T @ x / len(x)
    return result


def test_two_steps_of_sgd_by_hand() -> None:
    """Nesterov momentum with weight decay: g += d w; v = m v + g; w -= lr (g + m v), lr along a cosine."""
    recipe = replace(SGD, weight_decay=0.1)
    data, network = blobs(6), linear()
    x, labels = data.stored["x"].astype(np.float64), np.eye(3)[data.labels]
    expected: Float64 = network.weight.detach().numpy().astype(np.float64)
    velocity = np.zeros_like(expected)
    trained = stepper(network, data, recipe)
    for k in range(2):
        g = gradient(expected, x, labels) + 0.1 * expected
        velocity = 0.9 * velocity + g
        expected = expected - 0.1 * (1 + cos(pi * k / N_STEPS)) / 2 * (g + 0.9 * velocity)
        trained.step(np.arange(6))
    np.testing.assert_allclose(network.weight.detach().numpy(), expected, rtol=1e-4)


def test_a_first_step_of_adamw_by_hand() -> None:
    """To w (1 - lr d) - lr sign(g): a first step of the rate's length in every direction."""
    recipe = replace(SGD, optimizer="adamw", lr=0.01, weight_decay=0.5)
    data, network = blobs(6), linear()
    before: Float64 = network.weight.detach().numpy().astype(np.float64)
    g = gradient(before, data.stored["x"].astype(np.float64), np.eye(3)[data.labels])
    stepper(network, data, recipe).step(np.arange(6))
    expected = before * (1 - 0.01 * 0.5) - 0.01 * np.sign(g)
    np.testing.assert_allclose(network.weight.detach().numpy(), expected, atol=1e-5)


def test_a_step_sums_loss_and_right_answers_by_hand() -> None:
    """Before the update, over the examples of the batch."""
    data, network = blobs(6), linear()
    logits = data.stored["x"].astype(np.float64) @ network.weight.detach().numpy().T
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    index = np.array([0, 2, 3])
    sums = StepSums.zero("cpu") + stepper(network, data, SGD).step(index)
    np.testing.assert_allclose(float(sums.loss), -log_p[index, data.labels[index]].sum(), rtol=1e-5)
    assert int((logits.argmax(axis=1) == data.labels)[index].sum()) == int(sums.n_right)


class Uphill:
    """Wants more of the first logit: its loss has the slope -`slope` everywhere."""

    def __init__(self, slope: float = 1.0) -> None:
        self._slope = slope

    def loss(
        self,
        logits: torch.Tensor,
        labels: torch.Tensor,  # noqa: ARG002
        index: Int64,  # noqa: ARG002
        *,
        recipe: Recipe,  # noqa: ARG002
        generator: torch.Generator,  # noqa: ARG002
    ) -> torch.Tensor:
        """Mean over the examples."""
        return -self._slope * logits[:, 0].mean()


PLAIN = replace(SGD, momentum=0.0, weight_decay=0.0)
ONES = Stored(stored={"x": np.ones((2, 1), np.float32)}, labels=np.array([0, 0]))


def climb(recipe: Recipe, targets: Uphill, *, n_steps: int, precision: str = "fp32") -> list[float]:
    """The moves of one weight, step by step, from 0."""
    network = torch.nn.Linear(1, 2, bias=False)
    torch.nn.init.zeros_(network.weight)
    trained = stepper(network, ONES, recipe, targets, n_steps=n_steps, precision=precision)
    places = [0.0]
    for _ in range(n_steps):
        trained.step(np.arange(2))
        places.append(float(network.weight.detach()[0, 0]))
    return np.diff(places).tolist()


@pytest.mark.parametrize(
    ("schedule", "moves"),
    [
        ("constant", [0.1] * 4),
        ("cosine", [0.1 * (1 + cos(pi * k / 4)) / 2 for k in range(4)]),
    ],
)
def test_the_learning_rate_by_hand(schedule: str, moves: list[float]) -> None:
    """Plain gradient descent on a slope of one moves a weight by the rate of each step."""
    recipe = replace(PLAIN, schedule=schedule)  # type: ignore[arg-type]
    np.testing.assert_allclose(climb(recipe, Uphill(), n_steps=4), moves, rtol=1e-5)


def test_one_cycle_goes_up_to_the_learning_rate_and_down() -> None:
    """It peaks at the recipe's rate in its first half, and ends far below its start."""
    moves = climb(replace(PLAIN, schedule="onecycle"), Uphill(), n_steps=40)
    peak = int(np.argmax(moves))
    assert moves[peak] == pytest.approx(0.1, rel=0.01)
    assert 0 < peak < 20
    assert (np.diff(moves[: peak + 1]) > 0).all()
    assert (np.diff(moves[peak:]) < 0).all()
    assert moves[-1] < moves[0] / 10


def test_a_step_that_overflows_in_half_precision_is_left_out() -> None:
    """float16 ends at 65,504: the scaled gradient is halved until it fits, and the rate waits for it."""
    moves = climb(PLAIN, Uphill(slope=4.0), n_steps=8, precision="fp16")
    n_left_out = moves.index(next(move for move in moves if move))
    assert n_left_out > 0
    rates = [0.1 * (1 + cos(pi * k / 8)) / 2 for k in range(8 - n_left_out)]
    np.testing.assert_allclose(moves[n_left_out:], 4 * np.array(rates), rtol=1e-3)


def test_the_cpu_computes_in_single_precision_unless_told() -> None:
    """Mixed precision is a choice there."""
    assert "fp32" == default_precision("cpu")
