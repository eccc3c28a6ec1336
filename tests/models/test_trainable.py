"""The export zoo: what both torch exporters make of real networks becomes trainable and trains as the original."""

from __future__ import annotations

import itertools
import linecache
import os
import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from kdaudit.errors import ModelError
from kdaudit.models.checks import check_network
from kdaudit.models.trainable import open_network
from kdaudit.types import NetworkSpec
from tests.models import zoo
from tests.models.zoo import DYNAMO, TS, Export
from tests.models.zoo_networks import small_vgg

Exported = Callable[[Export], Path]

FAST = ("small_vgg", "biased_vgg", "plain_cnn", "audio_cnn", "mlp", "gated")
SLOW = ("resnet34", "resnet50", "vgg11_bn")
BATCH_NORMS = {"small_vgg": 4, "biased_vgg": 2, "audio_cnn": 2, "mlp": 2, "gated": 2, "plain_cnn": 0}
BATCH_NORMS |= {"resnet18": 20, "resnet34": 36, "resnet50": 53, "vgg11_bn": 8, "vgg11_bn_224": 8}

# What torch itself does not export.
NOT_EXPORTED = {
    (
        "vgg11_bn",
        TS,
    ): "the TorchScript exporter has no adaptive pooling from 1x1 to 7x7 (at 224 px it needs none)",
}


def ways(names: tuple[str, ...]) -> list[Export]:
    """Every way in which torch exports these networks."""
    return [
        Export(network=name, exporter=exporter, batch=batch, folded=folded)
        for name, exporter, batch, folded in itertools.product(names, (TS, DYNAMO), (1, None), (True, False))
        if (name, exporter) not in NOT_EXPORTED
    ]


ALL_WAYS = [
    *ways(FAST),
    Export(network="resnet18"),
    Export(network="resnet18", batch=1),
    Export(network="resnet18", exporter=DYNAMO),
    Export(network="resnet18", exporter=DYNAMO, batch=1),
    Export(network="resnet18", exporter=DYNAMO, folded=False),
    *(
        pytest.param(way, marks=pytest.mark.slow)
        for way in [Export(network="resnet18", folded=False), Export(network="vgg11_bn_224"), *ways(SLOW)]
    ),
]


def batch_norms(network: nn.Module) -> int:
    """How many BatchNorm layers a network has."""
    return sum(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in network.modules())


def idle_biases(network: nn.Module) -> int:
    """How many biases stand directly before a BatchNorm."""
    pairs = itertools.pairwise(network.modules())
    return sum(
        first.bias.numel()
        for first, second in pairs
        if isinstance(second, nn.modules.batchnorm._BatchNorm)
        and isinstance(first, nn.Conv1d | nn.Conv2d | nn.Linear)
        and first.bias is not None
    )


@pytest.mark.parametrize("way", ALL_WAYS, ids=str)
def test_every_export_becomes_trainable(way: Export, exported: Exported) -> None:
    """It passes every self-check on 64 examples, has the original's BatchNorm and parameters, and takes any batch."""
    path = exported(way)
    x = zoo.examples(way.network, 64)
    factory = zoo.opened(path)
    check_network(factory, examples={"x": x}, expected=zoo.answers(path, x))
    native, converted = zoo.make(way.network), factory.build(0)
    assert BATCH_NORMS[way.network] == batch_norms(converted) == batch_norms(native)
    n_native, n_converted = (sum(p.numel() for p in n.parameters()) for n in (native, converted))
    # A bias before a BatchNorm does nothing; where it was folded away it is not drawn again.
    assert n_native - idle_biases(native) <= n_converted <= n_native
    for n in (2, 7):
        out = converted(torch.from_numpy(x[:n]))
        assert n == len(out)
        assert bool(out.isfinite().all())
    has_norm = BATCH_NORMS[way.network] > 0
    kept = any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in factory.build_original().modules())
    level = ("bn-kept" if kept else "bn-reinserted") if has_norm else "converted"
    assert level == factory.fidelity.level


@pytest.mark.slow
@pytest.mark.parametrize(("network", "exporter"), NOT_EXPORTED)
def test_what_is_left_out_does_not_export(network: str, exporter: str, tmp_path: Path) -> None:
    """Once torch exports it, it belongs into the zoo."""
    with pytest.raises(torch.onnx.errors.SymbolicValueError, match="adaptive_avg_pool2d"):
        zoo.export(Export(network=network, exporter=exporter), tmp_path / "net.onnx")


@pytest.mark.parametrize("seed", [0, 1])
def test_the_same_seed_gives_the_same_network(seed: int, exported: Exported) -> None:
    """Weights follow from the seed alone, in any process; another seed gives others; none is the student's."""
    path = exported(Export(network="small_vgg"))
    first, second, other = (zoo.opened(path).build(s).state_dict() for s in (seed, seed, seed + 10))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


def test_two_students_of_one_architecture_have_one_digest(tmp_path: Path) -> None:
    """The digest is that of the architecture and not of the weights; another architecture has another."""
    digests = []
    for name, seed in (("small_vgg", 1), ("small_vgg", 2), ("plain_cnn", 1)):
        path = zoo.export(Export(network=name), tmp_path / f"{name}{seed}.onnx", zoo.make(name, seed=seed))
        digests.append(zoo.opened(path).spec_digest)
    assert digests[0] == digests[1] != digests[2]


def test_init_from_is_part_of_the_digest(exported: Exported) -> None:
    """Controls that start from other weights are other controls."""
    path = exported(Export(network="mlp"))
    start = zoo.reference(path)
    assert zoo.opened(path).spec_digest != zoo.opened(path, init_from=start).spec_digest


