"""Whether the nodes of a cluster see what tasks name: the cache, the models and their code, by path and digest."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile
from uuid import uuid4

from kdaudit.digest import file_digest
from kdaudit.errors import KDAuditError, ModelError, SpecError
from kdaudit.execute.raycluster import RayCluster
from kdaudit.execute.raynodes import AUTO, LOCAL, Node, unfit
from kdaudit.models.architecture import code_file
from kdaudit.models.identify import digest_as
from kdaudit.options import AuditSpec
from kdaudit.protocols import Progress
from kdaudit.types import ModelRef

_ADDRESS = re.compile(rf"{AUTO}|{LOCAL}|[^/\s]+:\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenTask:
    """Look for a file that was just written into the cache, for models, and for code, {path: SHA-256}."""

    token: Path
    text: str
    models: tuple[ModelRef, ...]
    code: Mapping[str, str] = field(default_factory=dict)


def check_ray_options(spec: AuditSpec) -> None:
    """Refuse an address that is none, and options that mean one machine.

    Raises:
        SpecError: with what to do.
    """
    if spec.ray_address is None:
        return
    if not _ADDRESS.fullmatch(spec.ray_address):
        raise SpecError(
            f"expected --ray-address HOST:PORT, auto or local, found {spec.ray_address!r}",
            hint="run kdaudit on a machine of the cluster: it needs the same file system anyway",
        )
    if spec.workers == 0:
        raise SpecError("expected --workers of at least 1 with --ray-address, found 0")
    if re.fullmatch(r"cuda:[1-9]\d*", spec.device):
        raise SpecError(
            f"expected --device cuda with --ray-address, found {spec.device}",
            hint="Ray gives each task a GPU of its own",
        )


def require_fit(cluster: RayCluster, cache: Path, models: Sequence[ModelRef]) -> None:
    """Return if every node has the same versions and sees the cache, the models and the code of their architectures.

    Raises:
        DeviceError: one does not; it is named, and what it lacks.
    """
    for node, problem in node_problems(cluster, cache, models):
        if problem:
            raise unfit(node.name, problem)


def node_problems(cluster: RayCluster, cache: Path, models: Sequence[ModelRef]) -> Iterator[tuple[Node, str]]:
    """Each node with the first thing that forbids to train on it; '' if nothing does."""
    able = [node for node in cluster.nodes if not node.problems]
    with _token(cache, models) as task:
        seen: Mapping[Node, str | KDAuditError] = cluster.everywhere(not_seen, task, nodes=able)
    for node in cluster.nodes:
        found = node.problems[0] if node.problems else seen[node]
        yield node, found.message if isinstance(found, KDAuditError) else found


def not_seen(task: SeenTask, progress: Progress) -> str:  # noqa: ARG001 - every task has this form
    """What this node does not see, as a sentence; '' if it sees everything.

    Raises:
        ModelError: a model, or its code, cannot be read.
    """
    folder = task.token.parent
    if not folder.is_dir():
        return f"expected the cache at {folder}, found nothing there"
    if not task.token.is_file() or task.token.read_text(encoding="utf-8") != task.text:
        return f"expected the cache at {folder}, found another folder of that name"
    for model in task.models:
        if found := _other(model.path, model.sha256, digest_as(Path(model.path), model.kind)):
            return found
    for path, sha256 in task.code.items():
        if found := _other(path, sha256, _code_digest(path)):
            return found
    return ""


def _other(path: str, expected: str, found: str) -> str:
    """That a file's digest is not the expected one, as a sentence; '' if it is."""
    if found == expected:
        return ""
    return f"expected {Path(path).absolute()} with SHA-256 {expected[:16]}, found {found[:16]}"


def _code_digest(path: str) -> str:
    return file_digest(Path(path), error=ModelError, what="the architecture's file")


@contextmanager
def _token(cache: Path, models: Sequence[ModelRef]) -> Iterator[SeenTask]:
    with NamedTemporaryFile("w", encoding="utf-8", dir=cache.absolute(), prefix=".seen-by-all-") as token:
        text = uuid4().hex
        token.write(text)
        token.flush()
        code = {path: _code_digest(path) for model in models if (path := code_file(model.arch))}
        yield SeenTask(token=Path(token.name), text=text, models=tuple(models), code=code)
