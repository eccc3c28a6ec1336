"""Building once, whole or not at all."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest

from kdaudit.data.cache import cached_examples, require_space, take_space
from kdaudit.data.examples import Description, input_path, write_examples
from kdaudit.errors import DataError

Usage = namedtuple("Usage", "total used free")


def build(folder: Path) -> None:
    """Four examples."""
    np.save(input_path(folder, 0), np.zeros((4, 2), np.float32))
    write_examples(folder, Description(name="d", kind="arrays", location="d"), labels=np.array([0, 1, 0, 1]))


def test_the_second_time_nothing_is_built(tmp_path: Path) -> None:
    """A whole folder is opened as it is."""
    first = cached_examples(tmp_path, "k", build)
    second = cached_examples(tmp_path, "k", lambda folder: pytest.fail(f"built {folder} again"))
    assert first.ref == second.ref


def test_a_damaged_folder_is_rebuilt(tmp_path: Path) -> None:
    """Truncated arrays are noticed and replaced."""
    folder = cached_examples(tmp_path, "k", build).folder
    path = input_path(folder, 0)
    path.write_bytes(path.read_bytes()[:-3])
    assert (4, 2) == cached_examples(tmp_path, "k", build).stored["x"].shape


def test_a_failed_build_leaves_nothing_that_looks_whole(tmp_path: Path) -> None:
    """The error gets through, and no half-written folder stays."""

    def fail(folder: Path) -> None:
        build(folder)
        raise DataError("no good")

    with pytest.raises(DataError, match="no good"):
        cached_examples(tmp_path, "k", fail)
    assert ["k.lock"] == [path.name for path in (tmp_path / "data").iterdir()]


def test_a_killed_build_is_cleared_away_and_repeated(tmp_path: Path) -> None:
    """What a killed process left is removed, and its lock does not outlive it."""
    script = (
        "import sys, time; from pathlib import Path; from kdaudit.data.cache import cached_examples\n"
        "def build(folder):\n"
        "    (folder / 'inputs' / 'half.npy').write_bytes(b'x'); print('building', flush=True); time.sleep(60)\n"
        "cached_examples(Path(sys.argv[1]), 'k', build)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert b"building" in process.stdout.readline()
        process.send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))
    assert (tmp_path / "data" / "k.partial" / "inputs" / "half.npy").exists()
    examples = cached_examples(tmp_path, "k", build)
    assert not (tmp_path / "data" / "k.partial").exists()
    assert not (examples.folder / "inputs" / "half.npy").exists()


def test_two_at_once_build_once(tmp_path: Path) -> None:
    """The second waits for the first and takes what it built."""
    built: list[Path] = []

    def slow(folder: Path) -> None:
        built.append(folder)
        time.sleep(0.1)
        build(folder)

    threads = [threading.Thread(target=cached_examples, args=(tmp_path, "k", slow)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 == len(built)


def test_a_cache_that_cannot_be_written_invalid(tmp_path: Path) -> None:
    """A file where the cache folder should be: said in one line, with another way."""
    (tmp_path / "cache").write_text("")
    with pytest.raises(
        DataError, match=r"expected to write examples to the cache at .*cache, found: "
    ) as caught:
        cached_examples(tmp_path / "cache", "k", build)
    assert caught.value.hint is not None
    assert "--cache-dir" in caught.value.hint


def test_too_little_disk_space_invalid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked before anything is written; what is expected includes the reserve, so it is never what is found."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 0, 10**9))
    require_space(tmp_path, 9 * 10**8, what="pictures")
    with pytest.raises(
        DataError, match=r"expected 193\.1 GB of free disk space for pictures, found 1\.0 GB at"
    ):
        require_space(tmp_path, 193 * 10**9, what="pictures")


@pytest.mark.skipif(sys.platform != "linux", reason="holes in files")
def test_a_memory_map_takes_its_space_at_once(tmp_path: Path) -> None:
    """A file with holes would kill the process where the disk is full when they are filled."""
    path = tmp_path / "a.npy"
    np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(1000, 1000))
    take_space(path)
    assert path.stat().st_blocks * 512 >= path.stat().st_size == 1_000_128
    assert (np.load(path) == 0).all()
