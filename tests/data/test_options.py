"""What may be said about reading examples."""

from __future__ import annotations

import pytest

from kdaudit.data import DataOptions
from kdaudit.data.preprocessing import PRESETS
from kdaudit.errors import SpecError
from kdaudit.types import Geometry


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"mean": (0.5,)}, "expected --mean and --std of equal length, found 1 and 0 values"),
        (
            {"mean": (0.5,), "std": (1.0, 1.0)},
            "expected --mean and --std of equal length, found 1 and 2 values",
        ),
        ({"mean": (float("nan"),), "std": (1.0,)}, "expected finite values in --mean, found (nan,)"),
        ({"mean": (0.5,), "std": (0.0,)}, "expected positive values in --std, found (0.0,)"),
        ({"image_size": 0}, "expected --image-size of at least 1, found 0"),
    ],
)
def test_options_invalid(values: dict[str, object], message: str) -> None:
    """Found before any file is touched."""
    with pytest.raises(SpecError) as caught:
        DataOptions(**values)  # type: ignore[arg-type]
    assert message == caught.value.message


def test_an_image_size_keeps_the_share_that_the_crop_leaves() -> None:
    """7/8 where nothing is said; a preset's share and interpolation where one is."""
    assert Geometry(resize=256, crop=(224, 224)) == DataOptions(image_size=224).wanted_geometry
    clip = Geometry(resize=224, crop=(224, 224), interpolation="bicubic")
    larger = DataOptions(image_size=336, geometry=clip).wanted_geometry
    assert Geometry(resize=336, crop=(336, 336), interpolation="bicubic") == larger
    squashed = DataOptions(image_size=384, geometry=Geometry(resize=(224, 224))).wanted_geometry
    assert Geometry(resize=(384, 384), crop=(384, 384)) == squashed


def test_what_is_usual_gives_way_to_what_is_said() -> None:
    """Field by field: the stated mean with the usual size."""
    found = DataOptions(mean=(0.1,), std=(0.2,)).with_usual(PRESETS["imagenet"])
    assert DataOptions(geometry=Geometry(resize=256, crop=(224, 224)), mean=(0.1,), std=(0.2,)) == found
