"""The data reaches a model under its names and in its types, or is refused with the reason."""

from __future__ import annotations

import numpy as np
import pytest

from kdaudit.errors import DataError, ModelError
from kdaudit.models.predict import fit_inputs, predict
from kdaudit.types import AnyArray, Batch, Conversions, ModelRef, Role, TensorSpec


def batch(**stored: AnyArray) -> Batch:
    """Two examples; pixels are preprocessed to halves."""
    inputs = {
        name: array.astype(np.float32) / 2 if array.dtype == np.uint8 else array
        for name, array in stored.items()
    }
    return Batch(inputs=inputs, stored=stored, labels=np.zeros(2, dtype=np.int64))


def wanted(dtype: str, name: str = "x") -> TensorSpec:
    """One number an example."""
    return TensorSpec(name=name, shape=(1,), dtype=dtype)


PIXELS = np.array([[0], [255]], dtype=np.uint8)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64", "int16"])
def test_whole_inputs_get_what_is_stored(dtype: str) -> None:
    """A model that takes whole numbers sees pixels from 0 to 255, in its own type."""
    fitted = fit_inputs(batch(x=PIXELS), (wanted(dtype),), "m.onnx")["x"]
    assert dtype == fitted.dtype.name
    assert [0, 255] == fitted[:, 0].tolist()


def test_floating_inputs_get_what_is_preprocessed() -> None:
    """A model that takes float32 sees normalised pixels, and tokens as floats."""
    fitted = fit_inputs(batch(x=PIXELS), (wanted("float32"),), "m.onnx")["x"]
    assert [0.0, 127.5] == fitted[:, 0].tolist()
    tokens = np.array([[3], [9]])
    assert [3.0, 9.0] == fit_inputs(batch(x=tokens), (wanted("float32"),), "m.onnx")["x"][:, 0].tolist()


@pytest.mark.parametrize(
    ("shape", "hint"),
    [
        ((5, 3, 4), 'the channels of the data come last: say stored = "NHWC" in a table [preprocess]'),
        ((4, 5, 3), 'this input takes channels last: say layout = "NHWC" in a table [preprocess]'),
        (
            (3, 8, 8),
            "pictures are stored as (n, channels, height, width); --image-size S resizes those in files",
        ),
        ((3, 4), "save it as (n, 3, 4)"),
        ((60,), "these are as many numbers, in other axes: save x.reshape(len(x), 60)"),
        ((12, 5), "these are as many numbers, in other axes: save x.reshape(len(x), 12, 5)"),
    ],
)
def test_a_shape_that_fits_in_another_layout_says_which_invalid(shape: tuple[int, ...], hint: str) -> None:
    """By name of the key, in either direction."""
    spec = TensorSpec(name="x", shape=shape, dtype="float32")
    with pytest.raises(DataError, match="expected an example of shape") as caught:
        fit_inputs(batch(x=np.zeros((2, 3, 4, 5), np.float32)), (spec,), "m.onnx")
    assert (caught.value.hint or "").startswith(hint)


def test_one_input_fits_whatever_it_is_called_and_several_by_name() -> None:
    """The order is the model's."""
    assert ["pixels"] == list(fit_inputs(batch(x=PIXELS), (wanted("uint8", "pixels"),), "m.onnx"))
    two = (wanted("int64", "b"), wanted("uint8", "a"))
    fitted = fit_inputs(batch(a=PIXELS, b=np.array([[5], [6]])), two, "m.onnx")
    assert [("b", 6), ("a", 255)] == [(name, int(array[1, 0])) for name, array in fitted.items()]


@pytest.mark.parametrize(
    ("stored", "dtype", "message"),
    [
        (
            np.array([[0.5], [1.0]], np.float32),
            "int64",
            "expected int64 for input 'x' of m.onnx, found float32",
        ),
        (
            np.array([[1], [300]]),
            "uint8",
            "expected numbers that uint8 holds for input 'x' of m.onnx, found 300",
        ),
        (np.array([[1], [-1]]), "uint8", "found -1 in the data"),
        (np.array([[1], [2]]), "bool", "expected numbers that bool holds for input 'x' of m.onnx, found 2"),
    ],
)
def test_numbers_that_do_not_fit_invalid(stored: AnyArray, dtype: str, message: str) -> None:
    """Nothing is cut off or wrapped around."""
    with pytest.raises(DataError, match=message):
        fit_inputs(batch(x=stored), (wanted(dtype),), "m.onnx")


def test_missing_names_invalid() -> None:
    """Every name that is wanted and every one that was found."""
    with pytest.raises(DataError, match=r"expected inputs a, b for m\.onnx, found x in the data"):
        fit_inputs(batch(x=PIXELS), (wanted("uint8", "a"), wanted("uint8", "b")), "m.onnx")


class _Scores:
    """A model whose one score a row lies between 0 and 1."""

    inputs = ()
    fixed_batch = 2
    device = "cpu"

    def run(self, inputs: dict[str, AnyArray], _shared: Conversions) -> AnyArray:
        """Halves."""
        return np.full((len(inputs["x"]), 1), 0.5, dtype=np.float32)


class _Data:
    """Two examples."""

    ref = None
    n_answers = 2

    def __len__(self) -> int:
        return 2

    def batches(self, batch_size: int) -> list[Batch]:
        """One batch."""
        return [batch(x=np.zeros((batch_size, 1), dtype=np.float32))]


def predicted(kind: str) -> AnyArray:
    """Logits of scores that are said to be logits."""
    ref = ModelRef(name="m", role=Role.STUDENT, path="m.onnx", kind=kind, sha256="")
    return predict(ref, _Scores(), _Data(), progress=lambda _event: None).logits  # type: ignore[arg-type]


def test_scores_of_a_control_are_what_it_was_trained_for() -> None:
    """A poor control's logits may all lie between 0 and 1; a given model's that do are no logits."""
    assert [[0.0, 0.5]] * 2 == predicted("control").tolist()
    with pytest.raises(
        ModelError, match=r"expected logits from m\.onnx, found single scores between 0 and 1"
    ):
        predicted("onnx")
