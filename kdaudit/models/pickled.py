"""Files of whole Python objects, for users who trust them: loading one runs the code that it names."""

from __future__ import annotations

import pickle
from collections.abc import Mapping

import torch
from torch import nn

from kdaudit.errors import ModelError
from kdaudit.models.architecture import build_architecture
from kdaudit.models.blueprint import DRAWN_BY_DEFAULT, Blueprint
from kdaudit.models.layers import layers_of, redraw_layers, without_default
from kdaudit.models.pytorch import TorchModel
from kdaudit.models.quiet import first_line, silent_torch
from kdaudit.models.weights import fill, state_of
from kdaudit.types import ModelRef, NetworkSpec


def load_pickled(ref: ModelRef, *, device: str) -> TorchModel:
    """A whole pickled network, or a checkpoint of more than tensors with its architecture. Runs the file's code."""
    return TorchModel(lambda: _network(ref), ref, device=device)


def pickled_blueprint(spec: NetworkSpec) -> Blueprint:
    """The architecture of a pickled network, whose layers must be torch's own to be drawn anew.

    Raises:
        ModelError: they are not.
    """
    path = spec.model.path
    if unknown := without_default(layers_of(_network(spec.model))):
        raise ModelError(
            f"expected layers of torch's own in {path}, to draw their weights anew, found {', '.join(unknown[:3])}",
            hint="name the network's own code with --student-arch module:callable",
        )

    def make() -> nn.Module:
        network = _network(spec.model)
        redraw_layers(layers_of(network))
        return network

    return Blueprint(
        title=path,
        sentence=f"The controls are the student's own pickled network. {DRAWN_BY_DEFAULT}",
        identity=(),
        make=make,
        read=lambda ref: _network(ref).state_dict(),
    )


def _network(ref: ModelRef) -> nn.Module:
    found = _read(ref.path)
    if isinstance(found, Mapping) and isinstance(found.get("model"), nn.Module):
        found = found["model"]
    if isinstance(found, nn.Module):
        return found
    if ref.arch is None:
        raise ModelError(
            f"expected a network in {ref.path}, found {type(found).__name__}",
            hint="if it is a checkpoint of weights, name their architecture: --student-arch or --teacher-arch",
        )
    with torch.random.fork_rng(devices=[]):
        return fill(build_architecture(ref.arch, ref.arch_args), state_of(found, ref.path), ref.path)


def _read(path: str) -> object:
    try:
        with silent_torch():
            return torch.load(path, map_location="cpu", weights_only=False)
    except (ImportError, AttributeError) as failure:
        raise ModelError(
            f"expected the classes of {path} where kdaudit runs, found {first_line(failure)}",
            hint="a pickle holds no code: start kdaudit where the classes can be imported, e.g. with PYTHONPATH",
        ) from failure
    except (
        RuntimeError,
        EOFError,
        OSError,
        ValueError,
        LookupError,
        TypeError,
        pickle.UnpicklingError,
    ) as failure:
        raise ModelError(
            f"expected a network saved by torch.save in {path}, found a damaged file: {first_line(failure)}"
        ) from failure
