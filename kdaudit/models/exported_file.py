"""Programs saved by torch.export: looked through, then loaded.

torch's own reader unpickles Python objects, evaluates text and imports modules that the file names. So every text of
the file is checked first: names are names, operators torch's own, sizes arithmetic, and weights load without code.
"""

from __future__ import annotations

import io
import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import torch

from kdaudit.errors import ModelError
from kdaudit.models.archives import Archive, open_archive
from kdaudit.models.quiet import first_line, silent_torch

_MODEL = "models/model.json"
_MEMBER = re.compile(
    r"models/model\.json|archive_format|archive_version|byteorder|\.data/\w+|data/sample_inputs/model\.pt"
    r"|data/(weights|constants)/[\w.]+"
)
_NAME = re.compile(r"[\w.:@+ -]*")
_OPERATOR = re.compile(
    r"torch\.ops\.(aten|prims|torchvision|quantized|quantized_decomposed)\.(?!from_file)\w+(\.\w+)?"
    r"|torch\.ops\.higher_order\.wrap_with_(set_grad_enabled|autocast)"
    r"|_operator\.(getitem|add|sub|mul|truediv|floordiv|mod|pow|neg|pos|abs|eq|ne|lt|le|gt|ge|and_|or_|not_|xor)"
    r"|torch\._?sym_\w+|math\.(ceil|floor|trunc|sqrt|pow)"
)
_TREE = re.compile(r"[\w\s\[\]{}:\",.\\-]*")
# Kinds of nodes for which torch would import a module that the file names.
_IMPORTING = re.compile(r"__enum__|default_factory")
_SIZE_NAMES = re.compile(
    r"[suz]+\w*\d+|True|False|Symbol|Integer|Float|Rational|positive|nonnegative|integer|real|precision|oo|int_oo|Add|Mul"
    r"|Pow|Max|Min|Mod|PythonMod|FloorDiv|CeilDiv|CleanDiv|ModularIndexing|Where|Eq|Ne|Gt|Ge|Lt|Le|Equality|Unequality"
    r"|StrictGreaterThan|GreaterThan|StrictLessThan|LessThan|And|Or|Not|Abs|ceiling|floor|TruncToInt|FloorToInt|CeilToInt"
    r"|ToFloat|IntTrueDiv|FloatTrueDiv|PowByNatural|evaluate"
)
_QUOTED_NUMBER_OR_NAME = re.compile(r"'[\w.+-]*'")
_WORD = re.compile(r"[A-Za-z_]\w*")
_SIZE_SIGNS = re.compile(r"[\w\s+\-*/%(),<>=.]*")
# Text that torch neither evaluates nor puts into code; guards are switched off when the module is made.
_FREE = {"metadata", "guards_code", "as_string", "as_strings"}
_FAILURES = (ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, OSError, RuntimeError,
             TypeError, ValueError, pickle.UnpicklingError)  # fmt: skip
_HINT = "export the network again with torch.export, or to ONNX"


def read_program(path: str) -> torch.export.ExportedProgram:
    """The program of a file, on the CPU. Make its module without guards: they are text of the file, run as code.

    Raises:
        ModelError: the file is damaged, of another version of torch, or holds more than tensors and torch's operators.
    """
    with open_archive(Path(path)) as archive:
        _refuse_unsafe(archive, path)
    try:
        # As a stream: of a name without .pt2 torch would complain.
        with silent_torch(), Path(path).open("rb") as stream:
            return torch.export.load(stream)
    except _FAILURES as failure:
        raise ModelError(
            f"expected a program of torch {torch.__version__} in {path}, found {first_line(failure)}",
            hint=_HINT,
        ) from failure


def _refuse_unsafe(archive: Archive, path: str) -> None:
    if strange := [name for name in archive.names if not _MEMBER.fullmatch(name)]:
        raise ModelError(
            f"expected nothing but an exported program in {path}, found also {', '.join(strange[:3])}",
            hint="compiled packages cannot be loaded: save the exported program itself",
        )
    for key, text in _texts(archive.document(_MODEL)):
        if reason := _suspicious(key, text):
            raise ModelError(f"expected {reason} in {path}, found {text[:60]!r}", hint=_HINT)
    for name in _pickled(archive, path):
        _refuse_code(archive.read(name), name, path)


def _texts(document: object) -> Iterator[tuple[str, str]]:
    """All texts of a JSON document with the key that they stand under, keys themselves under ''."""
    waiting: list[tuple[str, object]] = [("", document)]
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, str):
            yield key, value
        elif isinstance(value, list):
            waiting.extend((key, item) for item in value)
        elif isinstance(value, dict):
            yield from (("", name) for name in value)
            waiting.extend((name, item) for name, item in value.items() if name not in _FREE)


def _suspicious(key: str, text: str) -> str:
    """What a text should have been; '' if it is."""
    if key == "expr_str":
        return "" if _is_size(text) else "sizes as arithmetic"
    if key in ("target", "as_operator"):
        return "" if _OPERATOR.fullmatch(text) else "operators of torch's own"
    if key in ("in_spec", "out_spec"):
        return "" if _TREE.fullmatch(text) and not _IMPORTING.search(text) else "plain inputs and outputs"
    return "" if _NAME.fullmatch(text) else "names"


def _is_size(text: str) -> bool:
    bare = _QUOTED_NUMBER_OR_NAME.sub("", text)
    return bool(_SIZE_SIGNS.fullmatch(bare)) and all(
        _SIZE_NAMES.fullmatch(word) for word in _WORD.findall(bare)
    )


def _pickled(archive: Archive, path: str) -> Iterator[str]:
    """The members that torch would unpickle."""
    for name in archive.names:
        if name.endswith(".pt"):
            yield name
        folder, _, file = name.rpartition("/")
        if not file.endswith("_config.json"):
            continue
        document = archive.document(name)
        config = document.get("config") if isinstance(document, dict) else None
        for entry in config.values() if isinstance(config, dict) else ():
            member = str(entry.get("path_name")) if isinstance(entry, dict) else ""
            if folder.endswith("constants") and not member.startswith("tensor_"):
                raise ModelError(f"expected tensors as constants in {path}, found {member!r}", hint=_HINT)
            if isinstance(entry, dict) and entry.get("use_pickle"):
                yield f"{folder}/{member}"


def _refuse_code(content: bytes, name: str, path: str) -> None:
    if not content:
        return
    try:
        with silent_torch():
            torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (*_FAILURES, EOFError) as failure:
        raise ModelError(
            f"expected only tensors in {name} of {path}, found {first_line(failure)}", hint=_HINT
        ) from failure
