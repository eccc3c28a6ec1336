"""Audits in this process, with a cache of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kdaudit.options import AuditSpec
from kdaudit.pipeline.audit import audit
from kdaudit.schema import AuditResult
from tests.planted import World


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """Two threads on a busy machine wait for each other; controls are trained in this process here."""
    import torch

    torch.set_num_threads(1)


Auditor = Callable[..., AuditResult]


@pytest.fixture
def audited(tmp_path: Path) -> Auditor:
    """`audited(world, **options)`: the result of auditing its student against its ready-made controls."""

    def run(world: World, **options: object) -> AuditResult:
        values: dict[str, object] = {
            "teacher": world.path("teacher"),
            "students": (world.path("student"),),
            "data": world.data,
            "control": tuple(world.controls),
            "cache_dir": str(tmp_path / "cache"),
            "device": "cpu",
            **options,
        }
        (only,) = audit(AuditSpec(**values))  # type: ignore[arg-type]
        return only.result

    return run
