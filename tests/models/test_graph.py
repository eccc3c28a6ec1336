"""ONNX files are read as they are meant, and what cannot be trained is refused with the way out."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from kdaudit.errors import ModelError
from kdaudit.models.onnx_file import read_graph
from kdaudit.models.roles import find_weights
from kdaudit.models.specialise import check_operators, run_graph
from tests.models.files import drawn, write
from tests.models.zoo import opened


def changed(path: Path, change: Callable[[onnx.ModelProto], object]) -> Path:
    """The file after a change."""
    model = onnx.load(path)
    change(model)
    onnx.save(model, path)
    return path


def beside(path: Path, *, data: str) -> Path:
    """The file with its weights in a file of their own, named `data` whatever it is named on disk."""
    onnx.save(onnx.load(path), path, save_as_external_data=True, location="w.bin", size_threshold=0)
    model = onnx.load(path, load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            entry.value = data if entry.key == "location" else entry.value
    path.write_bytes(model.SerializeToString())
    return path


DENSE = "f = Flatten (x)  h = Gemm <transB = 1> (f, dense, dense_bias)"


def test_only_what_leads_to_the_output_is_read(tmp_path: Path) -> None:
    """Nodes and weights without influence on the output are left out; constants count as weights."""
    body = "spare = MatMul (x, square)  c = Constant <value_float = 2.0> ()  h = Mul (x, c)"
    graph = read_graph(str(write(body, tmp_path / "net.onnx")))
    assert [node.op for node in graph.nodes] == ["Mul", "Flatten"]
    assert {name: array.item() for name, array in graph.weights.items()} == {"c": 2.0}
    assert np.float32 == graph.weights["c"].dtype


def test_batch_of_the_export_is_known(tmp_path: Path) -> None:
    """A fixed first axis is the batch size of the export; inputs are described without it."""
    dynamic = read_graph(str(write(DENSE, tmp_path / "dynamic.onnx")))
    fixed = read_graph(str(write(DENSE, tmp_path / "fixed.onnx", batch="2")))
    assert dynamic.fixed_batch is None
    assert fixed.fixed_batch == 2
    assert (3, 6, 6) == dynamic.inputs[0].shape == fixed.inputs[0].shape


def test_an_axis_of_minus_one_is_open(tmp_path: Path) -> None:
    """Old exporters write the open batch as a number that is none."""
    path = write(DENSE, tmp_path / "old.onnx")
    model = onnx.load(path)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = -1
    onnx.save(model, path)
    assert read_graph(str(path)).fixed_batch is None


def test_arrays_that_the_exporter_shared_are_each_readers_own_again(tmp_path: Path) -> None:
    """Equal biases stored once are two parameters; an array of different numbers that is shared stays one."""
    path = write(
        "a = Conv (x, same, level)  b = Conv (a, same, level)  h = Identity (b)", tmp_path / "net.onnx"
    )
    kernel = np.random.default_rng(0).normal(size=(3, 3, 1, 1)).astype(np.float32)
    arrays = {"same": kernel, "level": np.zeros(3, np.float32)}

    def store(model: onnx.ModelProto) -> None:
        model.graph.initializer.extend(numpy_helper.from_array(a, name) for name, a in arrays.items())

    graph = read_graph(str(changed(path, store)))
    assert list(find_weights(graph).trained) == ["same", "level", "level@b"]


def test_weights_beside_the_file_are_read(tmp_path: Path) -> None:
    """External data in the file's folder count as its own."""
    path = write(DENSE, tmp_path / "net.onnx")
    expected = read_graph(str(path)).weights["dense"]
    np.testing.assert_array_equal(read_graph(str(beside(path, data="w.bin"))).weights["dense"], expected)


def test_functions_of_the_file_are_written_out(tmp_path: Path) -> None:
    """Local functions, as the dynamo exporter writes them, are replaced by their operators."""
    path = write("h = Identity (x)", tmp_path / "net.onnx")

    def as_function(model: onnx.ModelProto) -> None:
        opset = helper.make_opsetid("", 20)
        body = [helper.make_node("Relu", ["a"], ["b"])]
        model.functions.append(helper.make_function("own", "Rise", ["a"], ["b"], body, [opset]))
        model.opset_import.append(helper.make_opsetid("own", 1))
        model.graph.node[0].op_type, model.graph.node[0].domain = "Rise", "own"

    assert [n.op for n in read_graph(str(changed(path, as_function))).nodes] == ["Relu", "Flatten"]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_cut_off_files_are_refused_invalid(share: float, tmp_path: Path) -> None:
    """Wherever a file ends too early, the message names it."""
    path = write(DENSE, tmp_path / "net.onnx")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(ModelError, match=r"expected an ONNX file, found bytes of another kind or cut off in"):
        read_graph(str(path))


