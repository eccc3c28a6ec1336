"""Programs of torch.export: the same answers, the same network to train, and nothing that a file makes torch run."""

from __future__ import annotations

import io
import json
import pickle
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from kdaudit.errors import ModelError
from kdaudit.models import load_model
from kdaudit.models.checks import check_architecture, check_network
from kdaudit.models.exported import ExportedNetwork
from kdaudit.models.exported_file import read_program
from kdaudit.models.trainable import ArchitectureNetwork, OnnxNetwork, open_network
from kdaudit.types import OutputKind, TensorSpec
from tests.models.networks import (
    OwnLayer,
    Patches,
    Reducer,
    Tied,
    Tokens,
    inputs,
    native,
    network_spec,
    ref,
    scaled,
    tensors,
)

Members = dict[str, bytes]


def export(network: nn.Module, path: Path, *, free: bool = True, by_name: bool = False) -> Path:
    """Writes Scaled as a user exports it: any batch or 4 examples, inputs by position or by name."""
    example = dict(zip(inputs(4), tensors(inputs(4)), strict=True))
    batch = torch.export.Dim("batch")
    shapes = {name: {0: batch} for name in example} if free else None
    args = () if by_name else tuple(example.values())
    program = torch.export.export(network, args, example if by_name else None, dynamic_shapes=shapes)
    torch.export.save(program, str(path))
    return path


def saved(network: nn.Module, path: Path, *example: torch.Tensor, shapes: Any = None) -> Path:
    """Writes any network."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of the lists in which torch's LSTM keeps its weights
        program = torch.export.export(network, example, dynamic_shapes=shapes)
    torch.export.save(program, str(path))
    return path


@pytest.fixture(scope="module")
def free(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scaled, exported for any batch."""
    return export(scaled(), tmp_path_factory.mktemp("exported") / "free.pt2")


@pytest.fixture(scope="module")
def fixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scaled, exported for 4 examples."""
    return export(scaled(), tmp_path_factory.mktemp("exported") / "fixed.pt2", free=False)


def test_it_answers_as_the_network_itself(free: Path) -> None:
    """The file says what it takes."""
    with load_model(ref(free, "exported"), device="cpu") as model:
        answer = model.run(inputs())
        assert (None, 2) == (model.fixed_batch, len(model.inputs))
        assert TensorSpec(name="x", shape=(3, 8, 8), dtype="float32") == model.inputs[0]
    assert native(scaled(), inputs()) == pytest.approx(answer, abs=1e-6)


def test_inputs_by_keyword_are_given_by_keyword(tmp_path: Path) -> None:
    """As networks with many optional inputs are exported."""
    path = export(scaled(), tmp_path / "named.pt2", by_name=True)
    with load_model(ref(path, "exported"), device="cpu") as model:
        answer = model.run({spec.name: inputs()[spec.name] for spec in model.inputs})
    assert native(scaled(), inputs()) == pytest.approx(answer, abs=1e-6)


def test_a_fixed_batch_is_told(fixed: Path) -> None:
    """Whoever predicts fills up the last batch."""
    with load_model(ref(fixed, "exported"), device="cpu") as model:
        assert 4 == model.fixed_batch
        assert native(scaled(), inputs(4)) == pytest.approx(model.run(inputs(4)), abs=1e-6)


def test_a_program_is_trained_as_it_is(free: Path) -> None:
    """Dropout and BatchNorm work in training and rest in evaluation; weights follow the seed, none is the student's."""
    factory = open_network(network_spec(ref(free, "exported"), inputs()))
    assert isinstance(factory, ArchitectureNetwork)
    assert ("exact", "convolution") == (factory.fidelity.level, factory.family)
    network, same, other = factory.build(1), factory.build(1), factory.build(2)
    student = scaled().state_dict()
    drawn = [f"network.{key}" for key in ("conv.weight", "conv.bias", "head.weight", "head.bias")]
    for key in drawn:
        assert torch.equal(network.state_dict()[key], same.state_dict()[key])
        assert not torch.equal(network.state_dict()[key], other.state_dict()[key])
        assert not torch.equal(network.state_dict()[key], student[key.removeprefix("network.")])
    x = tensors(inputs())
    assert not torch.equal(network(*x), network(*x))
    assert bool(network.state_dict()["network.norm.running_mean"].any())
    network.eval()
    assert torch.equal(network(*x), network(*x))
    check_architecture(factory, examples=inputs(), output=OutputKind.LOGITS)


