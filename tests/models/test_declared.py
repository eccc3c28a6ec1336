"""What model files say of their inputs and of how good they are."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from kdaudit.errors import ModelError
from kdaudit.models.declared import declared_preprocess
from kdaudit.models.declared_accuracy import declared_accuracy
from kdaudit.types import Geometry, ModelRef, Role, StatedPreprocess

UNIT = 1 / 255


def onnx_file(path: Path, shape: tuple[int | str, ...] = ("n", 3, 8, 8), **metadata: str) -> ModelRef:
    """An ONNX file with an input of this shape and these metadata_props (with _ for a dot)."""
    graph = helper.make_graph(
        [helper.make_node("Flatten", ["x"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(shape))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    helper.set_model_props(model, {key.replace("_", ".", 1): value for key, value in metadata.items()})
    onnx.save(model, path)
    return ModelRef(name=path.name, role=Role.TEACHER, path=str(path), kind="onnx", sha256="0")


def folder(path: Path, card: str = "", **config: object) -> ModelRef:
    """A Hugging Face folder with a preprocessor_config.json."""
    path.mkdir()
    (path / "preprocessor_config.json").write_text(json.dumps(config))
    (path / "README.md").write_text(card)
    return ModelRef(name="hf", role=Role.STUDENT, path=str(path), kind="huggingface", sha256="0")


def test_onnx_metadata_of_the_standard(tmp_path: Path) -> None:
    """Channel order and the range of the numbers, in any case of letters."""
    found, table, _ = declared_preprocess(
        onnx_file(
            tmp_path / "m.onnx", Image_BitmapPixelFormat="BGR8", image_NominalPixelRange="Normalized_1_1"
        )
    )
    half = (0.5, 0.5, 0.5)
    assert table is None
    assert StatedPreprocess(source="its ONNX file", channels="BGR", scale=UNIT, mean=half, std=half) == found


def test_onnx_metadata_of_our_own(tmp_path: Path) -> None:
    """A table in JSON, and an accuracy."""
    ref = onnx_file(tmp_path / "m.onnx", kdaudit_preprocess='{"preset": "clip"}', kdaudit_accuracy="0.91")
    assert declared_preprocess(ref)[1] == {"preset": "clip"}
    assert declared_accuracy(ref) == (0.91, "kdaudit.accuracy of m.onnx")


@pytest.mark.parametrize(
    ("shape", "layout"),
    [(("n", 8, 8, 3), "NHWC"), (("n", "h", "w", 3), "NHWC"), (("n", 3, 8, 8), None), (("n", 8), None)],
)
def test_the_layout_follows_from_the_shape(
    tmp_path: Path, shape: tuple[int | str, ...], layout: str | None
) -> None:
    """Channels are where the axis has one or three."""
    assert layout == declared_preprocess(onnx_file(tmp_path / "m.onnx", shape))[0].layout


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"kdaudit_preprocess": "{"}, "expected JSON under kdaudit.preprocess in"),
        ({"kdaudit_preprocess": "[]"}, "expected a JSON object under kdaudit.preprocess in"),
    ],
)
def test_onnx_metadata_invalid(tmp_path: Path, metadata: dict[str, str], message: str) -> None:
    """What cannot be read is an error that names the key."""
    with pytest.raises(ModelError, match=message):
        declared_preprocess(onnx_file(tmp_path / "m.onnx", ("n", 8), **metadata))


@pytest.mark.parametrize("text", ["high", "91"])
def test_onnx_accuracy_invalid(tmp_path: Path, text: str) -> None:
    """A share, not a percentage."""
    with pytest.raises(ModelError, match=r"expected an accuracy from 0 to 1 under kdaudit\.accuracy in"):
        declared_accuracy(onnx_file(tmp_path / "m.onnx", kdaudit_accuracy=text))


def test_a_vit_processor(tmp_path: Path) -> None:
    """Squashed to its size, without a crop."""
    found, *_ = declared_preprocess(
        folder(
            tmp_path / "m",
            do_resize=True,
            resample=3,
            do_rescale=True,
            rescale_factor=UNIT,
            do_normalize=True,
            size={"height": 224, "width": 192},
            image_mean=[0.5, 0.5, 0.5],
            image_std=[0.25, 0.25, 0.25],
        )
    )
    assert (
        StatedPreprocess(
            source="its preprocessor_config.json",
            geometry=Geometry(resize=(224, 192), interpolation="bicubic"),
            scale=UNIT,
            mean=(0.5, 0.5, 0.5),
            std=(0.25, 0.25, 0.25),
        )
        == found
    )


@pytest.mark.parametrize(
    ("config", "geometry"),
    [
        (
            {
                "size": {"shortest_edge": 256},
                "do_center_crop": True,
                "crop_size": {"height": 224, "width": 224},
            },
            Geometry(resize=256, crop=(224, 224)),
        ),
        ({"size": 224}, Geometry(resize=(224, 224))),
        ({"size": {"shortest_edge": 224}, "crop_pct": 0.875}, Geometry(resize=256, crop=(224, 224))),
        ({"size": {"shortest_edge": 384}, "crop_pct": 0.875}, Geometry(resize=(384, 384))),
        ({"do_resize": False}, None),
    ],
)
def test_sizes_of_processors(tmp_path: Path, config: dict[str, object], geometry: Geometry | None) -> None:
    """As transformers' own processors resize and crop."""
    found, *_ = declared_preprocess(
        folder(tmp_path / "m", "", do_rescale=False, do_normalize=False, **config)
    )
    assert (geometry, 1.0, ()) == (found.geometry, found.scale, found.mean)


