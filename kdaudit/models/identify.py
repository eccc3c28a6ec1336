"""Which kind of model a file holds, by its content and never by its suffix."""

from __future__ import annotations

import zipfile
from pathlib import Path

from kdaudit.digest import file_digest, record_digest
from kdaudit.errors import ModelError, SpecError
from kdaudit.models.architecture import parse_arch_args
from kdaudit.models.untrusted import external_files, read_message
from kdaudit.types import ModelRef, OutputKind, Role

_PICKLE_MAGIC = b"\x80"
_HEAD_BYTES = 9


def identify(
    path: str, *, role: Role, name: str, output: OutputKind, arch: str | None, arch_args: str | None
) -> ModelRef:
    """The reference to a model file, with its kind and digest.

    Raises:
        ModelError: there is no file, it is empty, or of a kind that cannot be loaded.
        SpecError: weights without an architecture, or an architecture for a file that has one.
    """
    file = Path(path)
    option = "--teacher-arch" if role is Role.TEACHER else "--student-arch"
    if file.is_dir():
        raise ModelError(f"expected a model file at {path}, found a folder", hint="name the file inside it")
    sha256 = file_digest(file, error=ModelError, what=f"the {role}'s model file")
    kind = _kind(file)
    if kind != "onnx" and arch is None:
        raise SpecError(
            f"expected an architecture for the weights in {path}, found none",
            hint=f"add {option} module:callable (or path/file.py:callable)",
        )
    if kind == "onnx" and role is Role.TEACHER and arch is not None:
        raise SpecError(f"expected no {option} for the ONNX file {path}, which holds its architecture")
    parse_arch_args(arch_args)
    if kind == "onnx":
        sha256 = _with_external_data(file, sha256)
    return ModelRef(
        name=name,
        role=role,
        path=path,
        kind=kind,
        sha256=sha256,
        output=output,
        arch=arch,
        arch_args=arch_args,
    )


def _kind(file: Path) -> str:
    with file.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    if not head:
        raise ModelError(f"expected a model in {file}, found an empty file", hint="export it again")
    if zipfile.is_zipfile(file):
        return _torch_archive(file)
    if head[:1] == _PICKLE_MAGIC:
        return "state_dict"
    if head[8:9] == b"{":
        return "safetensors"
    return "onnx"


def _with_external_data(file: Path, sha256: str) -> str:
    """The digest of an ONNX file and of the weights that it keeps in files beside it."""
    model = read_message(file)
    weights = [
        file_digest(data, error=ModelError, what=f"weights of {file}") for data in external_files(model, file)
    ]
    if not weights:
        return sha256
    return record_digest(sha256, weights)


def _torch_archive(file: Path) -> str:
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
    if any("/code/" in name for name in names):
        raise ModelError(
            f"expected ONNX or a state_dict in {file}, found a TorchScript archive",
            hint="save model.state_dict() and name the architecture, or export the model to ONNX",
        )
    if not any(name.endswith("data.pkl") for name in names):
        raise ModelError(
            f"expected ONNX, a state_dict or safetensors in {file}, found another zip archive",
            hint="save model.state_dict() with torch.save, or export the model to ONNX",
        )
    return "state_dict"