def test_it_trains_as_the_network_itself_against_torch(free: Path) -> None:
    """In training mode, with Dropout's draws alike: the same outputs, gradients and running statistics."""
    exported, own = ExportedNetwork(str(free)).train(), scaled().train()
    found = []
    for network in (exported, own):
        torch.manual_seed(7)
        output = network(*tensors(inputs()))
        output.sum().backward()
        norm = network.get_submodule("network.norm" if network is exported else "norm")
        conv = network.get_submodule("network.conv" if network is exported else "conv")
        found.append([output.detach(), norm.running_mean, norm.running_var, conv.weight.grad])
    for a, b in zip(*found, strict=True):
        assert torch.allclose(a, b, atol=1e-5)


def test_a_fixed_batch_goes_through_onnx(fixed: Path) -> None:
    """Its BatchNorm is kept, and it trains at any batch size; every self-check passes."""
    factory = open_network(network_spec(ref(fixed, "exported"), inputs()))
    assert isinstance(factory, OnnxNetwork)
    assert "bn-kept" == factory.fidelity.level
    assert "(exported) was converted by way of ONNX" in factory.fidelity.sentence
    arrays = inputs(64)
    check_network(factory, examples=arrays, expected=native(scaled(), arrays))


def test_attention_at_a_fixed_batch_goes_through_onnx(tmp_path: Path) -> None:
    """With a token and positions of its own; every self-check passes."""
    network = Patches().eval()
    path = saved(network, tmp_path / "patches.pt2", torch.from_numpy(inputs(2)["x"]))
    arrays = {"x": inputs(64)["x"]}
    factory = open_network(network_spec(ref(path, "exported"), arrays))
    assert isinstance(factory, OnnxNetwork)
    check_network(factory, examples=arrays, expected=native(network, arrays))


def test_layers_that_torch_does_not_know_go_through_onnx(tmp_path: Path) -> None:
    """Their weights have no default draw of their own; the operators that read them have."""
    path = saved(OwnLayer(), tmp_path / "own.pt2", torch.zeros(2, 6), shapes=({0: torch.export.Dim("n")},))
    arrays = {"x": np.zeros((2, 6), np.float32)}
    assert isinstance(open_network(network_spec(ref(path, "exported"), arrays)), OnnxNetwork)


def test_tokens_attention_and_recurrence_are_trained_as_they_are(tmp_path: Path) -> None:
    """Every layer of torch's own is drawn anew; the first loss is that of guessing."""
    tokens = np.random.default_rng(0).integers(11, size=(6, 7))
    shapes = ({0: torch.export.Dim("n")},)
    path = saved(Tokens().eval(), tmp_path / "tokens.pt2", torch.from_numpy(tokens), shapes=shapes)
    factory = open_network(network_spec(ref(path, "exported"), {"tokens": tokens}))
    assert isinstance(factory, ArchitectureNetwork)
    assert "recurrent" == factory.family
    check_architecture(factory, examples={"tokens": tokens}, output=OutputKind.LOGITS)


def test_tied_weights_stay_tied(tmp_path: Path) -> None:
    """One parameter that both embeds and scores, drawn small, so that the first loss is that of guessing."""
    shapes = ({0: torch.export.Dim("n")},)
    path = saved(Tied(), tmp_path / "tied.pt2", torch.zeros(3, 4, dtype=torch.long), shapes=shapes)
    tokens = np.random.default_rng(0).integers(50, size=(6, 4))
    built = open_network(network_spec(ref(path, "exported"), {"tokens": tokens})).build(0)
    assert 3 == len(list(built.parameters()))
    assert float(next(built.parameters()).detach().std()) == pytest.approx(0.02, rel=0.1)