def test_processors_of_other_things_say_nothing(tmp_path: Path) -> None:
    """Sounds and texts have other settings."""
    assert StatedPreprocess() == declared_preprocess(folder(tmp_path / "m", sampling_rate=16000))[0]
    assert StatedPreprocess() == declared_preprocess(replace(folder(tmp_path / "n"), kind="state_dict"))[0]


def test_processors_invalid(tmp_path: Path) -> None:
    """Damaged files are named."""
    with pytest.raises(
        ModelError, match="expected the settings of an image processor or feature extractor in"
    ):
        declared_preprocess(folder(tmp_path / "a", do_rescale=True, image_mean=[0.5], size={}))
    broken = folder(tmp_path / "b")
    (tmp_path / "b" / "preprocessor_config.json").write_text("{")
    with pytest.raises(ModelError, match="expected JSON in"):
        declared_preprocess(broken)
    (tmp_path / "b" / "preprocessor_config.json").write_text("[]")
    with pytest.raises(ModelError, match="expected a JSON object in"):
        declared_preprocess(broken)


def test_timms_configuration() -> None:
    """That of the weights which the architecture's name stands for, as timm evaluates them."""
    pytest.importorskip("timm")
    ref = ModelRef(
        name="m",
        role=Role.TEACHER,
        path="m",
        kind="state_dict",
        sha256="0",
        arch="timm:vit_base_patch32_clip_224",
    )
    found, *_ = declared_preprocess(ref)
    assert Geometry(resize=248, crop=(224, 224), interpolation="bicubic") == found.geometry
    assert found.mean == (0.48145466, 0.4578275, 0.40821073)


CARD = """---
model-index:
- name: m
  results:
  - dataset: {name: imagenet-1k}
    metrics:
    - {type: loss, value: 1.2}
    - {type: accuracy, value: %s}
---
# A model
"""


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        (CARD % "0.813", (0.813, "the model card, on imagenet-1k")),
        (CARD % "81.3", (0.813, "the model card, on imagenet-1k")),
        ("# no front matter", None),
        ("---\nmodel-index: 7\n---\n", None),
        ("---\n: [\n---\n", None),
        ("---\nlicense: mit\n---\n", None),
    ],
)
def test_accuracy_of_a_model_card(tmp_path: Path, card: str, expected: tuple[float, str] | None) -> None:
    """The first one of its model-index; a card that cannot be understood states none."""
    pytest.importorskip("yaml")
    assert expected == declared_accuracy(folder(tmp_path / "m", card))
