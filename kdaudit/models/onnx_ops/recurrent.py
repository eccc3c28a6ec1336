"""LSTM, GRU and RNN: by torch's own kernels, but for a kind of GRU that torch does not have."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import handle_torch_function, has_torch_function

from kdaudit.models.onnx_ops.call import Call

# Where torch's gates stand among ONNX's: i f g o of i o f c, r z n of z r h.
_LSTM_GATES = (0, 2, 3, 1)
_GRU_GATES = (1, 0, 2)


def lstm(call: Call) -> tuple[Tensor, ...]:
    """A long short-term memory: the states of all times, the last state, the last cell."""
    if call.node.has(7) and call.level(7) != 0.0:
        raise call.refuse("peephole weights, which torch's LSTM does not have")
    if call.node.integer("input_forget", 0):
        raise call.refuse("input and forget gates that are one, which torch's LSTM does not have")
    layer = _Layer(call, gates=_LSTM_GATES, activations=("sigmoid", "tanh", "tanh"))
    given = torch.lstm(layer.x, [layer.first(5), layer.first(6)], layer.weights(), *layer.settings())
    return layer.states(given[0]), layer.last(given[1]), layer.last(given[2])


def gru(call: Call) -> tuple[Tensor, ...]:
    """A gated recurrent unit: the states of all times, and the last state."""
    layer = _Layer(call, gates=_GRU_GATES, activations=("sigmoid", "tanh"))
    if call.node.integer("linear_before_reset", 0):
        given = torch.gru(layer.x, layer.first(5), layer.weights(), *layer.settings())
    else:
        given = gru_reset_first(layer.x, layer.first(5), layer.weights(), batch_first=layer.batch_first)
    return layer.states(given[0]), layer.last(given[1])


def rnn(call: Call) -> tuple[Tensor, ...]:
    """A plain recurrent layer: the states of all times, and the last state."""
    named = call.node.attributes.get("activations")
    rectified = isinstance(named, tuple) and str(named[0]).lower() == "relu"
    layer = _Layer(call, gates=(0,), activations=("relu" if rectified else "tanh",))
    recur = torch.rnn_relu if rectified else torch.rnn_tanh
    given = recur(layer.x, layer.first(5), layer.weights(), *layer.settings())
    return layer.states(given[0]), layer.last(given[1])


def gru_reset_first(
    x: Tensor, first: Tensor, weights: Sequence[Tensor], *, batch_first: bool
) -> tuple[Tensor, Tensor]:
    """A GRU that resets the state before it is multiplied (Keras' `reset_after=False`); one step of torch.fx.

    Args:
        x: (times, n, inputs), or (n, times, inputs) with `batch_first`.
        first: the states before the first time (directions, n, hidden).
        weights: for each direction those of torch.gru: of the inputs, of the states, then both biases, if any.
        batch_first: see x.

    Returns:
        The states of all times, laid out as x, with those of all directions side by side; the last states as `first`.
    """
    if has_torch_function((x, first, *weights)):
        found: tuple[Tensor, Tensor] = handle_torch_function(
            gru_reset_first, (x, first, *weights), x, first, weights, batch_first=batch_first
        )
        return found
    each = len(weights) // len(first)
    states, last = [], []
    for direction, h0 in enumerate(first):
        w_in, w_state, *biases = weights[direction * each : (direction + 1) * each]
        h, size = h0, h0.shape[-1]
        fed = functional.linear(x, w_in, sum(biases[1:], biases[0]) if biases else None)
        steps = fed.unbind(1 if batch_first else 0)
        passed = []
        for step in reversed(steps) if direction else steps:
            gates = torch.sigmoid(step[:, : 2 * size] + functional.linear(h, w_state[: 2 * size]))
            reset, keep = gates[:, :size], gates[:, size:]
            new = torch.tanh(step[:, 2 * size :] + functional.linear(reset * h, w_state[2 * size :]))
            h = new + keep * (h - new)
            passed.append(h)
        states.append(torch.stack(passed[::-1] if direction else passed, dim=1 if batch_first else 0))
        last.append(h)
    return torch.cat(states, dim=-1), torch.stack(last)


class _Layer:
    """What the kinds of recurrent layers share: the layouts of ONNX and of torch.

    Attributes:
        x: the inputs, in the order in which they are read.
        batch_first: whether their first axis is the batch, else it is the second.
    """

    def __init__(self, call: Call, *, gates: Sequence[int], activations: tuple[str, ...]) -> None:
        self.call, self.gates = call, gates
        self.n_directions, _, self.hidden = call.shape(2)
        self.batch_first = bool(call.node.integer("layout", 0))
        self.time = 1 if self.batch_first else 0
        self.backwards = call.node.text("direction", "forward") == "reverse"
        self._check(activations)
        self.x = call.tensor(0).flip(self.time) if self.backwards else call.tensor(0)

    def settings(self) -> tuple[bool, int, float, bool, bool, bool]:
        """What torch's kernels want: has biases, layers, dropout, train, bidirectional, batch first."""
        return self.call.node.has(3), 1, 0.0, True, self.n_directions == 2, self.batch_first

    def weights(self) -> list[Tensor]:
        """The weights as torch wants them, one direction after the other."""
        found = []
        for direction in range(self.n_directions):
            arrays = [self.call.tensor(1)[direction], self.call.tensor(2)[direction]]
            if self.call.node.has(3):
                both, half = self.call.tensor(3)[direction], len(self.gates) * self.hidden
                arrays += [both[:half], both[half:]]
            found += [self._reordered(array) for array in arrays]
        return found

    def first(self, slot: int) -> Tensor:
        """The state before the first time; without one, or if the file fills it with zeros, zeros."""
        if self.call.node.has(slot) and self.call.level(slot) != 0.0:
            state = self.call.tensor(slot)
            return state.transpose(0, 1) if self.batch_first else state
        return self.x.new_zeros((self.n_directions, self.x.size(1 - self.time), self.hidden))

    def states(self, y: Tensor) -> Tensor:
        """The states of all times as ONNX lays them out."""
        y = torch.unflatten(y.flip(self.time) if self.backwards else y, -1, (self.n_directions, self.hidden))
        return y if self.batch_first else y.permute(0, 2, 1, 3)

    def last(self, state: Tensor) -> Tensor:
        """The last state as ONNX lays it out."""
        return state.transpose(0, 1) if self.batch_first else state

    def _reordered(self, array: Tensor) -> Tensor:
        if len(self.gates) == 1:
            return array
        return torch.cat([array[i * self.hidden : (i + 1) * self.hidden] for i in self.gates])

    def _check(self, activations: tuple[str, ...]) -> None:
        node = self.call.node
        named = node.attributes.get("activations")
        if (
            isinstance(named, tuple)
            and tuple(str(n).lower() for n in named) != activations * self.n_directions
        ):
            raise self.call.refuse(f"activations {named}, where torch has {activations}")
        if "clip" in node.attributes:
            raise self.call.refuse("cells that are clipped, which torch does not do")
        if node.has(4) and self.call.level(4) != self.call.shape(0)[self.time]:
            raise self.call.refuse("lengths that differ from example to example (sequence_lens)")
