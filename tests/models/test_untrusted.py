"""Model files that lie about sizes, point elsewhere, or ask for more than any network needs."""

from __future__ import annotations

import contextlib
import os
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper, parser
from torch.fx import symbolic_trace

from kdaudit.data import DataOptions, Examples, load_data
from kdaudit.errors import ModelError
from kdaudit.models.batching import Batching, group, is_same, outputs
from kdaudit.models.batchnorm import reinsert
from kdaudit.models.identify import identify
from kdaudit.models.onnx_file import read_graph
from kdaudit.models.onnxrt import OnnxModel
from kdaudit.models.predict import predict
from kdaudit.models.untrusted import MAX_NODES, external_files, fetch_external, read_message, tensors
from kdaudit.models.weights import read_state_dict
from kdaudit.types import AnyArray, OutputKind, Role
from tests.models.zoo import opened, reference

WEIGHT = np.arange(12, dtype=np.float32).reshape(3, 4)
DAMAGED = "the file is damaged or not what an exporter writes; export or copy it again"


SMALLER = "export the network for a batch of 1 or a dynamic batch axis, or for smaller inputs"


def model(body: str, **arrays: AnyArray) -> onnx.ModelProto:
    """A model that makes y (n, C) of examples x (n, 3), with these arrays."""
    text = f"""<ir_version: 9, opset_import: ["" : 20]>
    net (float[N, 3] x) => (float[N, C] y) {{ {body} }}"""
    made = parser.parse_model(text)
    made.graph.initializer.extend(numpy_helper.from_array(np.asarray(a), n) for n, a in arrays.items())
    return made


