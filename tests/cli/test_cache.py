"""`kdaudit cache`: what is listed, what goes, and that nothing goes under a run."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kdaudit.pipeline.cache_entries import Wish, entries, prune
from kdaudit.pipeline.store import open_store
from tests.cli.conftest import Cli, check_args
from tests.planted import World

DAY = 86400.0


@pytest.fixture
def cache(cli: Cli, honest: World, tmp_path: Path) -> Path:
    """The cache of an audit of twelve ready-made models, each entry a day longer unused than the last."""
    assert 0 == cli(*check_args(honest), "-q").code
    root = tmp_path / "cache"
    for days, entry in enumerate(entries(root)):
        moment = time.time() - days * DAY - 60
        os.utime(entry.folder, (moment, moment))
    return root


def entry_of(root: Path, family: str, name: str, n_bytes: int, days: float = 0.0) -> Path:
    """An invented entry, unused for some days."""
    folder = root / family / name
    folder.mkdir(parents=True)
    (folder / "record.json").write_text("0.5")
    (folder / "payload").write_bytes(b"x" * (n_bytes - 3))
    moment = time.time() - days * DAY
    os.utime(folder, (moment, moment))
    return folder


def test_each_entry_says_what_it_is_and_for_what(cli: Cli, cache: Path) -> None:
    """Kind, size and ages in a table; key, bytes and times as JSON."""
    lines = cli("cache", "ls").out.splitlines()
    assert ["kind", "key", "size", "age", "unused", "for"] == lines[0].split()
    assert re.fullmatch(
        r"data +[0-9a-f]{12} +\d+\.\d MB +now +\d+d  eval, 3,000 examples",
        " ".join(line for line in lines if line.startswith("data")),
    )
    assert any(re.search(r"predictions .*  teacher\.onnx on eval$", line) for line in lines)
    assert "13 entries, " in lines[-1]
    found = json.loads(cli("cache", "ls", "--kind", "predictions", "-f", "json").out)
    assert str(cache) == found["cache"]
    assert 12 == len(found["entries"])
    first = found["entries"][0]
    assert first["bytes"] == sum(
        file.stat().st_size for file in (cache / "predictions" / first["key"]).iterdir()
    )
    assert first["used"] <= time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())


def test_controls_and_numbers_say_what_they_are(cli: Cli, tmp_path: Path) -> None:
    """A pilot's accuracy; what cannot be read is named as damaged."""
    entry_of(tmp_path / "cache", "numbers", "a" * 64, 10)
    entry_of(tmp_path / "cache", "controls", "b" * 64, 10)
    shown = cli("cache", "ls").out
    assert "accuracy of a pilot: 50.0%" in shown
    assert re.search("controls .*damaged", shown)


def test_what_was_long_unused_goes_by_age(cli: Cli, cache: Path) -> None:
    """A dry run says the same and removes nothing; using an entry makes it young again."""
    said = cli("cache", "prune", "--older-than", "3d", "--dry-run").out
    assert "10 entries would be removed" in said
    assert 13 == len(entries(cache))
    assert "10 entries removed" in cli("cache", "prune", "--older-than", "3d").out
    assert 3 == len(entries(cache))


def test_an_audit_keeps_what_it_uses_young(cli: Cli, cache: Path, honest: World) -> None:
    """After another run of the same command nothing is a minute old."""
    assert 0 == cli(*check_args(honest), "-q").code
    assert "0 entries removed" in cli("cache", "prune", "--older-than", "1m").out


def test_the_longest_unused_goes_until_it_fits(cli: Cli, tmp_path: Path) -> None:
    """By size, and of one kind alone."""
    root = tmp_path / "cache"
    for days in range(4):
        entry_of(root, "controls", f"{days}" * 64, 1000, days)
    entry_of(root, "numbers", "9" * 64, 1000, 9)
    record = json.loads(cli("cache", "prune", "--max-size", "3kb", "--kind", "controls", "-f", "json").out)
    assert ["3" * 64, "2" * 64] == [entry["key"] for entry in record["removed"]]
    assert (2000, 3000) == (record["bytes_removed"], record["bytes_left"])
    assert ["0" * 64, "1" * 64, "9" * 64] == [entry.key for entry in entries(root)]


