"""Hugging Face folders as files: which belong to the model, and whether they can be loaded safely."""

from __future__ import annotations

import json
from pathlib import Path

from kdaudit.digest import file_digest, record_digest
from kdaudit.errors import ModelError

CONFIG = "config.json"
# In the order in which transformers itself looks for them.
_WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)


def folder_digest(folder: Path) -> str:
    """sha256 hex of a folder's configuration and weights.

    Raises:
        ModelError: it holds no configuration of a network that can be loaded safely, or no weights.
    """
    _refuse_unsafe(folder)
    files = [folder / CONFIG, *weight_files(folder)]
    return record_digest(
        [[f.name, file_digest(f, error=ModelError, what=f"a part of {folder}")] for f in files]
    )


def _refuse_unsafe(folder: Path) -> None:
    path = folder / CONFIG
    if not path.is_file():
        raise ModelError(
            f"expected a model file, or a folder with {CONFIG} as save_pretrained writes it, found {folder} without",
            hint="name the file inside the folder",
        )
    config = _read_json(path)
    if config.get("auto_map"):
        raise ModelError(
            f"expected a network of transformers' own code in {folder}, found one that brings its own (auto_map)",
            hint="kdaudit runs no code of a folder: export it to ONNX, or give the weights and --student-arch",
        )
    if config.get("quantization_config"):
        raise ModelError(
            f"expected float weights in {folder}, found quantised ones (quantization_config)",
            hint="give the network before its quantisation, or export it to ONNX",
        )


def weight_files(folder: Path) -> list[Path]:
    """The index of a folder's weights, if there is one, and the files that hold them.

    Raises:
        ModelError: there are none, or the index leads out of the folder.
    """
    found = next((folder / name for name in _WEIGHTS if (folder / name).is_file()), None)
    if found is None:
        raise ModelError(
            f"expected weights in {folder} as {', '.join(_WEIGHTS)}, found none of them",
            hint="save the network with save_pretrained",
        )
    if found.suffix != ".json":
        return [found]
    shards = _read_json(found).get("weight_map")
    if not isinstance(shards, dict) or not all(
        isinstance(s, str) and Path(s).name == s for s in shards.values()
    ):
        raise ModelError(
            f"expected the names of files beside it in {found}, found others",
            hint="save the network again, with save_pretrained",
        )
    return [found, *(folder / name for name in sorted(set(shards.values())))]


def _read_json(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as failure:
        raise ModelError(
            f"expected JSON in {path}, found: {failure}", hint="save or copy it again"
        ) from failure
    if not isinstance(found, dict):
        raise ModelError(f"expected a JSON object in {path}, found {type(found).__name__}")
    return found
