"""`kdaudit doctor`: what works, what is broken, and what to do about it."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from kdaudit.models.runtimes import cuda_driver, driver_fits, gpu, one_onnxruntime, same_cuda
from kdaudit.pipeline.doctor import cache_check
from tests.cli.conftest import Cli
from tests.data.named_sets import save_idx_set


def test_this_machine_can_audit(cli: Cli) -> None:
    """The tests run here, so nothing that is needed is broken; each line says what was found."""
    ended = cli("doctor", "--cache-dir", "cache")
    assert 0 == ended.code, ended.out
    lines = ended.out.splitlines()
    assert lines[0].startswith("ok      Python")
    assert any(line.startswith("ok      onnxruntime") for line in lines)
    assert any(line.startswith("ok      cache") and "GB free" in line for line in lines)
    assert "BROKEN" not in ended.out


def test_a_cache_that_cannot_be_made_is_broken(cli: Cli) -> None:
    """Exit code 4, and what to do."""
    Path("file").write_text("")
    ended = cli("doctor", "--cache-dir", "file/cache")
    assert 4 == ended.code
    assert "BROKEN  cache" in ended.out
    assert "--cache-dir" in ended.out


@pytest.mark.parametrize(
    ("installed", "imported", "state", "said"),
    [
        ({"onnxruntime-gpu": "1.22.0"}, "1.22.0", "works", "onnxruntime-gpu 1.22.0"),
        ({"onnxruntime-gpu": "1.22.0.post1"}, "1.22.0", "works", "onnxruntime-gpu 1.22.0.post1"),
        (
            {"onnxruntime": "1.22.0", "onnxruntime-gpu": "1.22.0"},
            "1.22.0",
            "broken",
            "onnxruntime 1.22.0, onn",
        ),
        ({"onnxruntime-gpu": "1.22.0"}, "1.20.1", "broken", "onnxruntime-gpu 1.22.0; imported is 1.20.1"),
        ({}, None, "broken", "none"),
    ],
)
def test_two_onnxruntimes_shadow_each_other(
    installed: dict[str, str], imported: str | None, state: str, said: str
) -> None:
    """Exactly one may be there, and what is imported must be of it: one that was removed took or left files."""
    found = one_onnxruntime(installed, imported=imported)
    assert (state, True) == (found.state, said in found.found)
    assert (state == "broken") == bool(found.advice)
    if len(installed) == 2:
        assert "pip uninstall -y onnxruntime onnxruntime-gpu" in found.advice


def test_two_onnxruntimes_are_seen_where_they_are_installed(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 4; both are named with what to do."""
    versions = {"onnxruntime": "1.22.0", "onnxruntime-gpu": "1.22.0"}
    monkeypatch.setattr("kdaudit.models.runtimes.version_of", versions.get)
    ended = cli("doctor")
    assert 4 == ended.code
    assert "BROKEN  onnxruntime   onnxruntime 1.22.0, onnxruntime-gpu 1.22.0" in ended.out
    assert "pip uninstall -y onnxruntime onnxruntime-gpu" in ended.out


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (
            OSError("libcudart.so.13: cannot open shared object file\nmore"),
            "OSError: libcudart.so.13: cannot open",
        ),
        (ModuleType("onnxruntime"), "an empty folder is left of it"),
    ],
)
def test_a_runtime_that_cannot_be_imported_is_said(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, module: ModuleType | Exception, said: str
) -> None:
    """Exit 4 and no traceback: it is what one asks the doctor about."""

    def imported(name: str) -> ModuleType:
        if name != "onnxruntime":
            return importlib.import_module(name)
        if isinstance(module, Exception):
            raise module
        return module

    monkeypatch.setattr("kdaudit.models.runtimes.import_module", imported)
    ended = cli("doctor")
    assert (4, "") == (ended.code, ended.err)
    assert f"BROKEN  import onnxruntime {said}" in ended.out
    assert "more" not in ended.out
    assert "cache" in ended.out, "the other checks are made"


@pytest.mark.parametrize(
    ("of_torch", "driver", "state"),
    [
        ("13.0", "13.2", "works"),
        ("13.2", "13.0", "works"),
        ("12.8", "13.0", "works"),
        ("13.0", "12.4", "broken"),
        (None, "12.4", "note"),
    ],
)
def test_the_driver_must_know_the_cuda_of_torch(of_torch: str | None, driver: str, state: str) -> None:
    """An older major version cannot run it; a torch for the CPU alone is noted where there is a GPU."""
    found = driver_fits(of_torch, driver)
    assert (state, f"knows CUDA {driver}, torch: {of_torch or 'none'}") == (found.state, found.found)
    assert (state == "works") == (not found.advice)


def test_the_driver_says_its_version(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """12040 is 12.4; without its library there is none, and without one that answers neither."""

    class Driver:
        def __init__(self, status: int) -> None:
            self._status = status

        def cuDriverGetVersion(self, version: Any) -> int:  # noqa: N802 - CUDA's name
            version._obj.value = 12040
            return self._status

    monkeypatch.setattr("ctypes.CDLL", lambda _name: Driver(0))
    assert "12.4" == cuda_driver()
    monkeypatch.setattr("ctypes.CDLL", lambda _name: Driver(1))
    assert cuda_driver() is None

    def absent(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr("ctypes.CDLL", absent)
    assert cuda_driver() is None
    monkeypatch.setattr("kdaudit.models.runtimes.cuda_driver", lambda: "1.0")
    ended = cli("doctor")
    assert re.search(r"(BROKEN|-) +GPU driver +knows CUDA 1\.0, torch: ", ended.out)


@pytest.mark.parametrize(
    ("of_torch", "of_onnxruntime", "state"),
    [("13.0", "13.2", "works"), ("13.0", "12.8", "broken"), (None, "13.0", "note"), ("13.0", None, "note")],
)
def test_both_are_built_for_one_cuda(of_torch: str | None, of_onnxruntime: str | None, state: str) -> None:
    """The major versions decide; a build for the CPU alone is no fault."""
    assert state == same_cuda(of_torch, of_onnxruntime).state


def test_a_gpu_needs_both_runtimes() -> None:
    """One that onnxruntime cannot use is broken, none at all is not."""
    assert "note" == gpu([], ["CPUExecutionProvider"]).state
    assert "works" == gpu(["H100"], ["CUDAExecutionProvider", "CPUExecutionProvider"]).state
    broken = gpu(["H100"], ["CPUExecutionProvider"])
    assert ("broken", True) == (broken.state, "onnxruntime-gpu" in broken.advice)


def test_a_full_disk_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below two gigabytes."""
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: type("Usage", (), {"free": 1 << 30})())
    found = cache_check(tmp_path / "cache")
    assert ("note", True) == (found.state, "1 GB free" in found.found)


def test_the_data_root_is_looked_at(cli: Cli, tmp_path: Path) -> None:
    """How many known data sets it holds; one that is no folder is a fault."""
    save_idx_set(tmp_path / "root" / "mnist")
    ended = cli("doctor", "--data-root", str(tmp_path / "root"))
    assert re.search(r"ok +data root +.*root; \d+ of \d+ known data sets are found", ended.out)
    ended = cli("doctor", "--data-root", str(tmp_path / "nowhere"))
    assert 4 == ended.code
    assert re.search(r"BROKEN +data root +.*nowhere, which is no folder", ended.out)
    assert re.search(r"- +data root +not set", cli("doctor").out)
