"""`kdaudit predict`: one model's logits in a file, to be judged later or elsewhere."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from kdaudit.cli.options import Config, Isolated, Quiet, given_options, with_options
from kdaudit.errors import SpecError
from kdaudit.options import AuditSpec, OutputSpec

_OPTIONS = {
    *(
        "data",
        "unlabelled",
        "data_root",
        "image_size",
        "mean",
        "std",
        "preprocess",
        "student_preprocess",
        "limit",
        "slice",
        "seed",
    ),
    *("input_columns", "label_column", "class_names", "max_skipped", "download"),
    *("student_output", "student_label_map", "student_arch", "arch_args", "trust_pickle"),
    *("device", "cache_dir", "cache", "resume", "output", "progress", "log_file"),
}


@with_options(AuditSpec, OutputSpec, only=_OPTIONS)
def predict(
    model: Annotated[
        str, typer.Argument(help="The model: any that check takes, with the student's options.")
    ],
    config: Config = None,
    isolated: Isolated = False,
    quiet: Quiet = False,
    **options: object,
) -> None:
    """Save a model's predictions, for kdaudit judge: logits, ids and labels of all examples, as .npz (--output).

    Exit codes: 0 saved; 2 usage, 4 could not run.
    """
    from kdaudit.cli.check import this_command
    from kdaudit.cli.console import say
    from kdaudit.cli.documents import write_file
    from kdaudit.cli.log import open_log
    from kdaudit.cli.progress import told
    from kdaudit.numerics import plural
    from kdaudit.pipeline.predict_one import notices_of, predict_one, save_predictions
    from kdaudit.spec import resolve

    given = given_options(options)
    if "output" not in given:
        raise SpecError("expected a file to save the predictions in, found none", hint="add -o FILE.npz")
    specs = resolve(
        {"teacher": model, "students": (model,), **given},
        config=None if config is None else Path(config),
        isolated=isolated,
        folder=Path.cwd(),
    )
    with (
        open_log(specs.output.log_file, this_command()) as log,
        told(specs.output.progress, log, quiet=quiet) as tell,
    ):
        predicted = predict_one(specs.audit, progress=tell.progress)
    write_file(Path(str(given["output"])), partial(save_predictions, predicted))
    if not quiet:
        for line in notices_of(predicted.data):
            say(line)
        n, n_outputs = predicted.logits.shape
        say(f"{given['output']}: {plural(n, 'example')}, {n_outputs:,} classes")