def test_digests_are_those_of_architectures(free: Path, tmp_path: Path) -> None:
    """Two trainings have one digest; another width has another."""
    paths = [free, export(scaled(1), tmp_path / "b.pt2"), export(scaled(0, 9), tmp_path / "c.pt2")]
    found = [open_network(network_spec(ref(path, "exported"), inputs())).spec_digest for path in paths]
    assert found[0] == found[1] != found[2]


def test_controls_start_where_the_student_did(free: Path, tmp_path: Path) -> None:
    """--init-from takes another program of the network, and its weights alone."""
    torch.save(scaled(1).state_dict(), tmp_path / "weights.pt")
    program = export(scaled(1), tmp_path / "start.pt2")
    for start in (ref(program, "exported"), ref(tmp_path / "weights.pt", "state_dict")):
        built = open_network(network_spec(ref(free, "exported"), inputs(), init_from=start)).build(0).eval()
        with torch.no_grad():
            assert native(scaled(1), inputs()) == pytest.approx(built(*tensors(inputs())).numpy(), abs=1e-5)


def test_decomposed_batchnorm_cannot_train_invalid(tmp_path: Path) -> None:
    """After run_decompositions BatchNorm knows inference only."""
    program = torch.export.export(scaled(), tuple(tensors(inputs(4)))).run_decompositions()
    torch.export.save(program, str(tmp_path / "net.pt2"))
    with pytest.raises(
        ModelError, match=r"expected BatchNorm that can be trained in .*no_training"
    ) as caught:
        open_network(network_spec(ref(tmp_path / "net.pt2", "exported"), inputs()))
    assert "before run_decompositions" in str(caught.value.hint)


