"""Every operator against ONNX's own test cases, and inside a network that grows with its batch."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from kdaudit.errors import ModelError
from kdaudit.models.onnx_file import read_graph
from kdaudit.models.onnx_ops import OPERATORS
from kdaudit.models.specialise import run_graph
from kdaudit.types import AnyArray
from tests.models.files import drawn, write
from tests.models.onnx_bodies import BODIES, OPSETS, STEPS
from tests.models.zoo import answers, opened

if TYPE_CHECKING:
    from onnx.backend.test.case.test_case import TestCase

# Cases whose names match are left out, for the reason given; each of them is seen to fail.
EXCLUDED = {
    r"test_(add|sub|div|max|min|mod|greater|greater_equal|less|less_equal)_uint(16|32|64)": "torch does not "
    "compute with these types",
    r"test_(?!cast|range_float16).*_(b?float|fp|bf)16(_.*)?": "half precision is not trained",
    r"test_averagepool_.*dilations.*": "torch has no dilated mean, and no exporter writes one",
    r"test_batchnorm_.*_training_mode": "evaluated with the running statistics, not with those of the batch",
    r"test_training_dropout(_default)?(_mask)?": "evaluated without Dropout",
    r"test_gathernd_example_int32_batch_dim1": "indices per example are refused",
    r"test_cast(like)?_(?!(FLOAT|DOUBLE)_to_(FLOAT|DOUBLE|FLOAT16)(_expanded)?$).*": "types that are not trained",
    r"test_identity_(sequence|opt)|test_clip_default_int8_inbounds_expanded": "no tensors, or no input at all",
    r"test_lstm_with_peepholes": "torch has no such LSTM",
    r"test_attention_.*(past|padded|nonpad|ext_cache|softcap|softmax_precision).*": "for texts word by word",
    r"test_attention_.*window.*": "windows are younger than what exporters write",
    r"test_resize_tf_crop_and_resize.*": "crops are refused",
    r"test_resize_downsample_scales_(linear|cubic)_align_corners": "sizes are whole, as onnxruntime has it",
    r"test_equal_string.*": "text is not trained",
    r"test_reduce_(max|min)_empty_set(_bool)?": "nothing has no extreme, and no network asks for one",
    r"test_scatternd_(multiply|(max|min)(_with_element_indices)?)": "only replacing and adding can be trained",
}


@dataclass(frozen=True)
class Case:
    """One of ONNX's cases: a model of one node, what it is given and what its outputs must be."""

    name: str
    model: onnx.ModelProto
    given: dict[str, object]
    expected: dict[str, AnyArray]
    rtol: float


def cases_of(operator: str) -> list[Case]:
    """ONNX's cases whose model is that one operator. Only its module is loaded: all of them take ten seconds."""
    from onnx.backend.test.case import node

    for module in iter_modules(node.__path__):
        if module.name.replace("_", "") in (operator.lower(), f"{operator.lower()}op"):
            with warnings.catch_warnings(action="ignore"):  # onnx itself casts infinities to integers
                import_module(f"{node.__name__}.{module.name}")
    return [
        _case(case, case.model)
        for case in node._NodeTestCases
        if case.model and [operator] == [proto.op_type for proto in case.model.graph.node]
    ]


def _case(case: TestCase, model: onnx.ModelProto) -> Case:
    ((given, outputs),) = case.data_sets or ()
    names = [value.name for value in model.graph.input]
    return Case(
        name=case.name,
        model=model,
        given=dict(zip(names, given, strict=True)),
        expected={v.name: _array(a) for v, a in zip(model.graph.output, outputs, strict=True)},
        rtol=case.rtol,
    )


