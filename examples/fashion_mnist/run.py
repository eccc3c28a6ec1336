"""Audits the models of `train_models.py` with `kdaudit check` and sums up what was found.

Run from the repository's root: `python -m examples.fashion_mnist.run --models DIR --reports DIR [--reduced]`.
Options that it does not know are handed to `kdaudit check`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from examples.auditing import NOT_GUILTY, VERDICTS, Audit, Setup, run_all
from examples.fashion_mnist.train_models import COMPLETE, REDUCED

AUDITS = (
    Audit(teacher="teacher-clean", student="student-honest", possible=NOT_GUILTY),
    Audit(teacher="teacher-clean", student="student-of-clean", possible=tuple(VERDICTS.values())),
    Audit(teacher="teacher-flawed", student="student-honest", possible=NOT_GUILTY),
    Audit(teacher="teacher-flawed", student="student-of-flawed", possible=("fail",)),
)


def setup(models: Path, reports: Path, *, more: Sequence[str], reduced: bool) -> Setup:
    """Five independent and three random controls, one random control in the reduced form."""
    if reduced:
        data = ("--data", str(models / "eval.npz"), "--train-data", str(models / "train.npz"))
        random_controls = "1"
    else:
        data = ("--data", "fashion-mnist:test", "--train-data", "fashion-mnist:train")
        random_controls = "3"
    controls = ("--controls", "5", "--random-controls", random_controls, "--positive-controls", "0")
    epochs = ("--epochs", str((REDUCED if reduced else COMPLETE).epochs))
    return Setup(models=models, reports=reports, options=(*data, *controls, *epochs, *more))


def main() -> None:
    """Run all audits; exit with 1 if a verdict is not possible, given how the models were made."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, required=True, help="what train_models.py wrote")
    parser.add_argument("--reports", type=Path, required=True, help="where the reports go")
    parser.add_argument("--reduced", action="store_true", help="the models were trained with --reduced")
    known, more = parser.parse_known_args()
    run_all(AUDITS, setup(known.models, known.reports, more=more, reduced=known.reduced))


if __name__ == "__main__":
    main()
