"""Imports go strictly downwards, members of one layer are strangers, and frameworks stay at their edge."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import kdaudit

ROOT = Path(kdaudit.__file__).parent

# Lowest first. Within a layer only L0 has an order: errors < types < the rest.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("errors", "types"),
    ("numerics", "cores", "digest", "installed", "locks", "rng", "options", "schema", "user_code"),
    ("protocols", "judge_options", "numbers"),
    ("models", "data", "controls", "metrics", "stats", "policy", "execute", "render"),
    ("pipeline", "spec"),
    ("cli",),
    ("__init__", "__main__"),
)
FRAMEWORKS = {
    "torch": {"models", "controls", "data", "pipeline"},
    "torchvision": {"data"},
    "onnx": {"models"},
    "onnxruntime": {"models"},
    "typer": {"cli"},
    "rich": {"cli"},
    "click": set(),
    "jinja2": {"render"},
    "pydantic": {"schema", "spec", "data", "pipeline", "cli"},
    "scipy": {"stats", "render", "data"},
    "ray": {"execute"},
}


@dataclass(frozen=True)
class Import:
    """`module` is imported by the file `source`; `for_types` under `if TYPE_CHECKING`."""

    source: str
    module: str
    for_types: bool


def imports_of(path: Path) -> Iterator[Import]:
    """All imports of a file, those inside functions too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for node in ast.walk(block)
    }
    source = path.relative_to(ROOT).as_posix()
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
            if node.module in ("kdaudit", *(f"kdaudit.{p}" for layer in LAYERS for p in layer)):
                names += [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            yield Import(source=source, module=name, for_types=id(node) in typing_only)


def package_of(source: str) -> str:
    """The package, or the module of the top level, that a file belongs to."""
    return source.split("/", maxsplit=1)[0].removesuffix(".py")


def layer_of(package: str) -> int:
    """The number of a package's layer."""
    return next(i for i, layer in enumerate(LAYERS) if package in layer)


FILES = sorted(ROOT.rglob("*.py"))
IMPORTS = [found for path in FILES for found in imports_of(path)]


def test_every_module_has_a_layer() -> None:
    """A new top-level module must be given its place."""
    known = {package for layer in LAYERS for package in layer} | {"demo_data"}
    assert {package_of(path.relative_to(ROOT).as_posix()) for path in FILES} <= known


@pytest.mark.parametrize("found", IMPORTS, ids=lambda i: f"{i.source}->{i.module}")
def test_imports_go_downwards(found: Import) -> None:
    """A package imports from lower layers only, and its neighbours not at all."""
    parts = found.module.split(".")
    if parts[0] != "kdaudit" or len(parts) < 2:
        return
    source = package_of(found.source)
    target = parts[1] if (ROOT / parts[1]).exists() or (ROOT / f"{parts[1]}.py").exists() else "__init__"
    if source == target or target in ("__init__", "demo_data"):
        return
    if source == "protocols" and target == "schema":
        return
    below = layer_of(target) < layer_of(source)
    first_layer = layer_of(source) == 0 and (target, source) == ("errors", "types")
    assert below or first_layer, f"{found.source} imports {found.module}"


@pytest.mark.parametrize("found", IMPORTS, ids=lambda i: f"{i.source}->{i.module}")
def test_frameworks_stay_at_their_edge(found: Import) -> None:
    """torch, onnxruntime, typer and the others are imported only where the architecture says."""
    allowed = FRAMEWORKS.get(found.module.split(".")[0])
    if allowed is not None and not found.for_types:
        assert package_of(found.source) in allowed, f"{found.source} imports {found.module}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_modules_are_small(path: Path) -> None:
    """At most 300 lines a module."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


def test_importing_kdaudit_loads_nothing_heavy() -> None:
    """The package's import and its help text load neither torch, onnxruntime, scipy nor numpy."""
    import subprocess

    code = (
        "import sys, kdaudit, contextlib, io\n"
        "from typer.testing import CliRunner\n"
        "from kdaudit.cli.main import app\n"
        "assert CliRunner().invoke(app, ['check', '--help']).exit_code == 0\n"
        "print([m for m in ('torch', 'onnxruntime', 'onnx', 'scipy', 'numpy', 'jinja2') if m in sys.modules])\n"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
