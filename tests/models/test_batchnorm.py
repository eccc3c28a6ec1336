"""Folded BatchNorm is found on evidence, put back without changing an answer, and never guessed in silence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from kdaudit.models.trainable import OnnxNetwork
from tests.models.files import write
from tests.models.zoo import DYNAMO, TS, Export, anonymous, answers, examples, export, make, opened

Exported = Callable[[Export], Path]

NOTE = "the exporter's own note that it folded BatchNorm"
NAMES = "names that only folding gives"
BIAS_NAME = "a bias that folding named after the weight"
STRUCTURE = (
    "a convolution with a bias, of a name that is no layer's, and no normalisation in the whole network"
)
OWN_NAMES = "a bias with its layer's own name, so nothing was folded into it"


def batchnorms(network: OnnxNetwork) -> list[nn.Module]:
    """The BatchNorm modules of the network to be trained."""
    return [m for m in network.build(0).modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]


@pytest.mark.parametrize(
    ("way", "n", "evidence"),
    [
        (Export(network="small_vgg"), 4, NAMES),
        (Export(network="small_vgg", exporter=DYNAMO), 4, NOTE),
        (Export(network="biased_vgg"), 2, NAMES),
        (Export(network="biased_vgg", exporter=DYNAMO), 2, NOTE),
        (Export(network="audio_cnn"), 2, NAMES),
        (Export(network="gated"), 2, NAMES),
        (Export(network="gated", exporter=DYNAMO), 2, NOTE),
        (Export(network="mlp", exporter=DYNAMO), 2, NOTE),
    ],
    ids=str,
)
def test_folded_batchnorm_is_found_and_changes_no_answer(
    way: Export, n: int, evidence: str, exported: Exported
) -> None:
    """Every layer that lost one gets it back, gates with biases of their own do not, and outputs stay the same."""
    path = exported(way)
    network = opened(path)
    assert "bn-reinserted" == network.fidelity.level
    assert (evidence,) == network.fidelity.evidence
    assert f"BatchNorm put back after {n} layers (evidence: {evidence})" in network.fidelity.sentence
    assert n == len(batchnorms(network))
    inputs = examples(way.network, 5)
    with torch.no_grad():
        found = network.network.module(torch.from_numpy(inputs)).numpy()
    np.testing.assert_allclose(found, answers(path, inputs), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("exporter", [TS, DYNAMO])
@pytest.mark.parametrize("network", ["small_vgg", "gated"])
def test_trained_parameters_are_as_many_as_the_native_networks(
    network: str, exporter: str, exported: Exported
) -> None:
    """Where no convolution has a bias before its BatchNorm, not one parameter is lost or gained."""
    native = sum(p.numel() for p in make(network).parameters())
    assert native == opened(exported(Export(network=network, exporter=exporter))).fidelity.n_parameters


@pytest.mark.parametrize(
    ("way", "n"),
    [
        (Export(network="small_vgg", folded=False), 4),
        (Export(network="small_vgg", exporter=DYNAMO, folded=False), 4),
        (Export(network="mlp"), 2),
        (Export(network="mlp", exporter=DYNAMO, folded=False), 2),
    ],
    ids=str,
)
def test_kept_batchnorm_is_left_as_it_is(way: Export, n: int, exported: Exported) -> None:
    """A file that still has its BatchNorm needs no evidence; dense layers keep theirs in TorchScript's export."""
    network = opened(exported(way))
    assert "bn-kept" == network.fidelity.level
    assert f"with all of its {n} BatchNorm layers." in network.fidelity.sentence
    assert n == len(batchnorms(network))


def test_settings_of_kept_batchnorm_are_the_files(tmp_path: Path) -> None:
    """Epsilon and momentum reach the trained module; ONNX's momentum is the share that is kept."""
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, eps=1e-3, momentum=0.01), nn.Flatten(), nn.Linear(784, 10)
    )
    path = export(Export(network="small_vgg", folded=False), tmp_path / "net.onnx", net.eval())
    (module,) = batchnorms(opened(path))
    assert isinstance(module, nn.BatchNorm2d)
    assert 0.01 == module.momentum
    assert pytest.approx(1e-3) == module.eps


def test_put_back_batchnorm_has_torchs_defaults_and_learns_statistics(exported: Exported) -> None:
    """Epsilon 1e-5 and momentum 0.1, which folding lost; running statistics move in training."""
    network = opened(exported(Export(network="small_vgg"))).build(0)
    module = next(m for m in network.modules() if isinstance(m, nn.BatchNorm2d))
    assert (1e-5, 0.1) == (module.eps, module.momentum)
    assert module.running_mean is not None
    assert not module.running_mean.any()
    network(torch.from_numpy(examples("small_vgg", 8)))
    assert module.running_mean.all()