def answer(case: Case, folder: Path) -> dict[str, AnyArray]:
    """The outputs, with the first float input as the network's input and all others as constants."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    examples = next((name for name, array in case.given.items() if _is_batch(array)), "spare")
    spare = onnx.helper.make_tensor_value_info("spare", onnx.TensorProto.FLOAT, [1])
    inputs = [value for value in model.graph.input if value.name == examples] or [spare]
    del model.graph.input[:], model.graph.output[1:]
    model.graph.input.extend(inputs)
    model.graph.initializer.extend(
        numpy_helper.from_array(_array(array), name)
        for name, array in case.given.items()
        if name != examples and array is not None
    )
    path = folder / f"{case.name}.onnx"
    onnx.save(model, path)
    graph = read_graph(str(path))
    tensors = {examples: torch.from_numpy(np.array(case.given.get(examples, np.zeros(1, np.float32))))}
    values = run_graph(graph, tensors)
    # Outputs that no network reads, such as LayerNormalization's statistics, are not given.
    return {name: values[name].detach().numpy() for name in case.expected if name in values}


def _is_batch(array: object) -> bool:
    return isinstance(array, np.ndarray) and array.dtype == np.float32 and array.ndim > 0


def _array(given: object) -> AnyArray:
    # Types that numpy does not know come as ONNX's own tensors.
    return np.asarray(numpy_helper.to_array(given) if isinstance(given, onnx.TensorProto) else given)


def failures(operator: str, folder: Path, *, excluded: bool) -> dict[str, str]:
    """What went wrong, by case."""
    found = {}
    for case in cases_of(operator):
        if excluded != any(re.fullmatch(pattern, case.name) for pattern in EXCLUDED):
            continue
        try:
            found_outputs = answer(case, folder)
            assert next(iter(case.expected)) in found_outputs
            for name, actual in found_outputs.items():
                expected = case.expected[name]
                assert expected.dtype == actual.dtype, f"{expected.dtype} wanted, {actual.dtype} found"
                torch.testing.assert_close(
                    *map(torch.from_numpy, (actual, np.array(expected))),
                    rtol=case.rtol,
                    atol=1e-6,
                    equal_nan=True,
                )
        except (ModelError, AssertionError) as error:
            found[case.name] = str(error)
    return found


@pytest.mark.parametrize("operator", OPERATORS)
def test_operator_gives_what_onnx_says(operator: str, tmp_path: Path) -> None:
    """Each operator gives the values and types of ONNX's own cases, of which every operator has some."""
    assert cases_of(operator)
    assert failures(operator, tmp_path, excluded=False) == {}


@pytest.mark.parametrize("operator", OPERATORS)
def test_excluded_cases_fail(operator: str, tmp_path: Path) -> None:
    """No case is left out that would pass."""
    excluded = {case.name for case in cases_of(operator) if any(re.fullmatch(p, case.name) for p in EXCLUDED)}
    assert excluded == failures(operator, tmp_path, excluded=True).keys()


