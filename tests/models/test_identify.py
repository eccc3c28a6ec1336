"""Which kind of model a file holds, by content; its digest covers all of its weights."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx.external_data_helper import convert_model_to_external_data
from safetensors.torch import save_file

from kdaudit.errors import ModelError, SpecError
from kdaudit.models.identify import identify
from kdaudit.types import ModelRef, OutputKind, Role
from tests.models.networks import scaled, script
from tests.planted import write_selector

ARCH = "tests.trainable:dense"


def ref(path: Path, *, role: Role = Role.STUDENT, arch: str | None = None) -> ModelRef:
    """The reference to a file."""
    return identify(str(path), role=role, name="m", output=OutputKind.LOGITS, arch=arch, arch_args=None)


def with_external_data(folder: Path, weight: float) -> Path:
    """An ONNX file whose weights lie in a file beside it."""
    folder.mkdir()
    write_selector(folder / "whole.onnx", 40, 0, 30)
    model = onnx.load(folder / "whole.onnx")
    model.graph.initializer[0].raw_data = np.full((40, 30), weight, dtype=np.float32).tobytes()
    convert_model_to_external_data(model, location="weights.bin", size_threshold=0)
    onnx.save(model, folder / "net.onnx")
    return folder / "net.onnx"


def test_the_digest_covers_weights_in_other_files(tmp_path: Path) -> None:
    """Two files that differ in their external weights only are two models."""
    first, second = with_external_data(tmp_path / "a", 1.0), with_external_data(tmp_path / "b", 2.0)
    assert first.read_bytes() == second.read_bytes()
    assert ref(first).sha256 != ref(second).sha256


def test_weights_outside_the_folder_invalid(tmp_path: Path) -> None:
    """A path that leads out of the model's folder is refused."""
    path = with_external_data(tmp_path / "a", 1.0)
    model = onnx.load(path, load_external_data=False)
    for entry in model.graph.initializer[0].external_data:
        if entry.key == "location":
            entry.value = "../secret.bin"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match=r"beside it, found '\.\./secret\.bin', outside its folder"):
        ref(path)


def test_missing_external_weights_invalid(tmp_path: Path) -> None:
    """The file beside the model is gone."""
    path = with_external_data(tmp_path / "a", 1.0)
    (path.parent / "weights.bin").unlink()
    with pytest.raises(
        ModelError, match=r"the weights of .*net\.onnx in 'weights\.bin' beside it, found no such file"
    ):
        ref(path)


def test_kinds_by_content(tmp_path: Path) -> None:
    """The suffix says nothing."""
    write_selector(tmp_path / "a.bin", 4, 0, 2)
    torch.save({"w": torch.ones(2)}, tmp_path / "b.bin")
    save_file({"w": torch.ones(2)}, tmp_path / "c.bin")
    script(scaled(), tmp_path / "d.bin", how="scripted")
    program = torch.export.export(torch.nn.Linear(2, 2), (torch.ones(1, 2),))
    torch.export.save(program, str(tmp_path / "e.pt2"))
    (tmp_path / "e.pt2").rename(tmp_path / "e.bin")
    kinds = [ref(tmp_path / f"{n}.bin", arch=ARCH if n in "bc" else None).kind for n in "abcde"]
    assert ["onnx", "state_dict", "safetensors", "torchscript", "exported"] == kinds


def test_weights_without_an_architecture_invalid(tmp_path: Path) -> None:
    """The hint names all ways to give one."""
    torch.save({"w": torch.ones(2)}, tmp_path / "w.pt")
    with pytest.raises(SpecError, match="expected an architecture for the weights in") as caught:
        ref(tmp_path / "w.pt")
    assert "--student-arch module:callable, path/file.py:callable or timm:NAME" in str(caught.value.hint)


@pytest.mark.parametrize("name", ["net/archive_format", "serialized_exported_program.json"])
def test_other_programs_of_torch_invalid(name: str, tmp_path: Path) -> None:
    """Compiled packages, and programs of an older torch."""
    with zipfile.ZipFile(tmp_path / "net.pt2", "w") as archive:
        archive.writestr(name, "pt2")
    with pytest.raises(ModelError, match=r"expected a program saved by torch\.export of torch 2\.8 or newer"):
        ref(tmp_path / "net.pt2")


def test_what_cannot_be_loaded_invalid(tmp_path: Path) -> None:
    """Folders, other archives, empty files, architectures where there is one already."""
    with pytest.raises(ModelError, match=r"expected a model file, or a folder with config\.json"):
        ref(tmp_path)
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme", "")
    with pytest.raises(ModelError, match="found another zip archive"):
        ref(tmp_path / "other.zip")
    (tmp_path / "empty.pt").touch()
    with pytest.raises(ModelError, match="found an empty file"):
        ref(tmp_path / "empty.pt")
    write_selector(tmp_path / "t.onnx", 4, 0, 2)
    with pytest.raises(
        SpecError, match=r"expected no --teacher-arch for .*, which holds its architecture \(onnx\)"
    ):
        ref(tmp_path / "t.onnx", role=Role.TEACHER, arch=ARCH)


def test_an_archive_that_is_cut_off_invalid(tmp_path: Path) -> None:
    """It is not taken for ONNX."""
    torch.save({"w": torch.ones(2)}, tmp_path / "w.pt")
    (tmp_path / "w.pt").write_bytes((tmp_path / "w.pt").read_bytes()[:-100])
    with pytest.raises(ModelError, match=r"w\.pt, found the beginning of an archive: the file is cut off"):
        ref(tmp_path / "w.pt", arch=ARCH)