def test_files_that_are_no_onnx_are_refused_invalid(tmp_path: Path) -> None:
    """No file, and a file without a graph, are told apart."""
    with pytest.raises(
        ModelError, match=r"expected an ONNX file, found none that can be read at .*none\.onnx"
    ):
        read_graph(str(tmp_path / "none.onnx"))
    (tmp_path / "empty.onnx").touch()
    with pytest.raises(ModelError, match=r"expected an ONNX graph, found no operator in .*empty\.onnx"):
        read_graph(str(tmp_path / "empty.onnx"))


@pytest.mark.parametrize("data", ["../w.bin", "/w.bin"])
def test_weights_outside_the_folder_are_refused_invalid(data: str, tmp_path: Path) -> None:
    """A file must not make us read what lies elsewhere."""
    path = beside(write(DENSE, tmp_path / "net.onnx"), data=data)
    with pytest.raises(ModelError, match=rf"beside it, found '{data}', outside its folder") as caught:
        read_graph(str(path))
    assert caught.value.hint == "keep the file and its data in one folder"


def test_weights_that_are_missing_or_cut_off_are_refused_invalid(tmp_path: Path) -> None:
    """The hint says what to copy."""
    missing = beside(write(DENSE, tmp_path / "missing.onnx"), data="other.bin")
    with pytest.raises(ModelError, match=r"in 'other.bin' beside it, found no such file") as caught:
        read_graph(str(missing))
    assert caught.value.hint == "copy the data file together with the ONNX file"
    cut = beside(write(DENSE, tmp_path / "cut.onnx"), data="w.bin")
    (tmp_path / "w.bin").write_bytes(b"1234")
    with pytest.raises(
        ModelError, match=r"expected the weights of .*cut\.onnx beside it, found data cut off"
    ):
        read_graph(str(cut))


def test_half_precision_is_refused_invalid(tmp_path: Path) -> None:
    """Half-precision weights are named; the hint asks for float32."""

    def halve(model: onnx.ModelProto) -> None:
        for tensor in model.graph.initializer:
            tensor.CopyFrom(
                numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name)
            )

    path = changed(write(DENSE, tmp_path / "net.onnx"), halve)
    with pytest.raises(ModelError, match="expected float32 weights, found float16 in 'dense'") as caught:
        read_graph(str(path))
    assert str(caught.value.hint).startswith("export the network in float32, or ")


def test_several_outputs_are_refused_invalid(tmp_path: Path) -> None:
    """They are named."""

    def add_output(model: onnx.ModelProto) -> None:
        model.graph.output.append(helper.make_tensor_value_info("h", TensorProto.FLOAT, ["N", 5]))

    path = changed(write(DENSE, tmp_path / "net.onnx"), add_output)
    with pytest.raises(ModelError, match=r"expected one output, found 2 \(y, h\)") as caught:
        read_graph(str(path))
    assert caught.value.hint == "export the network with its class scores as the only output"


def test_inputs_that_cannot_be_trained_on_are_refused_invalid(tmp_path: Path) -> None:
    """Half-precision inputs, and inputs that share no batch."""

    def to_half(model: onnx.ModelProto) -> None:
        model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT16

    def add_input(model: onnx.ModelProto) -> None:
        model.graph.input.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, [7, 5]))

    half = changed(write(DENSE, tmp_path / "half.onnx"), to_half)
    with pytest.raises(
        ModelError, match=r"expected inputs of float32, .* to train on, found float16 for 'x'"
    ):
        read_graph(str(half))
    several = changed(write(DENSE, tmp_path / "several.onnx", batch="2"), add_input)
    with pytest.raises(ModelError, match=r"share their first axis, the batch, found sizes \['2', '7'\]"):
        read_graph(str(several))


def test_values_from_nowhere_are_refused_invalid(tmp_path: Path) -> None:
    """A graph that reads what nothing gives is damaged."""
    path = write("h = Add (x, nothing)", tmp_path / "net.onnx")
    with pytest.raises(
        ModelError, match="expected every value to come from somewhere, found no source of 'no"
    ):
        read_graph(str(path))


def chain(operators: list[tuple[str, str]]) -> onnx.ModelProto:
    """A chain of operators, each with its domain."""
    names = ["x", *(f"v{i}" for i in range(len(operators) - 1)), "y"]
    nodes = [
        helper.make_node(op, [names[i]], [names[i + 1]], name=f"n{i}", domain=domain)
        for i, (op, domain) in enumerate(operators)
    ]
    value = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N", 4]) for n in ("x", "y")]
    return helper.make_model(helper.make_graph(nodes, "net", value[:1], value[1:]))


