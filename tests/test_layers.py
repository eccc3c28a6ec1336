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
each_file = pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(ROOT).as_posix())


def goes_downwards(found: Import) -> bool:
    """Whether a package imports from a lower layer, or from itself."""
    parts = found.module.split(".")
    if parts[0] != "kdaudit" or len(parts) < 2:
        return True
    source = package_of(found.source)
    target = parts[1] if (ROOT / parts[1]).exists() or (ROOT / f"{parts[1]}.py").exists() else "__init__"
    if source == target or target in ("__init__", "demo_data"):
        return True
    if source == "protocols" and target == "schema":
        return True
    below = layer_of(target) < layer_of(source)
    return below or (layer_of(source) == 0 and (target, source) == ("errors", "types"))


def stays_at_its_edge(found: Import) -> bool:
    """Whether a framework is imported where the architecture says, or for types alone."""
    allowed = FRAMEWORKS.get(found.module.split(".")[0])
    return allowed is None or found.for_types or package_of(found.source) in allowed


def test_every_module_has_a_layer() -> None:
    """A new top-level module must be given its place."""
    known = {package for layer in LAYERS for package in layer} | {"demo_data"}
    assert {package_of(path.relative_to(ROOT).as_posix()) for path in FILES} <= known


@each_file
def test_imports_go_downwards(path: Path) -> None:
    """A package imports from lower layers only, and its neighbours not at all."""
    assert [] == [found.module for found in imports_of(path) if not goes_downwards(found)]


@each_file
def test_frameworks_stay_at_their_edge(path: Path) -> None:
    """torch, onnxruntime, typer and the others are imported only where the architecture says."""
    assert [] == [found.module for found in imports_of(path) if not stays_at_its_edge(found)]


@pytest.mark.parametrize(
    ("source", "module", "downwards"),
    [
        ("models/zoo.py", "kdaudit.types", True),
        ("models/zoo.py", "kdaudit.models.onnxrt", True),
        ("models/zoo.py", "kdaudit.data", False),
        ("models/zoo.py", "kdaudit.pipeline.audit", False),
        ("types/records.py", "kdaudit.errors", True),
        ("errors.py", "kdaudit.types", False),
        ("cli/main.py", "kdaudit.pipeline.audit", True),
        ("spec.py", "kdaudit.cli", False),
        ("stats/paired.py", "scipy.stats", True),
    ],
)
def test_what_goes_downwards_by_hand(source: str, module: str, downwards: bool) -> None:
    """The rule tells its own breach from what is allowed."""
    assert downwards is goes_downwards(Import(source=source, module=module, for_types=False))


def test_what_stays_at_its_edge_by_hand() -> None:
    """The statistics may import torch for types alone, the models as they like."""
    assert not stays_at_its_edge(Import(source="stats/paired.py", module="torch.nn", for_types=False))
    assert stays_at_its_edge(Import(source="stats/paired.py", module="torch.nn", for_types=True))
    assert stays_at_its_edge(Import(source="models/paired.py", module="torch.nn", for_types=False))


@each_file
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
