"""Files of weights: read, refused when damaged, and put only where they belong."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from kdaudit.errors import ModelError
from kdaudit.models.weights import fill, read_safetensors, read_state_dict


def weights(dtype: torch.dtype = torch.float32) -> dict[str, torch.Tensor]:
    """The weights of Linear(2, 1), all ones."""
    return {"weight": torch.ones(1, 2, dtype=dtype), "bias": torch.ones(1)}


@pytest.mark.parametrize("key", [None, "state_dict", "model_state_dict", "model"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_checkpoints_hold_the_weights_under_known_keys(tmp_path: Path, key: str | None, prefix: str) -> None:
    """Alone or in a checkpoint beside other things, with or without DataParallel's prefix."""
    state = {f"{prefix}{name}": tensor for name, tensor in weights().items()}
    torch.save(state if key is None else {key: state, "epoch": 3}, tmp_path / "w.pt")
    assert {"weight", "bias"} == read_state_dict(str(tmp_path / "w.pt")).keys()


def test_damaged_files_say_what_to_do_invalid(tmp_path: Path) -> None:
    """Both formats, cut off in the middle."""
    save_file(weights(), tmp_path / "w.safetensors")
    torch.save(weights(), tmp_path / "w.pt")
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ModelError, match="expected safetensors in") as first:
        read_safetensors(str(tmp_path / "w.safetensors"))
    with pytest.raises(ModelError, match=r"expected weights saved by torch\.save in") as second:
        read_state_dict(str(tmp_path / "w.pt"))
    assert "save or copy it again" in str(first.value.hint)
    assert "save or copy it again" in str(second.value.hint)


def test_other_precisions_fit() -> None:
    """Half-precision weights are the same weights."""
    filled = fill(torch.nn.Linear(2, 1), weights(torch.float16), "w.pt")
    assert 1.0 == float(filled.state_dict()["weight"][0, 0])


def test_other_kinds_of_numbers_invalid() -> None:
    """Quantised weights would be taken for their integers."""
    with pytest.raises(ModelError, match=r"found 1 of another type \(weight\)"):
        fill(torch.nn.Linear(2, 1), weights(torch.int8), "w.pt")


def test_what_does_not_belong_together_invalid() -> None:
    """Missing, unknown and misshapen tensors are named at once."""
    found = {"weight": torch.ones(3, 2), "scale": torch.ones(1)}
    with pytest.raises(
        ModelError, match=r"1 missing \(bias\), 1 unknown \(scale\), 1 of another shape \(weight\)"
    ):
        fill(torch.nn.Linear(2, 1), found, "w.pt")


def test_a_file_without_a_state_dict_invalid(tmp_path: Path) -> None:
    """The known keys are named."""
    torch.save({"epoch": 3}, tmp_path / "w.pt")
    with pytest.raises(ModelError, match=r"expected a state_dict in .*, found dict without one"):
        read_state_dict(str(tmp_path / "w.pt"))