def test_a_program_that_torch_cannot_unfold_invalid(free: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, with the ways out."""

    def fail(_program: object, **_settings: bool) -> None:
        raise RuntimeError("no module\nfor this")

    monkeypatch.setattr(torch.export.ExportedProgram, "module", fail)
    with pytest.raises(
        ModelError, match=r"expected a program that torch can run in .*, found RuntimeError: no module$"
    ):
        ExportedNetwork(str(free))


class Counted(nn.Module):
    """Takes a number beside its examples."""

    def forward(self, x: torch.Tensor, n: int) -> torch.Tensor:
        """X, n times."""
        return x * n


def test_inputs_that_are_no_tensors_invalid(tmp_path: Path) -> None:
    """Data has nothing to give for them."""
    path = tmp_path / "counted.pt2"
    torch.export.save(torch.export.export(Counted(), (torch.ones(2, 3), 2)), str(path))
    with pytest.raises(ModelError, match=r"expected tensors of examples as inputs of .*, found .* for 'n'"):
        ExportedNetwork(str(path))


def members_of(path: Path) -> Members:
    """The files of an archive."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewritten(path: Path, members: Members) -> Path:
    """An archive of these files."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def edited(members: Members, change: Callable[[Any], None]) -> Members:
    """The archive with its program changed."""
    name = next(name for name in members if name.endswith("models/model.json"))
    document = json.loads(members[name])
    change(document)
    return {**members, name: json.dumps(document).encode()}


def _target(document: Any) -> None:
    document["graph_module"]["graph"]["nodes"][0]["target"] = "torch.ops.load_library"


def _size(document: Any) -> None:
    sizes = document["graph_module"]["graph"]["tensor_values"]["x"]["sizes"]
    sizes[0]["as_expr"]["expr_str"] = "exec(chr(105))"


def _call(document: Any) -> None:
    sizes = document["graph_module"]["graph"]["tensor_values"]["x"]["sizes"]
    sizes[0]["as_expr"]["expr_str"] = "Symbol('s0').__class__"


def _name(document: Any) -> None:
    document["graph_module"]["graph"]["inputs"][-1]["as_tensor"]["name"] = "x=print(1)"


def _tree(document: Any) -> None:
    call = next(c for c in document["graph_module"]["module_call_graph"] if c["signature"])
    call["signature"]["in_spec"] = '[1, {"type": "x", "context": "{\\"__enum__\\": 1}", "children_spec": []}]'


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_target, "expected operators of torch's own in .*, found 'torch.ops.load_library'"),
        (_size, r"expected sizes as arithmetic in .*, found 'exec\(chr\(105\)\)'"),
        (_call, "expected sizes as arithmetic in .*, found"),
        (_name, r"expected names in .*, found 'x=print\(1\)'"),
        (_tree, "expected plain inputs and outputs in .*, found"),
    ],
)
def test_text_that_torch_would_run_invalid(
    change: Callable[[Any], None], message: str, free: Path, tmp_path: Path
) -> None:
    """Operators, sizes, names and the form of the inputs are looked at before torch evaluates them."""
    path = rewritten(tmp_path / "evil.pt2", edited(members_of(free), change))
    with pytest.raises(ModelError, match=message):
        read_program(str(path))


def _torch_pickle(value: object) -> bytes:
    stream = io.BytesIO()
    torch.save(value, stream)
    return stream.getvalue()


def test_pickles_that_torch_would_load_invalid(free: Path, tmp_path: Path) -> None:
    """Sample inputs, weights and constants: their code does not run."""
    made = tmp_path / "made"
    evil = _torch_pickle((Reducer(made),))
    members = members_of(free)
    sample = next(name for name in members if name.endswith("sample_inputs/model.pt"))
    config = next(name for name in members if name.endswith("model_weights_config.json"))
    weights = json.loads(members[config])
    first = next(iter(weights["config"].values()))
    first["use_pickle"] = True
    weight = config.replace("model_weights_config.json", first["path_name"])
    constants = config.replace("weights/model_weights", "constants/model_constants")
    opaque = {"config": {"c": {**first, "path_name": "opaque_obj_0"}}}
    for changed, message in (
        ({sample: evil}, "expected only tensors in data/sample_inputs/model.pt of"),
        (
            {config: json.dumps(weights).encode(), weight: evil},
            "expected only tensors in data/weights/weight_0 of",
        ),
        (
            {constants: json.dumps(opaque).encode()},
            "expected tensors as constants in .*, found 'opaque_obj_0'",
        ),
        ({sample: pickle.dumps(Reducer(made))}, "expected only tensors in data/sample_inputs/model.pt of"),
    ):
        path = rewritten(tmp_path / "evil.pt2", {**members, **changed})
        with pytest.raises(ModelError, match=message):
            read_program(str(path))
    assert not made.exists()
    torch.load(io.BytesIO(evil), weights_only=False)
    assert made.exists()


def test_other_archives_invalid(free: Path, tmp_path: Path) -> None:
    """Compiled code, other folders, names twice, and files that are cut off."""
    members = members_of(free)
    root = next(iter(members)).split("/")[0]
    library = {**members, f"{root}/data/aotinductor/model/net.so": b""}
    with pytest.raises(ModelError, match=r"found also data/aotinductor/model/net.so"):
        read_program(str(rewritten(tmp_path / "compiled.pt2", library)))
    with pytest.raises(ModelError, match="expected an archive with one folder of differently named files"):
        read_program(str(rewritten(tmp_path / "two.pt2", {**members, "other/file": b""})))
    name = f"{root}/models/model.json"
    with pytest.raises(ModelError, match=r"expected JSON in models/model.json of"):
        read_program(str(rewritten(tmp_path / "half.pt2", {**members, name: members[name][:-9]})))
    del members[name]
    with pytest.raises(ModelError, match=r"expected models/model.json in .*, found"):
        read_program(str(rewritten(tmp_path / "less.pt2", members)))
    (tmp_path / "cut.pt2").write_bytes(free.read_bytes()[:300])
    with pytest.raises(ModelError, match=r"expected a torch archive in .*, found"):
        read_program(str(tmp_path / "cut.pt2"))


def test_a_program_of_another_version_invalid(free: Path, tmp_path: Path) -> None:
    """What torch itself refuses is one line with a way out."""

    def older(document: Any) -> None:
        document["schema_version"]["major"] = 1

    path = rewritten(tmp_path / "old.pt2", edited(members_of(free), older))
    with pytest.raises(ModelError, match=r"expected a program of torch .* in .*, found") as caught:
        read_program(str(path))
    assert "export the network again" in str(caught.value.hint)
