"""Layers known by their class alone are drawn as torch itself draws them."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

import pytest
import torch
from torch import nn

from kdaudit.models.layers import layers_of, redraw_layers, without_default
from tests.models.networks import OwnLayer, Patches, Tied

LAYERS: dict[str, Callable[[], nn.Module]] = {
    "linear": lambda: nn.Linear(7, 5),
    "linear without bias": lambda: nn.Linear(7, 5, bias=False),
    "convolution": lambda: nn.Conv2d(6, 4, 3, groups=2),
    "convolution over time": lambda: nn.Conv1d(3, 4, 5),
    "transposed convolution": lambda: nn.ConvTranspose2d(6, 4, 3, groups=2),
    "embedding": lambda: nn.Embedding(9, 4),
    "batch norm": lambda: nn.BatchNorm2d(4),
    "group norm": lambda: nn.GroupNorm(2, 4),
    "layer norm": lambda: nn.LayerNorm(4),
    "rms norm": lambda: nn.RMSNorm(4),
    "lstm": lambda: nn.LSTM(3, 5, num_layers=2, bidirectional=True),
    "gru": lambda: nn.GRU(3, 5),
    "prelu": lambda: nn.PReLU(4),
}


def spoilt(layer: nn.Module) -> nn.Module:
    """As if it had been trained: no number is what it was."""
    with torch.no_grad():
        for tensor in layer.state_dict().values():
            tensor.fill_(7)
    return layer


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_drawn_number_by_number_against_torch(name: str) -> None:
    """From the same seed, the numbers of torch's own constructor."""
    torch.manual_seed(3)
    own = LAYERS[name]()
    drawn = spoilt(LAYERS[name]())
    torch.manual_seed(3)
    redraw_layers(layers_of(drawn))
    for key, value in own.state_dict().items():
        assert torch.equal(value, drawn.state_dict()[key]), key


def test_attention_is_drawn_as_torch_does_against_theory() -> None:
    """The joint projection by Xavier, the one of the outputs as a dense layer, all offsets 0."""
    attention = spoilt(nn.MultiheadAttention(64, 4))
    torch.manual_seed(0)
    redraw_layers(layers_of(attention))
    state = attention.state_dict()
    for key, bound in (("in_proj_weight", sqrt(6 / (64 + 192))), ("out_proj.weight", 1 / sqrt(64))):
        assert bound == pytest.approx(float(state[key].abs().max()), rel=0.01)
    assert not state["in_proj_bias"].any()
    assert not state["out_proj.bias"].any()


def test_a_table_that_is_the_output_layer_too_is_drawn_narrow() -> None:
    """With the embedding's own deviation of 1 the first loss would be huge."""
    network = Tied()
    redraw_layers(layers_of(network))
    assert 0.02 == pytest.approx(float(network.embedding.weight.detach().std()), rel=0.1)


def test_what_has_no_default_is_named() -> None:
    """A matrix of a layer of its own; tokens and positions have a draw."""
    assert ("kernel",) == without_default(layers_of(OwnLayer()))
    assert () == without_default(layers_of(Patches()))