@pytest.mark.parametrize(
    ("operators", "listed", "hint"),
    [
        ([("Relu", ""), ("Loop", ""), ("Loop", "")], "Loop (2x, first 'n1')", "--student-arch"),
        ([("QLinearConv", "")], "QLinearConv (1x, first 'n0')", "the file is quantised"),
        ([("DequantizeLinear", "")], "DequantizeLinear (1x, first 'n0')", "the file is quantised"),
        ([("MatMulInteger", "")], "MatMulInteger (1x, first 'n0')", "the file is quantised"),
        (
            [("FusedConv", "com.microsoft")],
            "com.microsoft::FusedConv (1x, first 'n0')",
            "the file was optimised for onnxruntime",
        ),
    ],
)
def test_unknown_operators_are_all_listed_invalid(
    operators: list[tuple[str, str]], listed: str, hint: str, tmp_path: Path
) -> None:
    """With how often and where first; the hint fits what was done to the file and names an option."""
    onnx.save(chain(operators), tmp_path / "net.onnx")
    with pytest.raises(
        ModelError, match=re.escape(f"expected operators that can be trained, found also {listed}")
    ) as caught:
        check_operators(read_graph(str(tmp_path / "net.onnx")))
    assert hint in str(caught.value.hint)
    assert "--student-train-as" in str(caught.value.hint)


def test_running_a_graph_gives_every_value(tmp_path: Path) -> None:
    """run_graph gives intermediate values and the output."""
    graph = read_graph(str(write(DENSE, tmp_path / "net.onnx")))
    values = run_graph(graph, {"x": torch.from_numpy(drawn(3))})
    assert tuple(values["f"].shape) == (3, 108)
    torch.testing.assert_close(values["h"], values[graph.output])


# With BatchNorm the examples cannot be given to the network one by one.
NORM = "b = BatchNormalization (x, scale, offset, mean, variance)"


@pytest.mark.parametrize(
    ("body", "batch", "message"),
    [
        ("h = MatMul (x, dense)", "N", r"expected MatMul \(h\) to accept its inputs of shapes .*, found: "),
        (
            "s = ReduceMean (x, space)  i = Cast <to = 7> (s)  h = Reshape (x, i)",
            "N",
            r"expected settings of Reshape \(h\) that can be trained, found input 1 to depend on the examples",
        ),
        (
            f"{NORM}  n = Shape <end = 1> (x)  f = Cast <to = 1> (n)  h = Clip (b, zero, f)",
            "N",
            r"expected settings of Cast \(f\) that can be trained, found input 0 to depend on the batch size",
        ),
        (
            "g = Reshape (scale, rest)  h = BatchNormalization (x, g, offset, mean, variance)",
            "N",
            r"expected settings of BatchNormalization \(h\) that can be trained, found input 1 to be computed",
        ),
        (
            f"{NORM}  s = Constant <value_ints = [9, 4, 6]> ()  r = Reshape (b, s)"
            "  t = Constant <value_ints = [2, 108]> ()  h = Reshape (r, t)",
            "2",
            r"found a fixed shape \[9, 4, 6\] in which the batch cannot be told from the other axes",
        ),
        (
            f"{NORM}  n = Shape <end = 1> (x)  q = Div (n, six)  a = Slice (b, nought, q, last)"
            "  c = Slice (b, q, many, last)  h = Concat <axis = 3> (a, c)",
            "N",
            "expected sizes that grow evenly with the batch, found 0 and 1 at 2 and 6 examples",
        ),
        (
            "h = Transpose <perm = [1, 0, 2, 3]> (x)",
            "N",
            r"expected an output of shape \(2, classes\), or \(2, positions, classes\) of sequences, found \(3, 72\)",
        ),
        (
            f"{NORM}  two_rows = Constant <value_ints = [2]> ()  h = Slice (b, nought, two_rows, nought)",
            "2",
            r"expected 6 rows of output for as many examples, found shape \(2, 108\) .* for batches of 2",
        ),
    ],
)
def test_graphs_that_do_not_convert_are_refused_invalid(
    body: str, batch: str, message: str, tmp_path: Path
) -> None:
    """The message names the node and what is wrong with it."""
    with pytest.raises(ModelError, match=message):
        opened(write(body, tmp_path / "net.onnx", batch=batch))


def test_examples_must_fit_the_inputs_invalid(tmp_path: Path) -> None:
    """Shapes are compared axis by axis; open axes take the examples' sizes."""
    path = write(DENSE, tmp_path / "net.onnx")
    with pytest.raises(
        ModelError, match=r"examples of shape \(3, 6, 6\) for input 'x' of .*, found \(3, 5, 6\)"
    ):
        opened(path, example_shapes=(("x", (3, 5, 6)),))


def test_open_axes_take_the_examples_sizes(tmp_path: Path) -> None:
    """A file that leaves the picture's size open is converted for the examples' size."""

    def open_axes(model: onnx.ModelProto) -> None:
        for dim in model.graph.input[0].type.tensor_type.shape.dim[2:]:
            dim.dim_param = "side"

    body = "p = GlobalAveragePool (x)  r = Conv (x, kernel)  h = ReduceMean (r, space)"
    path = changed(write(body, tmp_path / "net.onnx"), open_axes)
    assert read_graph(str(path)).inputs[0].shape == (3, None, None)
    network = opened(path, example_shapes=(("x", (3, 9, 9)),))
    assert network.original.shapes["r"] == (2, 4, 8, 7)
    with pytest.raises(ModelError, match=r"examples of shape \(3, \?, \?\) for input 'x' of .*, found \(3\)"):
        opened(path)
