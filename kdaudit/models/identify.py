"""Which kind of model a file or folder holds, by its content and never by its suffix."""

from __future__ import annotations

from pathlib import Path

from kdaudit.digest import file_digest, record_digest
from kdaudit.errors import ModelError, SpecError
from kdaudit.models.architecture import parse_arch_args
from kdaudit.models.archives import archive_kind, is_archive
from kdaudit.models.folder import folder_digest
from kdaudit.models.untrusted import external_files, read_message
from kdaudit.types import ModelRef, OutputKind, Role

WEIGHTS_ALONE = frozenset({"state_dict", "safetensors"})
_WITH_ARCHITECTURE = {"onnx", "huggingface", "torchscript", "exported"}
_TEACHERS = {Role.TEACHER, Role.ALTERNATE_TEACHER}
_PICKLE_MAGIC = b"\x80"
_ZIP_MAGIC = b"PK\x03\x04"
_HEAD_BYTES = 9


def identify(
    path: str,
    *,
    role: Role,
    name: str,
    output: OutputKind,
    arch: str | None,
    arch_args: str | None,
    trust_pickle: bool = False,
    weights_alone: bool = False,
) -> ModelRef:
    """The reference to a model file or folder, with its kind and digest.

    `weights_alone`: weights do without an architecture, because they are put into another model's.

    Raises:
        ModelError: there is no file, it is empty, cannot be loaded, or would run code and is not trusted.
        SpecError: weights without an architecture, or an architecture for a file that has one.
    """
    file = Path(path)
    option = f"--{role.option_prefix}-arch"
    if file.is_dir():
        kind, sha256 = "huggingface", folder_digest(file)
    else:
        sha256 = file_digest(file, error=ModelError, what=f"the {role}'s model file")
        kind = _kind(file, trust_pickle=trust_pickle)
    if kind in WEIGHTS_ALONE and arch is None and not weights_alone:
        raise SpecError(
            f"expected an architecture for the weights in {path}, found none",
            hint=f"add {option} module:callable, path/file.py:callable or timm:NAME",
        )
    if kind in _WITH_ARCHITECTURE and role in _TEACHERS and arch is not None:
        raise SpecError(f"expected no {option} for {path}, which holds its architecture ({kind})")
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


def digest_as(path: Path, kind: str) -> str:
    """The digest that `identify` gives a model that is known to be of a kind.

    Raises:
        ModelError: it cannot be read as that.
    """
    if kind == "huggingface":
        return folder_digest(path)
    sha256 = file_digest(path, error=ModelError, what="a model")
    return _with_external_data(path, sha256) if kind == "onnx" else sha256


def _kind(file: Path, *, trust_pickle: bool) -> str:
    with file.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    if not head:
        raise ModelError(f"expected a model in {file}, found an empty file", hint="export it again")
    if is_archive(file):
        kind = archive_kind(file)
        return _pickle_kind(file, trust_pickle=trust_pickle) if kind == "pickle" else kind
    if head.startswith(_ZIP_MAGIC):
        raise ModelError(
            f"expected a model in {file}, found the beginning of an archive: the file is cut off",
            hint="save or copy it again",
        )
    if head[:1] == _PICKLE_MAGIC:
        return _pickle_kind(file, trust_pickle=trust_pickle)
    if head[8:9] == b"{":
        return "safetensors"
    return "onnx"


def _pickle_kind(file: Path, *, trust_pickle: bool) -> str:
    """Weights, or Python objects that the user trusts."""
    from kdaudit.models.weights import unsafe_classes, unsafe_pickle

    classes = unsafe_classes(str(file))
    if not classes:
        return "state_dict"
    if not trust_pickle:
        raise unsafe_pickle(
            str(file),
            classes,
            hint="save model.state_dict() instead, or export to ONNX; --trust-pickle loads it and runs its code",
        )
    return "pickle"


def _with_external_data(file: Path, sha256: str) -> str:
    """The digest of an ONNX file and of the weights that it keeps in files beside it."""
    model = read_message(file)
    weights = [
        file_digest(data, error=ModelError, what=f"weights of {file}") for data in external_files(model, file)
    ]
    if not weights:
        return sha256
    return record_digest(sha256, weights)
