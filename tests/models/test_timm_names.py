"""`timm:NAME`: timm's own networks, drawn by timm's own code; nothing is fetched."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

from kdaudit.errors import ModelError, SpecError
from kdaudit.models import load_model
from kdaudit.models.architecture import build_architecture
from kdaudit.models.checks import check_architecture
from kdaudit.models.trainable import ArchitectureNetwork, open_network
from kdaudit.types import OutputKind
from tests.models.networks import native, network_spec, ref

ARGS: dict[str, Any] = {"num_classes": 4, "in_chans": 1}
X = {"x": np.random.default_rng(0).normal(size=(5, 1, 32, 32)).astype(np.float32)}


def network(seed: int = 0) -> torch.nn.Module:
    """A small network of timm."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made: torch.nn.Module = timm.create_model("test_efficientnet", **ARGS)
    return made.eval()


@pytest.mark.parametrize("kind", ["state_dict", "safetensors"])
def test_weights_answer_in_the_named_architecture(kind: str, tmp_path: Path) -> None:
    """As the network itself, whatever the weights are kept in."""
    path = tmp_path / "weights"
    state = network().state_dict()
    torch.save(state, path) if kind == "state_dict" else save_file(state, path)
    model = ref(path, kind, arch="timm:test_efficientnet", arch_args=json.dumps(ARGS))
    with load_model(model, device="cpu") as opened:
        assert native(network(), X) == pytest.approx(opened.run(X), abs=1e-5)


def test_controls_are_drawn_by_timm_itself(tmp_path: Path) -> None:
    """The same seed gives what timm gives."""
    model = ref(tmp_path / "absent", "state_dict", arch="timm:test_efficientnet", arch_args=json.dumps(ARGS))
    factory = open_network(network_spec(model, X))
    assert isinstance(factory, ArchitectureNetwork)
    assert "own architecture, timm:test_efficientnet" in factory.fidelity.sentence
    check_architecture(factory, examples=X, output=OutputKind.LOGITS)
    drawn, own = factory.build(3).state_dict(), network(3).state_dict()
    assert all(torch.equal(own[key], drawn[key]) for key in own)


def test_a_head_that_starts_with_wide_scores_is_its_own_affair(tmp_path: Path) -> None:
    """Heads of MobileNets are drawn by their number of outputs: the first loss is far above that of guessing."""
    x = {"x": np.random.default_rng(0).normal(size=(8, 3, 64, 64)).astype(np.float32)}
    model = ref(
        tmp_path / "absent",
        "state_dict",
        arch="timm:mobilenetv4_conv_small_035",
        arch_args='{"num_classes": 2}',
    )
    factory = open_network(network_spec(model, x))
    assert isinstance(factory, ArchitectureNetwork)
    check_architecture(factory, examples=x, output=OutputKind.LOGITS)


def test_unknown_names_invalid() -> None:
    """The nearest one is named; names that would be fetched are none."""
    with pytest.raises(
        ModelError, match="expected the name of an architecture of timm, found 'resnet19'"
    ) as caught:
        build_architecture("timm:resnet19", None)
    assert "did you mean timm:resnet" in str(caught.value.hint)
    with pytest.raises(ModelError, match="expected to import the module 'timm:hf-hub'"):
        build_architecture("timm:hf-hub:some/model", None)


def test_trained_weights_are_not_fetched_invalid() -> None:
    """`pretrained` would reach for the network."""
    with pytest.raises(SpecError, match="expected timm:test_vit without trained weights, found pretrained"):
        build_architecture("timm:test_vit", '{"pretrained": true}')


def test_arguments_that_do_not_fit_invalid() -> None:
    """Timm's own complaint."""
    with pytest.raises(ModelError, match="expected timm:test_vit to build a network with arguments"):
        build_architecture("timm:test_vit", '{"wide": 1}')


def test_without_timm_the_extra_is_named_invalid(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package is optional."""
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(
        ModelError, match="expected the package timm for the architecture timm:test_vit"
    ) as caught:
        build_architecture("timm:test_vit", None)
    assert "pip install 'kdaudit[timm]'" == caught.value.hint
