"""The public names are there, lazily, and do what the docstring says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import kdaudit
from kdaudit.render import render
from tests.planted import flawed_world


def test_every_public_name_is_there() -> None:
    """Each name of __all__ resolves."""
    for name in kdaudit.__all__:
        assert getattr(kdaudit, name) is not None


def test_an_unknown_name_is_named_invalid() -> None:
    """A wrong attribute says which ones there are."""
    with pytest.raises(AttributeError, match="no attribute 'adit'; it has AuditResult"):
        kdaudit.adit  # noqa: B018


def test_importing_loads_nothing_heavy() -> None:
    """`import kdaudit` loads neither torch, onnxruntime, scipy nor numpy."""
    code = "import sys, kdaudit; print([m for m in ('torch', 'onnxruntime', 'scipy', 'numpy') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]" == shown.stdout.strip()


def test_an_audit_from_python(tmp_path: Path) -> None:
    """The library does what the command does, and gives a document that renders."""
    world = flawed_world(tmp_path / "world", copied=0.5)
    spec = kdaudit.AuditSpec(
        teacher=world.path("teacher"),
        students=(world.path("student"),),
        data=world.data,
        control=tuple(world.controls),
        cache_dir=str(tmp_path / "cache"),
        device="cpu",
    )
    (audited,) = kdaudit.audit(spec)
    assert "fail" == audited.result.verdict
    assert "FAIL" in render(audited.result, "markdown")
    assert (len(audited.models), audited.result.n) == audited.answers.shape
