"""How models take their inputs: presets, tables, and what becomes of them on given examples."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import InterpolationMode, v2

from kdaudit.data import DataOptions
from kdaudit.data.decode import transformed
from kdaudit.data.preprocess_tables import from_table, stated_preprocess, table_schema
from kdaudit.data.preprocessing import PRESETS, applied, contradictions, described, merged
from kdaudit.errors import SpecError
from kdaudit.types import Geometry, Layout, Preprocess, StatedPreprocess
from tests.data.factories import labels, load, pixels, save_npz, save_picture

UINT8 = Preprocess(scale=1 / 255)


def test_a_preset_by_its_name() -> None:
    """With the option as its source."""
    found = stated_preprocess("cifar10", source="--preprocess")
    assert ("--preprocess cifar10", (0.4914, 0.4822, 0.4465)) == (found.source, found.mean)


def test_a_table_goes_on_top_of_its_preset(tmp_path: Path) -> None:
    """In TOML or JSON; what it does not say stays as the preset has it."""
    (tmp_path / "a.toml").write_text('preset = "imagenet"\nchannels = "BGR"\ncrop = 200\n')
    (tmp_path / "a.json").write_text('{"preset": "imagenet", "channels": "BGR", "crop": [200, 200]}')
    for name in ("a.toml", "a.json"):
        found = stated_preprocess(str(tmp_path / name), source="--preprocess")
        assert Geometry(resize=256, crop=(200, 200)) == found.geometry
        assert ("BGR", PRESETS["imagenet"].mean) == (found.channels, found.mean)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"means": [0.5]}, "unknown key means in [preprocess]"),
        ({"preset": "alexnet"}, "expected one of imagenet, cifar10, clip, inception, raw for preset in"),
        ({"mean": [0.5]}, "expected mean and std together in [preprocess], found only one of them"),
        ({"mean": 0.5, "std": 1.0}, "expected a list of numbers for mean in [preprocess], found 0.5"),
        ({"mean": ["a"], "std": [1]}, "expected a number for mean in [preprocess], found 'a'"),
        (
            {"mean": [0.5], "std": [1, 1]},
            "expected mean and std of equal length in [preprocess], found 1 and 2",
        ),
        ({"mean": [0.5], "std": [0]}, "expected positive values in std of [preprocess], found [0.0]"),
        ({"scale": True}, "expected a number for scale in [preprocess], found True"),
        ({"channels": "bgr"}, "expected one of RGB, BGR for channels in [preprocess], found 'bgr'"),
        ({"interpolation": "cubic", "crop": 8}, "expected one of nearest, bilinear, bicubic"),
        ({"resize": 0, "crop": 8}, "expected pixels, or [height, width] for resize in [preprocess], found 0"),
        (
            {"resize": [8], "crop": 8},
            "expected pixels, or [height, width] for resize in [preprocess], found [8]",
        ),
        ({"resize": 256}, "expected a crop beside resize = 256 in [preprocess]"),
        (
            {"preset": "imagenet", "crop": 288},
            "expected a crop that lies within the resized pictures in [preprocess], found crop = [288, 288] of resize",
        ),
        (
            {"resize": [48, 192], "crop": [64, 192]},
            "expected a crop that lies within the resized pictures in [preprocess], found crop = [64, 192] of resize = "
            "(48, 192)",
        ),
    ],
)
def test_tables_invalid(table: dict[str, object], message: str) -> None:
    """The key and what was found are named."""
    with pytest.raises(SpecError) as caught:
        from_table(table, source="[preprocess]")
    assert caught.value.message.startswith(message)


def test_options_invalid(tmp_path: Path) -> None:
    """A name that is no preset, a file that holds no table."""
    with pytest.raises(
        SpecError, match="expected a preset or a file for --preprocess, found 'imagnet'"
    ) as caught:
        stated_preprocess("imagnet", source="--preprocess")
    assert caught.value.hint == "did you mean imagenet?"
    (tmp_path / "broken.toml").write_text("mean = [")
    with pytest.raises(SpecError, match=r"expected TOML or JSON in .*broken.toml"):
        stated_preprocess(str(tmp_path / "broken.toml"), source="--preprocess")


def test_the_first_who_says_a_step_decides_it() -> None:
    """Step by step, but mean and std of one mouth."""
    first = StatedPreprocess(source="a", scale=2.0)
    second = StatedPreprocess(source="b", scale=3.0, mean=(1.0,), std=(2.0,))
    expected = StatedPreprocess(source="a", scale=2.0, mean=(1.0,), std=(2.0,))
    assert expected == merged([first, second])


def test_contradictions_are_said() -> None:
    """Only of steps that both name."""
    said = StatedPreprocess(mean=(0.5,), std=(0.5,), layout="NHWC")
    file = StatedPreprocess(mean=(0.1,), std=(0.5,), scale=1.0)
    assert ["mean 0.5, its file says 0.1"] == list(contradictions(said, file))


def test_raw_takes_pixels_as_they_are() -> None:
    """Neither divided nor normalised, whatever the source would do."""
    own = Preprocess(scale=1 / 255, mean=(0.5,), std=(0.5,))
    found = applied(PRESETS["raw"], own, {"x": (5, 3, 4, 4)})
    assert Preprocess() == found
    assert described(found, None) == "as stored"


def test_a_line_for_the_report() -> None:
    """All steps in the order in which they are done."""
    found = Preprocess(
        scale=1 / 255, mean=(0.5,), std=(0.25,), channels="BGR", layout="NHWC", dtype="float16"
    )
    assert described(found, Geometry(resize=256, crop=(224, 224), interpolation="bicubic")) == (
        "resized to 256 on the shorter side (bicubic), cropped to 224 x 224, channels BGR, divided by 255, mean 0.5, "
        "std 0.25, given as float16, axes NHWC"
    )
    assert described(Preprocess(scale=2.0), Geometry(resize=(8, 9))) == "resized to 8 x 9 (bilinear), times 2"
    assert described(Preprocess(dtype="uint8"), None) == "given as uint8"


@pytest.mark.parametrize(
    ("stated", "shapes", "message"),
    [
        (
            StatedPreprocess(source="s", mean=(0.1, 0.2), std=(1.0, 1.0)),
            {"x": (5, 3, 4, 4)},
            "expected 3 values in",
        ),
        (
            StatedPreprocess(source="s", mean=(0.1,), std=(1.0,)),
            {"a": (5, 3), "b": (5, 2)},
            "expected one input that the mean of s applies to, found 2: a, b",
        ),
        (
            StatedPreprocess(source="s", layout="NHWC"),
            {"x": (5, 7)},
            "expected pictures for layout NHWC of s",
        ),
        (
            StatedPreprocess(source="s", stored="NHWC"),
            {"x": (5, 7)},
            "expected pictures for stored NHWC of s",
        ),
        (
            StatedPreprocess(source="s", channels="BGR"),
            {"x": (5, 1, 4, 4)},
            "expected pictures with three channels for BGR of s",
        ),
    ],
)
def test_what_does_not_fit_the_examples_invalid(
    stated: StatedPreprocess, shapes: dict[str, tuple[int, ...]], message: str
) -> None:
    """Named with the input and its shape."""
    with pytest.raises(SpecError) as caught:
        applied(stated, UINT8, shapes)
    assert caught.value.message.startswith(message)


def test_the_schema_allows_what_the_tables_allow() -> None:
    """Each key that is read, and no other."""
    properties = table_schema()["properties"]
    assert isinstance(properties, dict)
    with pytest.raises(SpecError) as caught:
        from_table({"zzz": 1}, source="[preprocess]")
    assert f"known: {', '.join(properties)}" == caught.value.hint


def test_a_view_reorders_channels_and_axes_by_hand(tmp_path: Path) -> None:
    """BGR before mean and std, NHWC after them; bytes go the same way; nothing is stored anew."""
    x = pixels(4, (3, 2, 5))
    data = load(save_npz(tmp_path / "a.npz", x=x, y=labels(4)), tmp_path)
    preprocess = Preprocess(
        scale=0.5, mean=(1.0, 2.0, 3.0), std=(2.0, 4.0, 8.0), channels="BGR", layout="NHWC"
    )
    view = data.under(preprocess)
    batch = next(view.batches(4))
    expected = (x[:, ::-1] * 0.5 - np.array([1, 2, 3])[:, None, None]) / np.array([2, 4, 8])[:, None, None]
    np.testing.assert_allclose(
        expected.transpose(0, 2, 3, 1), batch.inputs["x"].astype(np.float64), rtol=1e-6
    )
    np.testing.assert_array_equal(x[:, ::-1].transpose(0, 2, 3, 1), batch.stored["x"])
    assert data.folder == view.folder
    assert (data.ref, data.view_sha256 == view.view_sha256) == (view.ref, False)
    assert data.under(data.preprocess) is data


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_arrays_with_their_channels_last_are_read_so_where_it_is_said(tmp_path: Path, layout: Layout) -> None:
    """Same inputs as of the same pictures that are kept channels first, per-channel numbers and order included."""
    x = pixels(4, (3, 2, 5))
    last = np.ascontiguousarray(x.transpose(0, 2, 3, 1))
    usual = Preprocess(mean=(1.0, 2.0, 3.0), std=(2.0, 4.0, 8.0), channels="BGR", layout=layout)
    views = [
        load(save_npz(tmp_path / f"{name}.npz", x=array, y=labels(4)), tmp_path).under(preprocess)
        for name, array, preprocess in (("a", x, usual), ("b", last, replace(usual, stored="NHWC")))
    ]
    first, other = (next(view.batches(4)) for view in views)
    np.testing.assert_array_equal(first.inputs["x"], other.inputs["x"])
    np.testing.assert_array_equal(first.stored["x"], other.stored["x"])
    stated = StatedPreprocess(source="s", mean=usual.mean, std=usual.std, stored="NHWC")
    assert "read as NHWC, divided by 255" in described(applied(stated, UINT8, {"x": last.shape}), None)


@pytest.mark.parametrize(("dtype", "expected"), [("uint8", np.uint8), ("float16", np.float16)])
def test_a_view_gives_the_type_that_is_asked_for(tmp_path: Path, dtype: str, expected: type) -> None:
    """uint8 is what is stored, without arithmetic."""
    x = pixels(4)
    data = load(save_npz(tmp_path / "a.npz", x=x, y=labels(4)), tmp_path)
    found = next(data.under(Preprocess(scale=1 / 255, dtype=dtype)).batches(4)).inputs["x"]  # type: ignore[arg-type]
    assert np.dtype(expected) == found.dtype
    if dtype == "uint8":
        np.testing.assert_array_equal(x, found)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"])
@pytest.mark.parametrize("shape", [(40, 31, 3), (31, 67, 3), (33, 50), (20, 20, 3)])
@pytest.mark.parametrize(
    ("resize", "crop"),
    [(20, (16, 16)), ((16, 18), None), (12, (16, 14)), (47, (31, 40)), (None, (17, 14)), (20, None)],
)
def test_geometry_equals_torchvisions_transforms(
    interpolation: str,
    shape: tuple[int, ...],
    resize: int | tuple[int, int] | None,
    crop: tuple[int, int] | None,
) -> None:
    """Pixel for pixel, smoothed as it shrinks; in both formats, enlarged, and padded where the crop is larger."""
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8))
    steps: list[torch.nn.Module] = []
    steps += [] if resize is None else [v2.Resize(resize, InterpolationMode(interpolation), antialias=True)]
    steps += [] if crop is None else [v2.CenterCrop(crop)]
    geometry = Geometry(resize=resize, crop=crop, interpolation=interpolation)  # type: ignore[arg-type]
    np.testing.assert_array_equal(
        np.asarray(v2.Compose(steps)(picture)), np.asarray(transformed(picture, geometry))
    )


def test_geometry_equals_timms_evaluation() -> None:
    """With its crop_pct, on its own transforms."""
    timm = pytest.importorskip("timm.data")
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 70, 3)).astype(np.uint8))
    wanted = timm.create_transform(
        (3, 32, 32), interpolation="bicubic", crop_pct=0.9, mean=(0.0,) * 3, std=(1.0,) * 3
    )(picture)
    found = transformed(picture, Geometry(resize=35, crop=(32, 32), interpolation="bicubic"))
    np.testing.assert_allclose(wanted.numpy(), np.asarray(found).transpose(2, 0, 1) / 255, atol=1e-6)


def test_two_geometries_are_two_copies_of_the_same_examples(tmp_path: Path) -> None:
    """Other pixels and digests, the same ids."""
    for i in range(2):
        for name in ("a", "b"):
            save_picture(tmp_path / "root" / name / f"{i}.png", size=(20, 16), seed=i)
    one, other = (
        load(tmp_path / "root", tmp_path, DataOptions(geometry=Geometry(resize=resize, crop=(8, 8))))
        for resize in (8, 16)
    )
    assert one.ids.tolist() == other.ids.tolist()
    assert one.ref.sha256 != other.ref.sha256
    assert other.sharing(one.ref).ref == one.ref