@pytest.mark.parametrize("exporter", [TS, DYNAMO])
def test_a_network_without_batchnorm_gets_none(exporter: str, exported: Exported) -> None:
    """Biases with their layers' own names show that nothing was folded, and the report says so."""
    network = opened(exported(Export(network="plain_cnn", exporter=exporter)))
    assert "converted" == network.fidelity.level
    assert [] == batchnorms(network)
    assert (OWN_NAMES,) == network.fidelity.evidence
    assert f"shows no trace of BatchNorm (evidence: {OWN_NAMES})" in network.fidelity.sentence


def test_names_given_by_folding_are_enough_without_the_exporters_note(
    exported: Exported, tmp_path: Path
) -> None:
    """Tools that drop metadata leave `<weight>_bias`."""
    model = onnx.load(exported(Export(network="small_vgg", exporter=DYNAMO)))
    for node in model.graph.node:
        del node.metadata_props[:]
    onnx.save(model, tmp_path / "net.onnx")
    network = opened(tmp_path / "net.onnx")
    assert (BIAS_NAME,) == network.fidelity.evidence
    assert 4 == len(batchnorms(network))


def test_several_kinds_of_evidence_are_counted(exported: Exported, tmp_path: Path) -> None:
    """One layer known by its bias's name, three by the exporter's note."""
    model = onnx.load(exported(Export(network="small_vgg", exporter=DYNAMO)))
    first = next(node for node in model.graph.node if node.op_type == "Conv")
    del first.metadata_props[:]
    onnx.save(model, tmp_path / "net.onnx")
    assert (f"{BIAS_NAME}: 1", f"{NOTE}: 3") == opened(tmp_path / "net.onnx").fidelity.evidence


@pytest.mark.parametrize(("network", "n"), [("small_vgg", 4), ("gated", 2), ("plain_cnn", 2)])
def test_without_names_the_structure_decides_and_the_report_says_so(
    network: str, n: int, exported: Exported, tmp_path: Path
) -> None:
    """The structure cannot tell a network that never had BatchNorm: a control that lacks one would be worse."""
    path = anonymous(exported(Export(network=network)), tmp_path / "net.onnx")
    converted = opened(path)
    assert (STRUCTURE,) == converted.fidelity.evidence
    assert STRUCTURE in converted.fidelity.sentence
    assert n == len(batchnorms(converted))
    assert [] == batchnorms(opened(path, reinsert_bn="never"))


def test_any_normalisation_left_speaks_against_the_structure(tmp_path: Path) -> None:
    """An exporter that leaves one BatchNorm folds none."""
    path = write(
        "a = BatchNormalization (x, scale, offset, mean, variance)  h = Conv (a, kernel, kernel_bias)",
        tmp_path / "net.onnx",
    )
    network = opened(path)
    assert "bn-kept" == network.fidelity.level
    assert 1 == len(batchnorms(network))


def test_never_says_that_the_controls_are_no_fair_comparison(exported: Exported) -> None:
    """As asked, nothing is put back; the sentence says what that costs and on which evidence."""
    network = opened(exported(Export(network="small_vgg")), reinsert_bn="never")
    assert "converted" == network.fidelity.level
    assert [] == batchnorms(network)
    assert (NAMES,) == network.fidelity.evidence
    assert f"folded at 4 layers (evidence: {NAMES})" in network.fidelity.sentence
    assert "are no fair comparison" in network.fidelity.sentence


def test_always_puts_one_after_every_convolution(exported: Exported) -> None:
    """Convolutions with a bias, but not onto a single point, and not dense layers beside convolutions."""
    asked = opened(exported(Export(network="plain_cnn")), reinsert_bn="always")
    assert ("asked for, without evidence",) == asked.fidelity.evidence
    assert 2 == len(batchnorms(asked))
    gated = opened(exported(Export(network="gated")), reinsert_bn="always")
    assert 2 == len(batchnorms(gated))
    kept = opened(exported(Export(network="biased_vgg", folded=False)), reinsert_bn="always")
    assert ("bn-kept", 2) == (kept.fidelity.level, len(batchnorms(kept)))


def test_always_puts_one_after_every_hidden_dense_layer(tmp_path: Path) -> None:
    """In a network without convolutions; the last layer gives the outputs and gets none."""
    net = nn.Sequential(nn.Linear(20, 16), nn.ReLU(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 5))
    path = export(Export(network="mlp"), tmp_path / "net.onnx", net.eval())
    assert [] == batchnorms(opened(path))
    asked = batchnorms(opened(path, reinsert_bn="always"))
    assert [16, 8] == [m.num_features for m in asked if isinstance(m, nn.BatchNorm1d)]
