"""`kdaudit doctor`: what works, what is broken, and what to do about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kdaudit.models.runtimes import gpu, one_onnxruntime, same_cuda
from kdaudit.pipeline.doctor import cache_check
from tests.cli.conftest import Cli


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
    ("installed", "state", "advice"),
    [
        (("onnxruntime-gpu",), "works", ""),
        (("onnxruntime", "onnxruntime-gpu"), "broken", "pip uninstall -y onnxruntime onnxruntime-gpu"),
        ((), "broken", "pip install onnxruntime-gpu"),
    ],
)
def test_two_onnxruntimes_shadow_each_other(installed: tuple[str, ...], state: str, advice: str) -> None:
    """Exactly one may be there."""
    found = one_onnxruntime(installed)
    assert state == found.state
    assert advice in found.advice


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