@pytest.mark.parametrize("operator", OPERATORS)
def test_operator_in_a_network_takes_any_batch(operator: str, tmp_path: Path) -> None:
    """A converted network gives the file's outputs for batches of other sizes than those it was converted at."""
    path = write(BODIES[operator], tmp_path / "net.onnx", opset=OPSETS.get(operator, 20))
    network = opened(path).build_original()
    for n in (1, 5):
        with torch.no_grad():
            found = network(torch.from_numpy(drawn(n))).numpy()
        np.testing.assert_allclose(found, answers(path, drawn(n)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("batch", ["1", "2"])
@pytest.mark.parametrize(
    "body",
    [
        "s = Constant <value_ints = [{b}, 18, 6]> ()  h = Reshape (x, s)",
        "r = Constant <value_ints = [{b}, 1, 1, 1]> ()  t = Tile (shift, r)"
        "  b = BatchNormalization (x, scale, offset, mean, variance)  h = Add (b, t)",
        "r = Constant <value_ints = [{b}, 3, 6, 6]> ()  t = Expand (shift, r)"
        "  b = BatchNormalization (x, scale, offset, mean, variance)  h = Add (b, t)",
        "r = Constant <value_ints = [1, 2, 1, 1]> ()  h = Tile (x, r)",
        "s = Constant <value_ints = [{b}, 3, 4, 9]> ()  h = Resize (x, , , s)",
        f"{STEPS}  s = Constant <value_ints = [1, {{b}}, 4]> ()  z = ConstantOfShape (s)"
        "  a, l = RNN <hidden_size = 4> (t, rnn_in, rnn_state, , , z)  h = Transpose <perm = [1, 0, 2]> (l)",
        f"{STEPS}  s = Constant <value_ints = [1, {{b}}, 4]> ()  z = ConstantOfShape (s)"
        "  n = Shape <start = 1, end = 2> (t)  g = Constant <value_ints = [4]> ()  e = Concat <axis = 0> (one, n, g)"
        "  i = Expand (z, e)  a, l, c = LSTM <hidden_size = 4, direction = 'reverse'>"
        " (t, rnn_in4, rnn_state4, , , i, i)  h = Transpose <perm = [1, 0, 2]> (l)",
        "a, b, c = Split <axis = 1, num_outputs = 3> (x)  h = Concat <axis = 2> (b, a, c)",
    ],
)
def test_batch_size_that_the_file_holds_is_replaced(body: str, batch: str, tmp_path: Path) -> None:
    """Files exported for one batch size, which they hold as a number, become networks for any."""
    path = write(body.replace("{b}", batch), tmp_path / "net.onnx", batch=batch)
    network = opened(path).build_original()
    assert isinstance(network, torch.fx.GraphModule)
    with torch.no_grad():
        found = network(torch.from_numpy(drawn(6))).numpy()
    np.testing.assert_allclose(found, answers(path, drawn(6)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("h = Cast <to = 16> (x)", "found type number 16"),
        (
            "t = Flatten (x)  h = Conv (t, square)",
            "found an input of rank 2",
        ),
        (
            "a = Unsqueeze (x, last)  b = Unsqueeze (a, last)"
            "  h = BatchNormalization (b, scale, offset, mean, variance)",
            "found an input of rank 6",
        ),
        (
            "h = AveragePool <kernel_shape = [2, 2], dilations = [2, 2]> (x)",
            r"found dilations \(2, 2\)",
        ),
        ("h = MaxPool <kernel_shape = [1, 1, 1, 1]> (x)", "found a kernel of 4 axes"),
        ("h = GatherND <batch_dims = 1> (x, rows)", "found batch_dims other than 0"),
        ("f = Flatten (x)  h = ConvTranspose (f, square)", "found an input of rank 2"),
        ("f = Flatten (x)  h = GlobalMaxPool (f)", "found an input of rank 2"),
        ("h = ScatterND <reduction = 'max'> (x, rows, x)", "found reduction 'max'"),
        (
            "h = ScatterND (x, rows, x)",
            r"found updates of shape \(6, 3, 6, 6\) for places of shape \(2, 3, 6, 6\)",
        ),
        ("h = LRN <size = 4> (x)", r"found an even number of channels to normalise over \(4\)"),
        (
            "h = Resize <coordinate_transformation_mode = 'tf_crop_and_resize'> (x, , twofold)",
            "found coordinate_transformation_mode 'tf_crop_and_resize'",
        ),
        ("h = Attention <softcap = 2.0> (x, x, x)", "found scores that are capped"),
        ("h = Attention (x, x, x, , x, x)", "found keys and values of the past"),
        (
            f"{STEPS}  h = LSTM <input_forget = 1> (t, lstm_in, lstm_state)",
            "found input and forget gates that are one",
        ),
        (f"{STEPS}  h = LSTM (t, lstm_in, lstm_state, , , , , lstm_bias)", "found peephole weights"),
        (
            f"{STEPS}  h = GRU <activations = ['Relu', 'Tanh']> (t, gru_in, gru_state)",
            r"found activations \('Relu', 'Tanh'\), where torch has \('sigmoid', 'tanh'\)",
        ),
        (f"{STEPS}  h = RNN <clip = 1.0> (t, rnn_in, rnn_state)", "found cells that are clipped"),
        (
            f"{STEPS}  i = Cast <to = 6> (parts)  h = RNN (t, rnn_in, rnn_state, , i)",
            "found lengths that differ from example to example",
        ),
    ],
)
def test_settings_that_cannot_be_trained_are_refused_invalid(body: str, reason: str, tmp_path: Path) -> None:
    """The message names the operator and its setting; the hint names the ways out."""
    path = write(body, tmp_path / "net.onnx")
    with pytest.raises(ModelError, match=f"expected settings of .* that can be trained, {reason}") as caught:
        opened(path)
    assert "--student-arch" in str(caught.value.hint)


def test_every_operator_is_tested_inside_a_network() -> None:
    """Whoever adds an operator adds a network that uses it."""
    assert OPERATORS.keys() == BODIES.keys()
