"""`kdaudit init`: a commented kdaudit.toml and a CI workflow."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import typer

from kdaudit.cli.options import given_options, with_options
from kdaudit.errors import SpecError
from kdaudit.options import AuditSpec

_GITHUB = Path(".github/workflows/kdaudit.yml")
_GITLAB, _GITLAB_INCLUDED = Path(".gitlab-ci.yml"), Path("kdaudit.gitlab-ci.yml")
_REMOTE = re.compile(r"^\s*url\s*=\s*(\S+)", re.MULTILINE)
_INCLUDE = f"add to your {_GITLAB}:\n\n    include:\n      - local: {_GITLAB_INCLUDED}\n"


@with_options(AuditSpec, only=frozenset({"data", "train_data"}))
def init(
    teacher: Annotated[str | None, typer.Argument(help="The teacher's file, for the workflow.")] = None,
    student: Annotated[str | None, typer.Argument(help="The student's file, for the workflow.")] = None,
    ci: Annotated[
        Literal["github", "gitlab", "none"] | None,
        typer.Option(help="Whose workflow to write. Default: whose files or remote there are, else github."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what an earlier init wrote.")] = False,
    **options: object,
) -> None:
    """Write a commented kdaudit.toml and a workflow that gates by it, into the repository's root (this folder).

    Exit codes: 0 written; 2 a file is there already, or this is no root.
    """
    from kdaudit.cli.documents import emit, write_text
    from kdaudit.cli.starter import starter_toml, starter_workflow
    from kdaudit.spec import CONFIG_NAME

    stated = {
        name: str(value)
        for name, value in {"teacher": teacher, "student": student, **given_options(options)}.items()
        if value is not None
    }
    files = {Path(CONFIG_NAME): starter_toml(stated)}
    chosen = ci or _detected(Path())
    if chosen != "none":
        _require_root(Path.cwd())
        path = _workflow_path(chosen)
        files[path] = starter_workflow(f"{chosen}.yml", stated)
    there = [str(path) for path in files if path.exists()]
    if there and not force:
        raise SpecError(f"expected no {' and no '.join(there)} here, found one", hint="--force overwrites it")
    for path, text in files.items():
        write_text(path, text)
    emit("\n".join(_next_steps(files, stated)) + "\n")


def _next_steps(files: Mapping[Path, str], stated: Mapping[str, str]) -> list[str]:
    lines = [f"wrote {path}" for path in files]
    missing = [name for name in ("data", "train_data") if name not in stated]
    if missing:
        lines.append(f"next: set {' and '.join(missing)} in kdaudit.toml")
    lines.append(
        "next: state under [recipe] how the student was trained, at least its epochs: the rest is assumed"
    )
    if len(files) > 1 and not {"teacher", "student"} <= set(stated):
        lines.append("next: name your teacher and student in the workflow")
    if len(files) > 1:
        lines.append("next: say in the workflow, as PACKAGE, where pip finds kdaudit")
    if _GITLAB_INCLUDED in files:
        lines.append(f"next: {_INCLUDE.rstrip()}")
    lines.append("next: let git ignore .kdaudit-cache/ and kdaudit-report/")
    return lines


def _workflow_path(chosen: str) -> Path:
    """A pipeline that is there is the user's: ours goes beside it."""
    if chosen == "github":
        return _GITHUB
    return _GITLAB_INCLUDED if _GITLAB.exists() else _GITLAB


def _detected(folder: Path) -> str:
    if (folder / _GITLAB).exists() or (folder / ".gitlab").is_dir():
        return "gitlab"
    if (folder / ".github").is_dir():
        return "github"
    try:
        remotes = _REMOTE.findall((folder / ".git" / "config").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        remotes = []
    return "gitlab" if any("gitlab" in remote for remote in remotes) else "github"


def _require_root(folder: Path) -> None:
    """Workflows are read in a repository's root only.

    Raises:
        SpecError: `folder` is below the root.
    """
    above = next((parent for parent in folder.parents if (parent / ".git").exists()), None)
    if above is not None and not (folder / ".git").exists():
        raise SpecError(
            f"expected the root of a repository, found a folder below {above}",
            hint=f"cd {above}, or write kdaudit.toml alone with --ci none",
        )
