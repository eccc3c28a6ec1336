"""Hugging Face folders: config.json and weights, built by transformers' own code, without network or remote code."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from torch import Tensor, nn

from kdaudit.errors import ModelError
from kdaudit.installed import required
from kdaudit.models.blueprint import Blueprint
from kdaudit.models.by_name import ByName
from kdaudit.models.folder import CONFIG, weight_files
from kdaudit.models.pytorch import NamedModel
from kdaudit.models.weights import read_safetensors, read_state_dict
from kdaudit.types import ModelRef, NetworkSpec

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

_CLASSIFIER = re.compile(r"\w+For(Image|Sequence|Audio)Classification(WithTeacher)?")
_NOT_SETTINGS = ("_name_or_path", "architectures", "dtype", "torch_dtype", "transformers_version")
_NOT_AUDITED = ("regression", "multi_label_classification")
_FAILURES = (ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, OSError, RuntimeError,
             TypeError, ValueError)  # fmt: skip


def load_huggingface(ref: ModelRef, *, device: str) -> NamedModel:
    """A classifier of a Hugging Face folder, with its weights."""

    def build() -> nn.Module:
        with _transformers(ref.path) as transformers:
            config = _config(transformers, ref.path)
            return _filled(_classifier(transformers, config, ref.path), config, ref).require_all()

    return NamedModel(build, ref, device=device)


def huggingface_blueprint(spec: NetworkSpec) -> Blueprint:
    """The architecture of a Hugging Face folder, drawn as transformers draws it."""
    path = spec.model.path
    names = [name for name, _ in spec.example_shapes]
    with _transformers(path) as transformers:
        config = _config(transformers, path)
        classifier = _classifier(transformers, config, path)

    def make() -> nn.Module:
        with _transformers(path):
            network: nn.Module = classifier(config)
            return ByName(network.float(), names, path)

    def read(ref: ModelRef) -> Mapping[str, Tensor]:
        with _transformers(path):
            filled = _filled(classifier, config, ref)
        state = ByName(filled.network, names, path).state_dict()
        left = {f"network.{key}" for key in (*filled.missing, *filled.misshapen)}
        return {key: tensor for key, tensor in state.items() if key not in left}

    return Blueprint(
        title=path,
        sentence=f"The controls are built from the student's own configuration, as {classifier.__name__}.",
        identity=(classifier.__name__, _settings(config), names),
        make=make,
        read=read,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Filled:
    """A network with the weights of a file, and the names of those that did not fit."""

    network: nn.Module
    source: str
    missing: tuple[str, ...]
    unknown: tuple[str, ...]
    misshapen: tuple[str, ...]

    def require_all(self) -> nn.Module:
        """The network, if every weight found its place and every place its weight."""
        parts = [
            f"{len(names)} {what} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"
            for what, names in (
                ("missing", self.missing),
                ("unknown", self.unknown),
                ("of another shape", self.misshapen),
            )
            if names
        ]
        if parts:
            raise ModelError(
                f"expected the weights in {self.source} to fit their {CONFIG}, found {', '.join(parts)}",
                hint="save the network and its configuration together, with save_pretrained",
            )
        return self.network


def _filled(classifier: type[PreTrainedModel], config: PreTrainedConfig, ref: ModelRef) -> _Filled:
    """The network of a configuration with the weights of a folder or file; transformers knows older names of them."""
    loaded: object = classifier.from_pretrained(
        None,
        config=config,
        state_dict=_read_weights(ref),
        output_loading_info=True,
        ignore_mismatched_sizes=True,
        local_files_only=True,
    )
    network, found = cast("tuple[nn.Module, Mapping[str, Collection[str]]]", loaded)
    return _Filled(
        network=network.float(),
        source=ref.path,
        missing=tuple(sorted(found["missing_keys"])),
        unknown=tuple(sorted(found["unexpected_keys"])),
        misshapen=tuple(sorted(entry[0] for entry in found["mismatched_keys"])),
    )


def _classifier(transformers: ModuleType, config: PreTrainedConfig, path: str) -> type[PreTrainedModel]:
    """The class of transformers that the configuration names, if it is a classifier."""
    named = ", ".join(config.architectures or ()) or "none"
    found = getattr(transformers, named, None) if _CLASSIFIER.fullmatch(named) else None
    if not (isinstance(found, type) and issubclass(found, transformers.PreTrainedModel)):
        raise ModelError(
            f"expected a classifier of images, sequences or sounds among the architectures of {path}, found {named}",
            hint="save a ...ForImageClassification, ...ForSequenceClassification or ...ForAudioClassification",
        )
    if getattr(config, "problem_type", None) in _NOT_AUDITED:
        raise ModelError(
            f"expected one class an example from {path}, found the problem type {config.problem_type}",
            hint="several independent labels, or numbers, cannot be audited",
        )
    return cast("type[PreTrainedModel]", found)


def _config(transformers: ModuleType, path: str) -> PreTrainedConfig:
    config = transformers.AutoConfig.from_pretrained(path, local_files_only=True, trust_remote_code=False)
    config.return_dict = True
    # A file may name an implementation of attention that would be fetched and run.
    config._attn_implementation = None
    return cast("PreTrainedConfig", config)


def _settings(config: PreTrainedConfig) -> str:
    """What a configuration says of the network, and not where it lies or what wrote it."""
    settings = {key: value for key, value in config.to_dict().items() if key not in _NOT_SETTINGS}
    return json.dumps(settings, sort_keys=True, default=str)


def _read_weights(ref: ModelRef) -> dict[str, Tensor]:
    """All tensors of a folder, or of a single file."""
    path = Path(ref.path)
    files = [f for f in weight_files(path) if f.suffix != ".json"] if path.is_dir() else [path]
    tensors: dict[str, Tensor] = {}
    for file in files:
        safe = file.suffix == ".safetensors" if path.is_dir() else ref.kind == "safetensors"
        tensors |= read_safetensors(str(file)) if safe else read_state_dict(str(file))
    return tensors


@contextmanager
def _transformers(path: str) -> Iterator[ModuleType]:
    """The package transformers, cut off from the network and silent.

    Raises:
        ModelError: it is not installed, or fails on the folder.
    """
    needed_for = f"the Hugging Face folder {path}"
    transformers = required("transformers", extra="hf", needed_for=needed_for, error=ModelError)
    constants: Any = required(
        "huggingface_hub.constants", extra="hf", needed_for=needed_for, error=ModelError
    )
    errors = required("huggingface_hub.errors", extra="hf", needed_for=needed_for, error=ModelError)
    logging = transformers.utils.logging
    before = constants.HF_HUB_OFFLINE, logging.get_verbosity(), logging.is_progress_bar_enabled()
    constants.HF_HUB_OFFLINE = True
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield transformers
    except (*_FAILURES, getattr(errors, "StrictDataclassError", ValueError)) as failure:
        reason = (str(failure).strip().splitlines() or ["no reason given"])[0]
        raise ModelError(
            f"expected {path} to be built by transformers {transformers.__version__}, "
            f"found {type(failure).__name__}: {reason}",
            hint=f"the {CONFIG} is damaged, or needs another version of transformers",
        ) from failure
    finally:
        constants.HF_HUB_OFFLINE = before[0]
        logging.set_verbosity(before[1])
        if before[2]:
            logging.enable_progress_bar()
