"""`kdaudit demo`: two audits on bundled data, one that must fail and one that must pass."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kdaudit.cli.console import say
from kdaudit.cli.options import Quiet, given_options, with_options
from kdaudit.errors import EXIT_BUG, EXIT_FAIL, EXIT_PASS
from kdaudit.options import AuditSpec, OutputSpec

_EXPECTED = {"student-distilled.onnx": EXIT_FAIL, "student-honest.onnx": EXIT_PASS}
_RECIPE = {
    "epochs": "8",
    "optimizer": "sgd",
    "lr": 0.2,
    "schedule": "onecycle",
    "batch_size": 128,
    "weight_decay": 5e-4,
}
# How it runs may be chosen; what is audited, and by which recipe, is what the demo shows.
_CHOICES = frozenset({"device", "workers", "cache_dir", "cache", "resume", "progress", "log_file", "color"})


@with_options(AuditSpec, OutputSpec, only=_CHOICES)
def demo(
    report_dir: Annotated[str, typer.Option("--report-dir", help="Folder for the reports.")] = "kdaudit-demo",
    quiet: Quiet = False,
    **options: object,
) -> None:
    """Audit two bundled students of one flawed teacher: no network, about a minute on two cores."""
    import kdaudit.demo_data
    from kdaudit.cli.check import run
    from kdaudit.spec import resolve

    folder = Path(kdaudit.demo_data.__file__).parent
    if not quiet:
        say(
            "A teacher that learned Fashion-MNIST from spoilt labels (shirts called coats, sneakers called ankle\n"
            "boots), and two students: one distilled from it, one that never saw it. Look at how similar their\n"
            "accuracies are, and at the wrong knowledge that only one of them has taken over.\n"
        )
    codes = {}
    for student in _EXPECTED:
        given = {
            "teacher": str(folder / "teacher.onnx"),
            "students": [str(folder / student)],
            "data": str(folder / "eval.npz"),
            "train_data": str(folder / "train.npz"),
            "report_dir": report_dir,
            **_RECIPE,
            **given_options(options),
        }
        specs = resolve(given, config=None, isolated=True, folder=folder)
        codes[student] = run(specs, quiet=quiet, command="kdaudit demo")
    if codes != _EXPECTED:
        say(f"kdaudit: the demo should end with {_EXPECTED}, it ended with {codes}; please report it")
        raise typer.Exit(EXIT_BUG)
    say(
        f"\nAs expected: one fails, one passes. Open {Path(report_dir) / 'student-distilled' / 'report.html'} first:"
    )
    say("the banner, the four numbers, then the gallery of shirts that only teacher and student call coats.")
