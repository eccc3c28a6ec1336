"""`kdaudit data ls`."""

from __future__ import annotations

import json
from pathlib import Path

from kdaudit.data.catalogue import DATA_SETS
from tests.cli.conftest import Cli
from tests.data.named_sets import save_idx_set


def test_every_known_split_is_listed_with_its_place(cli: Cli, tmp_path: Path) -> None:
    """Found ones with their folder, missing ones with a dash, and how to learn more."""
    save_idx_set(tmp_path / "root" / "mnist")
    ended = cli("data", "ls", "--data-root", str(tmp_path / "root"))
    assert 0 == ended.code, ended.err
    rows = dict(
        line.split()[::2] for line in ended.out.splitlines()[1:] if line and line.split()[-1][0] in "/-"
    )
    assert str(tmp_path / "root" / "mnist") == rows["mnist:test"]
    assert "-" == rows["mnist:train"] == rows["imagenet-val"]
    assert "kdaudit data ls NAME says what to put where" in ended.out


def test_one_set_says_what_to_put_where(cli: Cli) -> None:
    """And whose it is, and how models usually take it."""
    ended = cli("data", "ls", "cifar10")
    assert DATA_SETS["cifar10"].get in ended.out.replace("\n", " ")
    assert "mean 0.4914 0.4822 0.4465" in ended.out
    assert DATA_SETS["cifar10"].homepage in ended.out
    assert "missing" not in cli("data", "ls", "digits").out


def test_a_data_root_that_is_not_there_is_said(cli: Cli, tmp_path: Path) -> None:
    """A word mistyped looks like an empty one."""
    root = str(tmp_path / "nowhere")
    for name in ((), ("mnist",)):
        ended = cli("data", "ls", *name, "--data-root", root)
        assert f"data root: {root}, which is no folder" in ended.out.replace("\n", " ")


def test_the_json_document_has_every_split(cli: Cli) -> None:
    """With null where nothing was found."""
    document = json.loads(cli("data", "ls", "-f", "json").out)
    assert 2 * len(DATA_SETS) == len(document["splits"])
    by_name = {row["name"]: row for row in document["splits"]}
    assert by_name["imagenet-val"]["found"] is None
    assert by_name["digits:test"]["found"].endswith("digits.npz")
    assert 50_000 == by_name["imagenet-val"]["examples"]


def test_an_unknown_name_invalid(cli: Cli) -> None:
    """Exit 2, and the nearest one or all."""
    ended = cli("data", "ls", "cifra10")
    assert 2 == ended.code
    assert "expected the name of a known data set, found 'cifra10'" in ended.err
    assert "did you mean cifar10?" in ended.err
    assert "known names: imagenet," in cli("data", "ls", "qqq").err
