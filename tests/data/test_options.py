"""What may be said about reading examples."""

from __future__ import annotations

import pytest

from kdaudit.data import DataOptions
from kdaudit.errors import SpecError


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
        (
            {"image_size": 224, "resize": 200},
            "expected a resize of at least the image size, found 200 and 224",
        ),
        ({"resize": 200}, "expected a resize of at least the image size, found 200 and None"),
    ],
)
def test_options_invalid(values: dict[str, object], message: str) -> None:
    """Found before any file is touched."""
    with pytest.raises(SpecError) as caught:
        DataOptions(**values)  # type: ignore[arg-type]
    assert message == caught.value.message