def saved(made: onnx.ModelProto, path: Path) -> Path:
    """The model's file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(made.SerializeToString())
    return path


def outside(tensor: onnx.TensorProto, **entries: str) -> None:
    """Moves an array to where the entries say."""
    for field in ("raw_data", "float_data"):
        tensor.ClearField(field)
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=value)


def dense(**entries: str) -> onnx.ModelProto:
    """A dense layer whose weight lies where the entries say."""
    made = model("y = MatMul (x, w)", w=WEIGHT)
    if entries:
        outside(made.graph.initializer[0], **entries)
    return made


def answered(path: Path) -> AnyArray:
    """What onnxruntime gives for one example of ones."""
    with OnnxModel(reference(path), device="cpu") as entered:
        return entered.run({"x": np.ones((1, 3), np.float32)})


def refused(path: Path, message: str) -> ModelError:
    """The error of the digest, of the network and of onnxruntime, which must be the same."""
    found = []
    for read in (_identified, read_graph, _entered):
        with pytest.raises(ModelError, match=message) as caught:
            read(str(path))
        found.append(caught.value.message)
    assert found[0] == found[1] == found[2]
    return caught.value


def _identified(path: str) -> object:
    return identify(path, role=Role.STUDENT, name="m", output=OutputKind.LOGITS, arch=None, arch_args=None)


def _entered(path: str) -> object:
    return OnnxModel(reference(Path(path)), device="cpu").__enter__()


# -- where weights lie


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("../w.bin", r"found '\.\./w\.bin', outside its folder"),
        ("/etc/passwd", "found '/etc/passwd', outside its folder"),
        ("sub/../../w.bin", "outside its folder"),
        ("out.bin", "found 'out.bin', outside its folder"),
        ("round.bin", "in 'round.bin' beside it, found no such file"),
        ("pipe", "in 'pipe' beside it, found no such file"),
        ("sub", "in 'sub' beside it, found no such file"),
        (".", r"in '\.' beside it, found no such file"),
        ("", "in '' beside it, found no such file"),
        ("nul\0l", r"in 'nul\\x00l' beside it, found no such file"),
        ("n" * 5000, "beside it, found no such file"),
        ("*/_ORT_MEM_ADDR_/*", "beside it, found no such file"),
    ],
)
def test_weights_elsewhere_are_refused_by_all_readers_invalid(
    location: str, message: str, tmp_path: Path
) -> None:
    """Neither by a path nor by a link; pipes and folders are not read; an address is no place."""
    (tmp_path / "w.bin").write_bytes(WEIGHT.tobytes())
    folder = tmp_path / "net"
    (folder / "sub").mkdir(parents=True)
    (folder / "out.bin").symlink_to("../w.bin")
    (folder / "round.bin").symlink_to("round.bin")
    os.mkfifo(folder / "pipe")
    refused(saved(dense(location=location), folder / "net.onnx"), message)


def test_weights_are_found_wherever_they_stand_in_the_file_invalid(tmp_path: Path) -> None:
    """In constants, in branches, in functions and their defaults, among sparse arrays, in training information."""
    places = []
    for i, made in enumerate(_with_weights_everywhere()):
        found = [t for t in tensors(made) if t.name == "w"]
        assert len(found) == 1
        outside(found[0], location="../w.bin")
        places.append(saved(made, tmp_path / f"{i}.onnx"))
    for path in places:
        with pytest.raises(ModelError, match="outside its folder"):
            read_message(path)


def _with_weights_everywhere() -> list[onnx.ModelProto]:
    weight = numpy_helper.from_array(WEIGHT, "w")
    constant = helper.make_node("Constant", [], ["v"], value=weight)
    branch = helper.make_graph(
        [constant], "b", [], [helper.make_tensor_value_info("v", TensorProto.FLOAT, [3, 4])]
    )
    with_branch = model("y = Relu (x)")
    with_branch.graph.node.append(
        helper.make_node("If", ["c"], ["z"], then_branch=branch, else_branch=branch)
    )
    del with_branch.graph.node[-1].attribute[1].g.node[:]
    function, default, sparse, training = (model("y = Relu (x)") for _ in range(4))
    opset = helper.make_opsetid("", 20)
    function.functions.append(helper.make_function("own", "F", [], ["v"], [constant], [opset]))
    default.functions.append(helper.make_function("own", "F", [], [], [], [opset]))
    default.functions[0].attribute_proto.append(helper.make_attribute("a", weight))
    sparse.graph.sparse_initializer.add(values=weight, dims=[3, 4])
    training.training_info.add().initialization.initializer.append(weight)
    listed = model("y = Relu (x)")
    listed.graph.node[0].attribute.append(helper.make_attribute("l", [weight]))
    in_constant = model("y = Relu (x)")
    in_constant.graph.node.append(constant)
    return [dense(), in_constant, with_branch, function, default, sparse, training, listed]


def test_weights_in_the_folder_are_read_by_path_and_by_link(tmp_path: Path) -> None:
    """In a folder below, by a link that stays inside, and from the folder of a cache that the file itself is in."""
    whole = answered(saved(dense(), tmp_path / "whole.onnx"))
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "w.bin").write_bytes(b"12345678" + WEIGHT.tobytes())
    (tmp_path / "link.bin").symlink_to("sub/w.bin")
    (tmp_path / "cache").mkdir()
    (tmp_path / "view").mkdir()
    (tmp_path / "cache" / "a1").write_bytes(dense(location="link.bin", offset="8").SerializeToString())
    (tmp_path / "cache" / "b2").write_bytes(b"12345678" + WEIGHT.tobytes())
    (tmp_path / "view" / "net.onnx").symlink_to("../cache/a1")
    (tmp_path / "view" / "link.bin").symlink_to("../cache/b2")
    for path in (
        saved(dense(location="sub/w.bin", offset="8", length="48"), tmp_path / "path.onnx"),
        saved(dense(location="link.bin", offset="8"), tmp_path / "link.onnx"),
        tmp_path / "view" / "net.onnx",
    ):
        assert 1 == len(external_files(read_message(path), path))
        np.testing.assert_array_equal(WEIGHT, read_graph(str(path)).weights["w"])
        np.testing.assert_array_equal(whole, answered(path))


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"offset": "4"}, r"data cut off: 'w' should end at byte 52 of w\.bin, which has 48"),
        ({"offset": "99999999999999999"}, "should end at byte 100000000000000047"),
        ({"length": "49"}, r"expected 48 bytes or numbers for 'w' of shape \(3, 4\), found 49"),
        ({"length": "4"}, "found 4 in"),
        ({"offset": "-8"}, r"expected a place, an offset and a length of 'w' of .*'-8'"),
        ({"length": "-1"}, "expected a place, an offset and a length"),
        ({"length": "x"}, "expected a place, an offset and a length"),
        ({"offset": "1e1"}, "expected a place, an offset and a length"),
        ({"offset": "9" * 5000}, "expected a place, an offset and a length"),
        ({"__class__": "x"}, "expected a place, an offset and a length"),
    ],
)
def test_places_beyond_the_data_file_are_refused_invalid(
    entries: dict[str, str], message: str, tmp_path: Path
) -> None:
    """Before anything is read or allocated."""
    (tmp_path / "w.bin").write_bytes(WEIGHT.tobytes())
    refused(saved(dense(location="w.bin", **entries), tmp_path / "net.onnx"), message)


@pytest.mark.slow
def test_weights_beyond_two_gigabytes_lie_beside_the_file(tmp_path: Path) -> None:
    """A message ends at 2 GiB; the data file does not. It is sparse here: its zeros take no disk."""
    rows = 600_000_000
    made = model("t = ArgMax <axis = 1, keepdims = 0> (x)  y = Gather (w, t)", w=WEIGHT)
    outside(made.graph.initializer[0], location="w.bin")
    made.graph.initializer[0].dims[:] = [rows, 1]
    path = saved(made, tmp_path / "net.onnx")
    with (tmp_path / "w.bin").open("wb") as stream:
        stream.truncate(4 * rows)
        stream.seek(8)
        stream.write(np.float32(7).tobytes())
    with OnnxModel(reference(path), device="cpu") as entered:
        np.testing.assert_array_equal([[7.0]], entered.run({"x": np.array([[0, 1, 2]], np.float32)}))
        assert rows == entered.signature().n_parameters
    fetched = read_message(path)
    fetch_external(fetched, path)
    assert 4 * rows == len(fetched.graph.initializer[0].raw_data)


# -- what arrays claim


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: t.dims.extend([1 << 40]),
            r"expected \d+ bytes .* for 'w' of shape \(3, 4, 1\d+\), found 48",
        ),
        (
            lambda t: t.dims.__setitem__(0, 2),
            r"expected 32 bytes or numbers for 'w' of shape \(2, 4\), found 48",
        ),
        (lambda t: t.dims.__setitem__(slice(None), [-3, -4]), r"found type 1 and shape \(-3, -4\) for 'w'"),
        (lambda t: setattr(t, "data_type", 0), "found type 0 and shape"),
        (lambda t: setattr(t, "data_type", 99), "found type 99 and shape"),
        (lambda t: setattr(t, "data_type", TensorProto.DOUBLE), "expected 96 bytes .* found 48"),
        (lambda t: t.ClearField("raw_data"), "expected 12 bytes or numbers .* found 0"),
        (lambda t: (t.ClearField("raw_data"), t.float_data.extend([1.0])), "expected 12 .* found 1"),
        (lambda t: t.CopyFrom(TensorProto(name="w", dims=[12], data_type=8)), "expected 12 .* found 0"),
    ],
)
def test_arrays_that_claim_other_bytes_than_they_have_are_refused_invalid(
    change: Callable[[onnx.TensorProto], object], message: str, tmp_path: Path
) -> None:
    """Shapes are compared with the bytes that are there."""
    made = dense()
    change(made.graph.initializer[0])
    assert DAMAGED == refused(saved(made, tmp_path / "net.onnx"), message).hint


def test_numbers_of_a_few_bits_are_counted(tmp_path: Path) -> None:
    """Two or four of them share a byte."""
    made = model("y = Relu (x)")
    made.graph.initializer.add(name="raw", dims=[5], data_type=TensorProto.INT4, raw_data=b"123")
    made.graph.initializer.add(name="listed", dims=[4], data_type=TensorProto.UINT4, int32_data=[1, 2])
    assert len(read_message(saved(made, tmp_path / "net.onnx")).graph.initializer) == 2


def test_sparse_arrays_that_unfold_into_gigabytes_are_refused_invalid(tmp_path: Path) -> None:
    """On loading, onnxruntime would unfold them."""
    made = model("y = Relu (x)")
    made.graph.sparse_initializer.add(
        values=numpy_helper.from_array(np.ones(1, np.float32), "w"), dims=[1 << 40]
    )
    message = r"expected sparse arrays of at most 4 GiB, found one of shape \(1099511627776,\)"
    assert (
        refused(saved(made, tmp_path / "net.onnx"), message).hint == "export the network with ordinary arrays"
    )


def test_files_beyond_protobuf_are_not_read_invalid(tmp_path: Path) -> None:
    """A file of 1 TiB, sparse here, is refused by its size; a pipe is not waited for."""
    with (tmp_path / "net.onnx").open("wb") as stream:
        stream.truncate(1 << 40)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(
        ModelError, match=r"expected an ONNX file of at most 2 GiB, found 1024\.0 GiB"
    ) as caught:
        read_message(tmp_path / "net.onnx")
    assert "save_as_external_data=True" in str(caught.value.hint)
    with pytest.raises(ModelError, match="found no regular file at"):
        read_message(tmp_path / "pipe")


# -- how large graphs are


def test_a_million_nodes_are_refused_invalid(tmp_path: Path) -> None:
    """The limit and the number found are said."""
    made = model("y = Relu (x)")
    node = made.graph.node[0]
    made.graph.node.extend([node] * MAX_NODES)
    error = refused(saved(made, tmp_path / "net.onnx"), "expected at most 100,000 nodes, .* found 100,001 in")
    assert "export the network with its loops kept (LSTM, GRU, Scan), or a smaller part of it" == error.hint


def nested(n: int, *, calls: int, turn_back: bool = False) -> onnx.ModelProto:
    """A model of n functions of which each calls the one before `calls` times."""
    opset = [helper.make_opsetid("", 20), helper.make_opsetid("own", 1)]
    made = model("y = Relu (x)")
    made.opset_import.append(opset[1])
    made.graph.node.append(helper.make_node(f"F{n - 1}", ["x"], ["z"], domain="own"))
    for i in range(n):
        last = f"F{n - 1}" if turn_back else "Relu"
        op, domain = (f"F{i - 1}", "own") if i else (last, "own" if turn_back else "")
        body = [helper.make_node(op, ["a"], ["b"], domain=domain)] * calls
        made.functions.append(helper.make_function("own", f"F{i}", ["a"], ["b"], body, opset))
    return made


def test_functions_that_unfold_into_a_million_nodes_are_refused_invalid(tmp_path: Path) -> None:
    """Thirty functions that call each other twice are a billion nodes in a few kilobytes."""
    message = "expected at most 100,000 nodes, with functions written out, found 2,147,483,648 in"
    refused(saved(nested(30, calls=2), tmp_path / "net.onnx"), message)


@pytest.mark.parametrize(
    "made", [nested(2, calls=1, turn_back=True), nested(60, calls=1)], ids=["loop", "deep"]
)
def test_functions_that_do_not_end_are_refused_invalid(made: onnx.ModelProto, tmp_path: Path) -> None:
    """A function that calls itself, and sixty of them one inside the other."""
    assert DAMAGED == refused(saved(made, tmp_path / "net.onnx"), "expected functions that end, found F").hint


def test_a_batch_of_a_billion_is_refused_invalid(tmp_path: Path) -> None:
    """A short batch would be filled up to it."""
    made = dense()
    made.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1 << 30
    error = refused(
        saved(made, tmp_path / "net.onnx"), r"at most 4 GiB, found 'x' of shape \(1073741824, 3\)"
    )
    assert "export the network for a batch of 1, or with a dynamic batch axis" == error.hint


# -- what values would take

SIZES: dict[str, AnyArray] = {
    "wide": np.array([50_000, 50_000]),
    "times": np.array([1, 1 << 34]),
    "one": np.array(1, np.float32),
    "unit": np.ones((1, 1), np.float32),
    "start": np.array(0, np.float32),
    "many": np.array(1e10, np.float32),
    "count": np.array(1 << 40),
    "zero": np.array([0]),
    "levels": np.array([0, 1], np.float32),
    "margin": np.array([0, 0, 0, 0, 0, 0, 90_000, 90_000]),
    "space": np.array([1, 1, 1, 1]),
    "side": np.array([1, 1, 90_000, 90_000]),
    "log": np.array([11.5], np.float32),
    "plane": np.ones((1, 1, 2, 2), np.float32),
}
HUGE = {
    "expand": "h = Expand (one, wide)",
    "tile": "h = Tile (unit, times)",
    "constant-of-shape": "h = ConstantOfShape (wide)",
    "range": "h = Range (start, many, one)",
    "one-hot": "h = OneHot (zero, count, levels)",
    "pad": "h = Pad (plane, margin)",
    "resize": 'h = Resize <mode = "nearest"> (plane, , , side)',
    "product": "t = Tile (unit, wide)  h = MatMul (t, t)",
    # The size is only known once it is computed.
    "computed": "e = Exp (log)  i = Cast <to = 7> (e)  s = Concat <axis = 0> (i, i)  h = ConstantOfShape (s)",
    "examples": "e = ReduceMax <keepdims = 0> (x)  i = Cast <to = 7> (e)  s = Mul (i, wide)  h = Expand (one, s)",
}


@pytest.mark.parametrize("body", HUGE.values(), ids=HUGE.keys())
def test_ten_gigabytes_are_refused_before_they_are_allocated_invalid(body: str, tmp_path: Path) -> None:
    """By onnxruntime and by the conversion, whether the file says the size or computes it."""
    used = {name: array for name, array in SIZES.items() if name in re.findall(r"\w+", body)}
    made = model(f"{body}  g = Exp (h)  m = ReduceMax <keepdims = 0> (g)  y = Add (x, m)", **used)
    path = saved(made, tmp_path / "net.onnx")
    before = _peak_bytes()
    with pytest.raises(ModelError, match=r"at most [48] GiB"):
        answered(path)
    with pytest.raises(ModelError, match=r"GiB|to depend on the examples"):
        opened(path)
    assert _peak_bytes() - before < 1 << 30


def test_what_is_asked_for_is_said_invalid(tmp_path: Path) -> None:
    """The value, its shape and the limit, where the file tells; the limit alone where only the run does."""
    known = saved(
        model("h = Expand (one, wide)  y = Relu (h)", one=SIZES["one"], wide=SIZES["wide"]),
        tmp_path / "k.onnx",
    )
    message = r"at most 4 GiB for one example, found 'h' of shape \(50000, 50000\), 9\.3 GiB, in"
    with pytest.raises(ModelError, match=message) as caught:
        answered(known)
    assert caught.value.hint == SMALLER
    with pytest.raises(
        ModelError, match=r"a value of at most 1 GiB, found one of shape \(50000, 50000\), 9\.3 GiB"
    ):
        opened(saved(model("h = ConstantOfShape (wide)  y = Add (x, h)", wide=SIZES["wide"]), known))
    computed = model(
        f"{HUGE['computed']}  m = ReduceMax <keepdims = 0> (h)  y = Add (x, m)", log=SIZES["log"]
    )
    with pytest.raises(
        ModelError, match="to need at most 8 GiB for its values, found that it asks for more"
    ) as caught:
        answered(saved(computed, tmp_path / "computed.onnx"))
    assert caught.value.hint == SMALLER


def _peak_bytes() -> int:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def test_many_large_values_are_refused_together_invalid(tmp_path: Path) -> None:
    """Each is allowed, their sum is not."""
    body = "  ".join(f"a{i} = Tile (x, times)  m{i} = ReduceMean <keepdims = 1> (a{i})" for i in range(6))
    made = model(
        f"{body}  y = Sum (x, {', '.join(f'm{i}' for i in range(6))})", times=np.array([1, 100_000_000])
    )
    message = "expected the values of one example to take at most 4 GiB together, found more in"
    with pytest.raises(ModelError, match=message) as caught:
        opened(saved(made, tmp_path / "net.onnx"))
    assert str(caught.value.hint).startswith("export the network for a smaller batch or smaller inputs, or ")


def test_archives_that_unpack_into_memory_are_refused_invalid(tmp_path: Path) -> None:
    """By itself torch compresses nothing, but unpacks what others have compressed."""
    torch.save({"w": torch.zeros(100_000)}, tmp_path / "good.pt")
    with (
        zipfile.ZipFile(tmp_path / "good.pt") as good,
        zipfile.ZipFile(tmp_path / "packed.pt", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in good.namelist():
            packed.writestr(name, good.read(name))
    for read in (_identified, read_state_dict):
        with pytest.raises(
            ModelError, match=r"expected an uncompressed archive in .*, found 40\d+ bytes"
        ) as caught:
            read(str(tmp_path / "packed.pt"))
        assert "save it with torch.save, which compresses nothing" == caught.value.hint
    (tmp_path / "cut.pt").write_bytes((tmp_path / "good.pt").read_bytes()[:-30] + b"PK\5\6" + b"\xff" * 18)
    with pytest.raises(ModelError, match=r"expected a torch archive in .*cut\.pt, found: "):
        read_state_dict(str(tmp_path / "cut.pt"))


# -- what bad files of the fuzz suite were found to do


def test_a_file_whose_error_is_no_text_invalid(tmp_path: Path) -> None:
    """The message of onnxruntime quotes bytes of the file that cannot be decoded."""
    content = saved(model("y = Nonsense_op (x)"), tmp_path / "net.onnx").read_bytes()
    (tmp_path / "net.onnx").write_bytes(content.replace(b"Nonsense_op", b"Nonsense\xf2op"))
    with pytest.raises(ModelError, match="expected an ONNX"):
        answered(tmp_path / "net.onnx")


def test_a_batch_norm_without_epsilon_invalid(tmp_path: Path) -> None:
    """Training divides by the square root of a variance that may be 0."""
    body = "b = BatchNormalization <epsilon = 0.0> (x, s, s, s, s)  y = MatMul (b, w)"
    made = model(body, s=np.ones(3, np.float32), w=WEIGHT)
    with pytest.raises(
        ModelError, match=r"settings of BatchNormalization \(b\) .*, found an epsilon of 0\.0"
    ):
        opened(saved(made, tmp_path / "net.onnx"))


def test_networks_that_fail_when_they_run_are_not_the_same() -> None:
    """A position beyond its axis shows only when numbers are there."""

    class Beyond(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            """The tenth row of fewer."""
            return x[torch.tensor([9])]

    assert not is_same(Beyond(), Beyond(), [torch.ones(2, 3)])
    with pytest.raises(
        ModelError, match="the converted network to run on 2 examples, found IndexError: index 9 is out"
    ):
        outputs(Beyond(), [torch.ones(2, 3)])


def test_a_network_that_fails_at_once_is_run_group_by_group() -> None:
    """Where a position lies beyond its axis the groups fail too, and whoever runs them says so."""

    class Table(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            """The tenth row of fewer, for each example."""
            return x[:, torch.tensor([9])]

    grouped = group(symbolic_trace(Table()), [torch.ones(3, 2)], size=1)
    assert grouped is not None
    assert grouped.batching is Batching.GROUPS


def test_a_bias_of_other_length_than_the_layer_invalid(tmp_path: Path) -> None:
    """A bias of its own for each row of a fixed batch cannot enter a BatchNorm."""
    body = "h = Gemm (x, w, b)  r = Relu (h)  y = MatMul (r, v)"
    arrays = {"w": WEIGHT, "b": np.ones((2, 4), np.float32), "v": WEIGHT.T}
    graph = read_graph(str(saved(model(body, **arrays), tmp_path / "net.onnx")))
    shapes = {"x": (2, 3), "h": (2, 4), "r": (2, 4), "y": (2, 3)}
    with pytest.raises(
        ModelError, match=r"expected a bias of 4 numbers for Gemm \(h\), found 8, in"
    ) as caught:
        reinsert(graph, shapes, mode="always")
    assert str(caught.value.hint).startswith("say --reinsert-bn never, or ")


def test_notes_of_the_exporter_that_are_no_text(tmp_path: Path) -> None:
    """They are read as text all the same."""
    made = model("y = Relu (x)")
    made.graph.node[0].metadata_props.add(key="note", value="AAAA")
    path = saved(made, tmp_path / "net.onnx")
    path.write_bytes(path.read_bytes().replace(b"AAAA", b"A\xf2\x28A"))
    assert [str] == [type(value) for value in read_graph(str(path)).nodes[0].metadata.values()]


def test_outputs_of_other_numbers_of_rows_invalid(tmp_path: Path) -> None:
    """Rows that belong to no example, or to several."""
    examples = saved_examples(tmp_path / "e.npz")
    path = saved(model("y = Concat <axis = 0> (x, x)"), tmp_path / "net.onnx")
    ref = reference(path)
    with (
        OnnxModel(ref, device="cpu") as entered,
        pytest.raises(ModelError, match=r"one row of outputs for each of 4 examples from .*, found 8"),
    ):
        predict(ref, entered, examples, progress=lambda event: None)


def saved_examples(path: Path) -> Examples:
    """Four examples, in a cache beside the file."""
    np.savez(path, x=np.arange(12, dtype=np.float32).reshape(4, 3), y=np.array([0, 1, 0, 1]))
    return load_data(str(path), cache=path.parent / "cache", options=DataOptions())


@pytest.mark.parametrize("protocol", ["zip", "old"])
def test_damaged_pickles_are_refused_invalid(protocol: str, tmp_path: Path) -> None:
    """Whatever torch's reader stumbles over: names of storages that are not there, numbers that do not fit."""
    torch.save({"w": torch.arange(9.0)}, tmp_path / "w", _use_new_zipfile_serialization=protocol == "zip")
    whole = (tmp_path / "w").read_bytes()
    start = whole.index(b"ctorch") - 40
    for place in range(start, min(start + 240, len(whole)), 3):
        (tmp_path / "w").write_bytes(whole[:place] + bytes([whole[place] ^ 0x15]) + whole[place + 1 :])
        with contextlib.suppress(ModelError):
            read_state_dict(str(tmp_path / "w"))


def test_an_archive_on_several_disks_invalid(tmp_path: Path) -> None:
    """Python's reader of archives refuses it where it is only asked whether it is one."""
    torch.save({"w": torch.zeros(4)}, tmp_path / "w")
    data = bytearray((tmp_path / "w").read_bytes())
    locator = data.rindex(b"PK\6\7") if b"PK\6\7" in data else None
    if locator is None:
        data[data.rindex(b"PK\5\6") : data.rindex(b"PK\5\6")] = b"PK\6\7" + bytes(12) + b"\2\0\0\0"
    else:
        data[locator + 16] = 2
    (tmp_path / "w").write_bytes(data)
    with pytest.raises(
        ModelError, match=r"expected a torch archive in .*, found: zipfiles that span multiple disks"
    ):
        read_state_dict(str(tmp_path / "w"))