@pytest.mark.parametrize(
    ("name", "family"), [("small_vgg", "convolution"), ("mlp", "dense"), ("audio_cnn", "convolution")]
)
def test_families(name: str, family: str, exported: Exported) -> None:
    """The family picks the default recipe."""
    assert family == zoo.opened(exported(Export(network=name))).family


def test_the_original_weights_answer_as_onnxruntime_does(exported: Exported) -> None:
    """`build_original` is the file's own function."""
    path = exported(Export(network="gated"))
    x = zoo.examples("gated", 9)
    with torch.inference_mode():
        out = zoo.opened(path).build_original()(torch.from_numpy(x)).numpy()
    assert zoo.answers(path, x) == pytest.approx(out, abs=1e-4)


def native_small_vgg(seed: int) -> nn.Module:
    """A small VGG with weights drawn by torch itself."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return small_vgg()


def losses(network: nn.Module, steps: int = 12) -> list[float]:
    """Training losses on fixed batches."""
    x = torch.from_numpy(zoo.examples("small_vgg", 96, seed=3))
    y = torch.from_numpy(np.random.default_rng(4).integers(10, size=96))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9, nesterov=True)
    network.train()
    found = []
    for step in range(steps):
        rows = slice(32 * (step % 3), 32 * (step % 3) + 32)
        loss = nn.functional.cross_entropy(network(x[rows]), y[rows])
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        found.append(loss.item())
    return found


@pytest.mark.parametrize("folded", [True, False], ids=["folded", "kept"])
@pytest.mark.parametrize("exporter", [TS, DYNAMO])
def test_a_converted_network_trains_as_the_original_does(exporter: str, folded: bool, tmp_path: Path) -> None:
    """Fresh weights, exported, converted and given their BatchNorm back: the same losses, step by step."""
    native = native_small_vgg(5)
    way = Export(network="small_vgg", exporter=exporter, folded=folded)
    path = zoo.export(way, tmp_path / "net.onnx", deepcopy(native).eval())
    converted = zoo.opened(path).network.module
    found = losses(converted)
    assert found[-1] < 0.9 * found[0]
    assert found == pytest.approx(losses(native), rel=1e-3)


def test_batchnorm_can_be_left_out_and_the_report_says_so(exported: Exported) -> None:
    """reinsert_bn 'never' trains without, never silently."""
    path = exported(Export(network="small_vgg"))
    factory = zoo.opened(path, reinsert_bn="never")
    assert 0 == batch_norms(factory.build(0))
    assert "BatchNorm" in factory.fidelity.sentence
    assert "without" in factory.fidelity.sentence


def test_a_graph_without_names_gets_its_batchnorm_back_by_structure(
    exported: Exported, tmp_path: Path
) -> None:
    """Another tool's file has no telling names: convolutions with biases and no norm anywhere are evidence."""
    path = zoo.anonymous(exported(Export(network="small_vgg")), tmp_path / "anonymous.onnx")
    factory = zoo.opened(path)
    assert 4 == batch_norms(factory.build(0))
    assert factory.fidelity.evidence


def test_an_architecture_callable_is_exact(tmp_path: Path) -> None:
    """The user's own architecture, drawn anew from the seed."""
    weights = tmp_path / "student.pt"
    torch.save(small_vgg().state_dict(), weights)
    model = replace(zoo.reference(weights), kind="state_dict", arch="tests.models.zoo_networks:small_vgg")
    factory = open_network(NetworkSpec(model=model))
    assert "exact" == factory.fidelity.level
    first, second = factory.build(0).state_dict(), factory.build(0).state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert 4 == batch_norms(factory.build(1))


ARCHITECTURE = """
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(20, 5)
    def forward(self, x):
        return self.dense(x){}
"""


def test_an_edited_architecture_has_another_digest(tmp_path: Path) -> None:
    """The same name, modules and shapes, but another forward: controls of the old code must not be reused."""
    digests = []
    for edit in ("", "", " * 2"):
        (tmp_path / "net.py").write_text(ARCHITECTURE.format(edit))
        linecache.clearcache()
        model = replace(
            zoo.reference(tmp_path / "w.pt"), kind="state_dict", arch=f"{tmp_path / 'net.py'}:Net"
        )
        digests.append(open_network(NetworkSpec(model=model)).spec_digest)
    assert digests[0] == digests[1] != digests[2]


_OTHER_PROCESS = """
import sys
from kdaudit.models.trainable import open_network
from kdaudit.types import ModelRef, NetworkSpec, Role

path, arch = sys.argv[1:]
model = ModelRef(name="student", role=Role.STUDENT, path=path, kind="state_dict", sha256="0" * 64, arch=arch)
print(open_network(NetworkSpec(model=model)).spec_digest)
"""


def test_an_architecture_from_a_file_has_one_digest_in_all_processes(tmp_path: Path) -> None:
    """Python's own hashes differ between processes; a control kept by one must be found by the next."""
    (tmp_path / "net.py").write_text(ARCHITECTURE.format(""))
    digests = {
        subprocess.run(
            [sys.executable, "-c", _OTHER_PROCESS, str(tmp_path / "w.pt"), f"{tmp_path / 'net.py'}:Net"],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert 1 == len(digests)


def test_weights_without_an_architecture_cannot_be_trained_invalid(tmp_path: Path) -> None:
    """A state_dict says nothing about how its tensors are used."""
    model = replace(zoo.reference(tmp_path / "student.pt"), kind="state_dict")
    with pytest.raises(
        ModelError,
        match=r"expected an architecture to train again, found weights alone \(state_dict\) in .*\.pt",
    ) as caught:
        open_network(NetworkSpec(model=model))
    assert "name it with --student-arch module:callable" == caught.value.hint
