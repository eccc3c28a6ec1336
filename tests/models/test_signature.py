"""Models of one architecture are recognised in whatever format they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
import torch

from kdaudit.models import load_model
from kdaudit.models.onnx_export import export_onnx
from kdaudit.models.onnx_signature import onnx_signature
from kdaudit.models.signature import weight_shapes
from kdaudit.types import ModelRef, Role, Signature
from tests.models.zoo import DYNAMO, TS, Export, examples, export, make, opened
from tests.models.zoo_networks import NETWORKS

Exported = Callable[[Export], Path]


def signature(path: Path, kind: str, arch: str | None = None) -> Signature:
    """Of a file."""
    ref = ModelRef(name="m", role=Role.STUDENT, path=str(path), kind=kind, sha256="0" * 64, arch=arch)
    with load_model(ref, device="cpu") as model:
        return model.signature()


def apart(module: torch.nn.Module) -> torch.nn.Module:
    """As if trained: no arrays are equal, of which an exporter keeps one."""
    with torch.no_grad():
        for tensor in module.state_dict().values():
            if tensor.is_floating_point():
                tensor.add_(torch.rand(tensor.shape) / 10)
    return module.eval()


@pytest.mark.parametrize("exporter", [TS, DYNAMO])
@pytest.mark.parametrize("folded", [True, False])
@pytest.mark.parametrize("network", ["small_vgg", "audio_cnn", "mlp"])
def test_weights_are_those_of_the_module(
    network: str, exporter: str, folded: bool, exported: Exported, tmp_path: Path
) -> None:
    """By both exporters, BatchNorm folded or kept."""
    torch.save(make(network).state_dict(), tmp_path / "m.pt")
    path = exported(Export(network=network, exporter=exporter, folded=folded))
    arch = f"tests.models.zoo_networks:{NETWORKS[network].make.__name__}"
    expected = signature(tmp_path / "m.pt", "state_dict", arch)
    assert expected.weights == signature(path, "onnx").weights


@pytest.mark.parametrize("exporter", [TS, DYNAMO])
@pytest.mark.parametrize("network", ["small_vgg", "lstm", "vit"])
def test_a_saved_control_is_of_its_students_architecture(network: str, exporter: str, tmp_path: Path) -> None:
    """BatchNorm is folded in the student's file and kept in the control's; operators are written in other ways."""
    path = export(Export(network=network, exporter=exporter), tmp_path / "student.onnx", apart(make(network)))
    saved = tmp_path / "control.onnx"
    x = {"x": torch.from_numpy(examples(network, 2))}
    export_onnx(apart(opened(path).build(0)), x, saved, free_batch=True)
    assert signature(path, "onnx") == signature(saved, "onnx")


@pytest.mark.parametrize("exporter", [TS, DYNAMO])
def test_folded_batchnorm_is_no_other_architecture(exporter: str, tmp_path: Path) -> None:
    """Layers with a bias of their own and without."""
    module = apart(make("audio_cnn"))
    folded, kept = (
        export(
            Export(network="audio_cnn", exporter=exporter, folded=folded), tmp_path / f"{folded}.onnx", module
        )
        for folded in (True, False)
    )
    assert signature(folded, "onnx") == signature(kept, "onnx")


def test_another_activation_is_another_architecture(tmp_path: Path) -> None:
    """Although all weights have the same shapes."""
    smooth = make("mlp")
    assert isinstance(smooth, torch.nn.Sequential)
    smooth[2] = torch.nn.Tanh()
    first = export(Export(network="mlp"), tmp_path / "a.onnx")
    second = export(Export(network="mlp"), tmp_path / "b.onnx", smooth.eval())
    assert signature(first, "onnx").weights == signature(second, "onnx").weights
    assert signature(first, "onnx") != signature(second, "onnx")


def test_both_forms_of_gelu_count_as_their_formulas(tmp_path: Path) -> None:
    """The operator is newer than the formula."""
    found = {}
    for approximate in ("none", "tanh"):
        module = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.GELU(approximate), torch.nn.Linear(4, 3))
        for opset in (17, 20):
            path = tmp_path / f"{approximate}{opset}.onnx"
            torch.onnx.export(module, (torch.ones(2, 4),), str(path), dynamo=False, opset_version=opset)
            found[approximate, opset] = signature(path, "onnx").operators
    assert {
        ("none", 17): (("Erf", 1),),
        ("none", 20): (("Erf", 1),),
        ("tanh", 17): (("Tanh", 1),),
        ("tanh", 20): (("Tanh", 1),),
    } == found


def test_newer_operators_count_as_what_they_bend_with_by_hand() -> None:
    """Swish is x sigmoid(x), attention a softmax between two products."""
    body = "w = Swish(x) z = Attention(w, w, w)"
    text = f'<ir_version: 10, opset_import: ["": 24]> g (float[1, 3, 4] x) => (float[1, 3, 4] z) {{ {body} }}'
    found = onnx_signature(onnx.parser.parse_model(text))
    assert (("Sigmoid", 1), ("Softmax", 1)) == found.operators


def test_another_width_is_another_architecture(tmp_path: Path) -> None:
    """One layer is enough."""
    wide = make("mlp")
    assert isinstance(wide, torch.nn.Sequential)
    wide[4] = torch.nn.Linear(32, 40)
    wide[5] = torch.nn.BatchNorm1d(40)
    wide[7] = torch.nn.Linear(40, 5)
    first = export(Export(network="mlp"), tmp_path / "a.onnx")
    second = export(Export(network="mlp"), tmp_path / "b.onnx", wide.eval())
    assert signature(first, "onnx").weights != signature(second, "onnx").weights


def test_weights_as_constant_nodes_count(tmp_path: Path) -> None:
    """Some exporters write no initializers at all."""
    path = export(Export(network="mlp"), tmp_path / "a.onnx")
    expected = signature(path, "onnx")
    model = onnx.load(path)
    for tensor in reversed(model.graph.initializer):
        model.graph.node.insert(0, onnx.helper.make_node("Constant", [], [tensor.name], value=tensor))
    del model.graph.initializer[:]
    onnx.save(model, path)
    found = signature(path, "onnx")
    assert (expected.n_parameters, expected.weights) == (found.n_parameters, found.weights)


def test_what_formats_change_does_not_count_by_hand() -> None:
    """Transposed matrices, axes of length 1, vectors."""
    assert (("10x16", 2), ("3x3x16", 1)) == weight_shapes([(16, 1, 3, 3), (10, 16), (16, 10), (10,), (1, 10)])
