"""Documents that earlier versions wrote still render, in every format; `fixtures/` keeps some of each schema version.

They are of the demo's models (four epochs, three controls), as `check -f json`, `compare -f json` and `plan -f json`
wrote them, without --report-dir. `audit-before-policies.json` is from before presets, limits and waivers were recorded.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest

from kdaudit.cli.plan import text_plan
from kdaudit.cli.text_report import text_report
from kdaudit.pipeline.saved import read_result
from kdaudit.render import RENDERERS, render
from kdaudit.render.comparison import WORDS, render_comparison
from kdaudit.schema import SCHEMA_VERSION, ComparisonResult, PlanResult

FIXTURES = Path(__file__).parent / "fixtures"
AUDITS = sorted(FIXTURES.glob("*/audit*.json"))
COMPARISONS = sorted(FIXTURES.glob("*/comparison*.json"))
PLANS = sorted(FIXTURES.glob("*/plan*.json"))


def named(path: Path) -> str:
    """A fixture's version and name, for the names of tests."""
    return f"{path.parent.name}-{path.stem}"


def test_every_version_is_kept() -> None:
    """The present one too: whoever raises it saves what it writes."""
    for kept in (AUDITS, COMPARISONS, PLANS):
        assert SCHEMA_VERSION in {path.parent.name for path in kept}
    assert all(
        f'"schema_version": "{path.parent.name}"' in path.read_text(encoding="utf-8") for path in AUDITS
    )


@pytest.mark.parametrize("path", [*AUDITS, *COMPARISONS, *PLANS], ids=named)
def test_no_path_of_a_machine_is_kept(path: Path) -> None:
    """A fixture is public."""
    assert [] == re.findall(r'[" ](?:/|[A-Z]:\\\\)\w+', path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("format_", RENDERERS)
@pytest.mark.parametrize("path", AUDITS, ids=named)
def test_an_old_audit_renders(path: Path, format_: str) -> None:
    """In every format, and it says that it failed."""
    assert re.search(r"\bfail\b|\"kdaudit/passed\": 0", render(read_result(path), format_), re.IGNORECASE)


@pytest.mark.parametrize("path", AUDITS, ids=named)
def test_an_old_audit_renders_in_the_terminal(path: Path) -> None:
    """First its verdict."""
    assert text_report(read_result(path), color=False, report="").startswith("FAIL: ")


@pytest.mark.parametrize("format_", ["text", "json", "markdown"])
@pytest.mark.parametrize("path", COMPARISONS, ids=named)
def test_an_old_comparison_renders(path: Path, format_: Literal["text", "json", "markdown"]) -> None:
    """The outcome is named."""
    result = ComparisonResult.model_validate_json(path.read_bytes())
    document = render_comparison(result, format_)
    assert (result.outcome if format_ == "json" else WORDS[result.outcome]) in document


@pytest.mark.parametrize("path", PLANS, ids=named)
def test_an_old_plan_renders(path: Path) -> None:
    """With the errors at hand."""
    result = PlanResult.model_validate_json(path.read_bytes())
    assert text_plan(result).startswith(f"The teacher gets {result.n_W:,} of {result.n:,} examples wrong.")


def test_documents_are_the_same_to_the_byte_in_every_process() -> None:
    """Whatever the seed is by which Python hashes text."""
    code = (
        "import hashlib, sys; from pathlib import Path\n"
        "from kdaudit.render import RENDERERS, render; from kdaudit.pipeline.saved import read_result\n"
        "result = read_result(Path(sys.argv[1]))\n"
        "for name in RENDERERS: print(name, hashlib.sha256(render(result, name).encode()).hexdigest())\n"
    )
    shown = {
        subprocess.run(
            [sys.executable, "-c", code, str(FIXTURES / SCHEMA_VERSION / "audit.json")],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert 1 == len(shown)
    assert len(RENDERERS) == len(shown.pop().splitlines())
