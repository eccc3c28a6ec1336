"""Small networks for the loaders' tests, with what tells whether a loader is right: two inputs, BatchNorm, Dropout."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from kdaudit.types import AnyArray, ModelRef, NetworkSpec, Role

N_CLASSES = 5


class Scaled(nn.Module):
    """A convolution with BatchNorm and Dropout; the class scores are multiplied by a second input."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.norm = nn.BatchNorm2d(width)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(width, N_CLASSES)

    def forward(self, x: Tensor, scale: Tensor) -> Tensor:
        """Class scores (n, 5)."""
        x = torch.relu(self.norm(self.conv(x))).mean((2, 3))
        scores: Tensor = self.head(self.drop(x)) * scale
        return scores


class Tokens(nn.Module):
    """Embedded tokens, an LSTM and attention."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 16, padding_idx=0)
        self.recurrent = nn.LSTM(16, 16, batch_first=True)
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)
        self.norm = nn.LayerNorm(16)
        self.slope = nn.PReLU()
        self.head = nn.Linear(16, N_CLASSES)

    def forward(self, tokens: Tensor) -> Tensor:
        """Class scores (n, 5)."""
        x, _ = self.recurrent(self.embedding(tokens))
        mixed, _ = self.attention(x, x, x, need_weights=False)
        scores: Tensor = self.head(self.slope(self.norm(mixed + x)).mean(1))
        return scores


class Patches(nn.Module):
    """Attention over patches with a token and positions of its own, and branches that depend on the input's shape."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 4, stride=4)
        self.token = nn.Parameter(torch.randn(1, 1, 16) * 0.02)
        self.positions = nn.Parameter(torch.randn(1, 5, 16) * 0.02)
        self.norm = nn.LayerNorm(16)
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)
        self.head = nn.Linear(16, N_CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Class scores (n, 5)."""
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.positions
        y = self.norm(x)
        mixed, _ = self.attention(y, y, y, need_weights=False)
        scores: Tensor = self.head((x + mixed)[:, 0])
        return scores


class Tied(nn.Module):
    """One matrix that embeds 50 tokens and scores them."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(50, 16)
        self.norm = nn.LayerNorm(16)
        self.head = nn.Linear(16, 50, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, tokens: Tensor) -> Tensor:
        """Class scores (n, 50)."""
        scores: Tensor = self.head(self.norm(self.embedding(tokens)).mean(1))
        return scores


class OwnLayer(nn.Module):
    """A layer whose weight torch's layers do not know."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(N_CLASSES, 6))

    def forward(self, x: Tensor) -> Tensor:
        """Class scores (n, 5)."""
        return nn.functional.linear(x, self.kernel)


class OneBatch(nn.Module):
    """Made for a single example."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(12, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Scores (1, 2)."""
        scores: Tensor = self.head(x.reshape(1, 12))
        return scores


class Mixes(OneBatch):
    """Compares the examples of a batch with each other."""

    def forward(self, x: Tensor) -> Tensor:
        """Scores (n, 2)."""
        scores: Tensor = self.head((x - x.mean(0)).flatten(1))
        return scores


class Unusual(nn.Module):
    """Uses an operator without a counterpart in ONNX."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the matrix exponential."""
        scores: Tensor = self.head(torch.matrix_exp(x).mean(1))
        return scores


class Reducer:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (os.mkdir, (str(self.path),))


def trained(network: nn.Module) -> nn.Module:
    """As if it had been trained, in evaluation mode: running statistics have moved, no scale is level."""
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if "norm" in name and tensor.is_floating_point():
                tensor.uniform_(0.5, 1.5)
    return network.eval()


def scaled(seed: int = 0, width: int = 8) -> Scaled:
    """A trained Scaled."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Scaled(width)
        trained(network)
    return network


def inputs(n: int = 6) -> dict[str, AnyArray]:
    """Drawn inputs of Scaled, in its order."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(n, 3, 8, 8)).astype(np.float32)
    return {"x": x, "scale": rng.uniform(0.5, 2, size=(n, 1)).astype(np.float32)}


def tensors(arrays: Mapping[str, AnyArray]) -> list[Tensor]:
    """Arrays as tensors, in order."""
    return [torch.from_numpy(array) for array in arrays.values()]


def native(network: nn.Module, arrays: Mapping[str, AnyArray]) -> AnyArray:
    """What the network itself answers."""
    with torch.inference_mode():
        answer: AnyArray = network(*tensors(arrays)).numpy()
    return answer


def script(network: nn.Module, path: Path, *, how: str) -> Path:
    """Writes a network as TorchScript: 'scripted', 'traced' (at 2 examples of Scaled) or 'frozen'."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # TorchScript is deprecated
        example = tuple(tensors(inputs(2)))
        make = torch.jit.script if how != "traced" else partial(torch.jit.trace, example_inputs=example)
        made = make(network)
        if how == "frozen":
            made = torch.jit.freeze(made)
        made.save(str(path))
    return path


def ref(path: Path, kind: str, *, arch: str | None = None, arch_args: str | None = None) -> ModelRef:
    """The file as a student."""
    return ModelRef(
        name="student",
        role=Role.STUDENT,
        path=str(path),
        kind=kind,
        sha256="0" * 64,
        arch=arch,
        arch_args=arch_args,
    )


def network_spec(model: ModelRef, arrays: Mapping[str, AnyArray], **settings: object) -> NetworkSpec:
    """The network of a file for inputs like these."""
    return NetworkSpec(
        model=model,
        example_shapes=tuple((name, array.shape[1:]) for name, array in arrays.items()),
        example_dtypes=tuple(array.dtype.name for array in arrays.values()),
        **settings,  # type: ignore[arg-type]
    )
