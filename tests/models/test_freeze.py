"""Arrays named by --freeze keep the student's numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from kdaudit.errors import ModelError, SpecError
from kdaudit.models.checks import check_network
from kdaudit.models.trainable import open_network
from kdaudit.types import NetworkSpec
from tests.models.zoo import Export, answers, examples, make, opened, reference

Exported = Callable[[Export], Path]
KEPT = Export(network="small_vgg", folded=False)


def test_frozen_arrays_keep_their_numbers_and_are_listed(exported: Exported) -> None:
    """The tokens of a text network; all else is drawn anew, and the checks know what was asked for."""
    path = exported(Export(network="bert"))
    network = opened(path, freeze=r"^tokens\.")
    assert ("tokens.weight",) == network.fidelity.frozen
    assert "Not trained, as asked: 1 arrays." in network.fidelity.sentence
    fresh = network.build(0)
    wanted = dict(make("bert").named_parameters())["tokens.weight"]
    assert any(torch.equal(wanted, tensor) for tensor in fresh.buffers())
    assert all(parameter.shape != wanted.shape for parameter in fresh.parameters())
    x = examples("bert", 64)
    check_network(network, examples={"x": x}, expected=answers(path, x))


def test_a_frozen_batchnorm_stays_as_it_is_in_evaluation(exported: Exported) -> None:
    """Its statistics do not move, and the frozen front gives the student's activations in training too."""
    path = exported(KEPT)
    network = opened(path, freeze=r"^[01]\.")
    fresh = network.build(0)
    assert 3 == sum(isinstance(module, nn.BatchNorm2d) for module in fresh.modules())
    x = torch.from_numpy(examples("small_vgg", 8))
    front = nn.Sequential(*list(make("small_vgg").children())[:2])
    seen = []

    def keep(_module: nn.Module, inputs: tuple[torch.Tensor]) -> None:
        seen.append(inputs[0])

    next(
        module for module in fresh.modules() if isinstance(module, nn.BatchNorm2d)
    ).register_forward_pre_hook(keep)
    fresh(x)
    layers = list(make("small_vgg").children())
    second = nn.functional.conv2d(
        layers[3](layers[2](front(x))), dict(fresh.named_parameters())["conv2.weight"], padding=1
    )
    torch.testing.assert_close(seen[0], second, rtol=1e-4, atol=1e-5)


def test_it_is_part_of_the_digest(exported: Exported, tmp_path: Path) -> None:
    """What is frozen, and its numbers: controls on another backbone are other controls."""
    path = exported(KEPT)
    assert 3 == len({opened(path, freeze=what).spec_digest for what in (None, "^0", "^4")})


def test_a_pattern_that_names_nothing_is_refused_invalid(exported: Exported) -> None:
    """Names of the file are shown."""
    with pytest.raises(
        ModelError, match=r"expected --freeze 'backbone' to name arrays of .*, such as 0\.weight"
    ) as e:
        opened(exported(KEPT), freeze="backbone")
    assert "do_constant_folding=False" in str(e.value.hint)


def test_a_pattern_that_is_none_is_refused_invalid(exported: Exported) -> None:
    """The message of Python's own parser is passed on."""
    with pytest.raises(
        SpecError, match=r"expected a regular expression after --freeze, found '\(': missing \)"
    ):
        opened(exported(KEPT), freeze="(")


def test_a_part_of_a_batchnorm_is_refused_invalid(exported: Exported) -> None:
    """Its statistics would move below frozen scales."""
    with pytest.raises(
        ModelError,
        match=r"to name all arrays of BatchNormalization .* or none, found 1\.bias, 1\.running_mean",
    ):
        opened(exported(KEPT), freeze=r"^1\.weight")


@pytest.mark.parametrize(
    "setting", [{"dropout": 0.1}, {"freeze": "x"}, {"initialisation": "xavier"}], ids=str
)
def test_an_architectures_own_code_decides_invalid(setting: dict[str, object], tmp_path: Path) -> None:
    """The options are for graphs, which say nothing about it."""
    torch.save(make("small_vgg").state_dict(), tmp_path / "w.pt")
    model = replace(
        reference(tmp_path / "w.pt"), kind="state_dict", arch="tests.models.zoo_networks:small_vgg"
    )
    with pytest.raises(
        ModelError, match=r"expected --[a-z-]+ for a student whose network is an ONNX graph, found"
    ):
        open_network(NetworkSpec(model=model, **setting))  # type: ignore[arg-type]