def test_leftovers_of_killed_runs_always_go(cli: Cli, tmp_path: Path) -> None:
    """Hidden folders, half-built data and locks of nothing; what stands is not touched."""
    root = tmp_path / "cache"
    kept = entry_of(root, "controls", "a" * 64, 10)
    entry_of(root, "controls", f".{'b' * 16}-x1y2", 500)
    entry_of(root, "data", "c.partial", 500)
    entry_of(root, "data", "d", 500)
    for lock in ("c.lock", "d.lock"):
        (root / "data" / lock).touch()
    record = json.loads(cli("cache", "prune", "-f", "json").out)
    assert ([], 3, 1000) == (record["removed"], record["leftovers"], record["bytes_removed"])
    assert [kept.name] == [path.name for path in (root / "controls").iterdir()]
    assert ["d", "d.lock"] == sorted(path.name for path in (root / "data").iterdir())


def test_nothing_goes_while_a_run_uses_the_cache_invalid(cli: Cli, tmp_path: Path) -> None:
    """Exit 4; two runs share the cache, and a dry run may look at it."""
    root = tmp_path / "cache"
    entry_of(root, "controls", "a" * 64, 10, days=9)
    with open_store(root, keep=True, resume=True), open_store(root, keep=True, resume=True):
        refused = cli("cache", "prune", "--older-than", "1d")
        assert 4 == refused.code
        assert "expected a cache that no run uses, found one that does at" in refused.err
        assert "hint: prune when it has ended; --dry-run says at any time what would go" in refused.err
        assert "1 entry would be removed" in cli("cache", "prune", "--older-than", "1d", "--dry-run").out
    assert "1 entry removed" in cli("cache", "prune", "--older-than", "1d").out


def test_a_killed_prune_leaves_nothing_that_looks_whole(tmp_path: Path) -> None:
    """Kill -9 in the middle of an entry: it is no entry any more, and the next prune takes the rest."""
    folder = entry_of(tmp_path, "controls", "a" * 64, 10, days=9)
    script = (
        "import shutil, sys, time; from pathlib import Path\n"
        "from kdaudit.pipeline import cache_entries\n"
        "def half(folder):\n"
        "    next(folder.rglob('payload')).unlink(); print('half', flush=True); time.sleep(60)\n"
        "shutil.rmtree = half\n"
        "cache_entries.prune(Path(sys.argv[1]), cache_entries.Wish(older_than_seconds=1.0), dry_run=False)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE) as killed:
        assert killed.stdout is not None
        assert b"half\n" == killed.stdout.readline()
        killed.send_signal(signal.SIGKILL)
    assert () == entries(tmp_path)
    assert not folder.exists()
    (leftover,) = prune(tmp_path, Wish(), dry_run=False).leftovers
    assert leftover.name.startswith(".pruned-")
    assert [] == list((tmp_path / "controls").iterdir())


def test_a_cache_that_is_not_there_is_empty(cli: Cli) -> None:
    """Nothing is made by looking."""
    assert "0 entries, 0.0 MB in" in cli("cache", "ls").out
    assert "0 entries removed, 0.0 MB; 0.0 MB left in" in cli("cache", "prune").out
    assert not Path("cache").exists()


def test_a_cache_that_cannot_be_written_is_said_invalid(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 4 with the reason."""
    entry_of(tmp_path / "cache", "controls", "a" * 64, 10, days=9)

    def denied(_self: Path, _target: Path) -> Path:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", denied)
    ended = cli("cache", "prune", "--older-than", "1d")
    assert 4 == ended.code
    assert "expected to remove entries of the cache at" in ended.err
    assert "Permission denied" in ended.err


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--older-than", "30", "expected an age like 30d, 12h or 2w, found '30'"),
        ("--max-size", "5 parsecs", "expected a size like 5GB or 500MB, found '5 parsecs'"),
    ],
)
def test_ages_and_sizes_have_units_invalid(cli: Cli, option: str, value: str, said: str) -> None:
    """Exit 2."""
    ended = cli("cache", "prune", option, value)
    assert (2, True) == (ended.code, said in ended.err)
