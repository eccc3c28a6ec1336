"""Everything that was decided automatically or is the user's word, as rows of the report."""

from __future__ import annotations

from collections.abc import Iterator

from kdaudit.models.inference import trains_when_run
from kdaudit.options import AuditSpec
from kdaudit.pipeline.checks import expected_of
from kdaudit.pipeline.control_set import ControlSet
from kdaudit.pipeline.plan import TRAIN, Setup
from kdaudit.pipeline.skipped import DIVIDED, incomplete_sets
from kdaudit.schema import Assumption
from kdaudit.types import Recipe, Role

_RANDOM_KINDS = {
    "gaussian": "noise from a normal distribution in the teacher's place, at temperature 1",
    "shuffled": "the teacher's own outputs, of other examples",
}
_INITIALISATIONS = {
    "torch": "drawn anew, as the framework does by default",
    "xavier": "drawn anew: Xavier uniform",
    "trunc02": "drawn anew: normal with deviation 0.02",
    "kaiming": "drawn anew: Kaiming normal by fan-out",
}


def assumptions_of(setup: Setup, controls: ControlSet) -> tuple[Assumption, ...]:
    """All rows, in the order in which an audit decides them."""
    return (
        *_of_models(setup),
        *_of_preprocessing(setup),
        *_of_data(setup),
        *_of_controls(setup, controls),
    )


def _of_models(setup: Setup) -> Iterator[Assumption]:
    spec = setup.spec
    for role, output in (("teacher", spec.teacher_output), ("student", spec.student_output)):
        yield Assumption(what=f"Output of the {role}", value=output, known_from="verified")
    for role, path in (("teacher", spec.teacher_label_map), ("student", spec.student_label_map)):
        if path is not None:
            yield Assumption(
                what=f"Classes of the {role}", value=f"by the label map {path}", known_from="stated"
            )
    for model in (setup.teacher, *setup.students):
        if expected := expected_of(setup, model):
            yield Assumption(
                what=f"Expected accuracy of the {model.role} {model.name}",
                value=f"{expected.accuracy:.1%} by {expected.source}",
                known_from="stated",
            )
    if training := [model.name for model in setup.given if trains_when_run(model)]:
        yield Assumption(
            what="Training mode",
            value=f"{', '.join(training)}: exported in it, evaluated in inference mode",
            known_from="verified",
        )
    if pickled := [model.name for model in setup.given if model.kind == "pickle"]:
        yield Assumption(
            what="Python objects",
            value=f"{', '.join(pickled)}: loaded with --trust-pickle, which runs whatever code a file names",
            known_from="stated",
        )
    if setup.spec.allow_weak_teacher:
        yield Assumption(what="Weak teacher", value="accepted: --allow-weak-teacher", known_from="stated")


def _of_preprocessing(setup: Setup) -> Iterator[Assumption]:
    """One row for the teacher, and one for the student with everything that takes its inputs in the same way."""
    if not setup.data.shapes:
        return
    shown: set[str] = set()
    for model in setup.given:
        sentence = setup.preprocessing_of(model)
        if sentence in shown and model.role not in (Role.TEACHER, Role.STUDENT):
            continue
        shown.add(sentence)
        alone = len(setup.students) == 1 and model.role in (Role.TEACHER, Role.STUDENT)
        yield Assumption(
            what=f"Preprocessing of the {model.role}{'' if alone else f' {model.name}'}",
            value=sentence,
            known_from="stated" if setup.taken[model.sha256].is_stated else "default",
        )


def _of_data(setup: Setup) -> Iterator[Assumption]:
    for text in setup.data.assumptions:
        if text.endswith(DIVIDED):
            continue  # the rows of the models say what is done to the numbers
        yield Assumption(what="Evaluation data", value=text, known_from="default")
    if setup.data.units.places is not None:
        yield Assumption(
            what="Answers",
            value=f"{len(setup.data.units):,} labelled positions of {len(setup.data):,} sequences; those of a sequence "
            "count as dependent on each other",
            known_from="verified",
        )
    for text in incomplete_sets(setup):
        yield Assumption(what="Examples", value=text, known_from="verified")
    if setup.look_alikes:
        one, other = setup.look_alikes[0]
        many = len(setup.look_alikes)
        yield Assumption(
            what="Look-alikes",
            value=f"{many:,} of {len(setup.data):,} evaluation pictures look like a training picture (perceptual "
            f"hash), such as #{one} like #{other}: they stay in; if they are the same photographs, student and "
            "controls both know their labels",
            known_from="verified",
        )
    if setup.train is None:
        return
    if setup.spec.split_eval is not None:
        yield Assumption(
            what="Split",
            value=f"{len(setup.train):,} evaluation examples train the controls, {len(setup.data):,} others judge "
            "(--split-eval). The student learnt from other data: where controls are less accurate for it, the margins "
            "allow for the gap, or the audit is inconclusive; and fewer teacher errors are left to judge by",
            known_from="stated",
        )
        return
    yield Assumption(
        what="Training labels",
        value=f"those of {setup.train.ref.name}, {len(setup.train):,} examples, taken to be the student's own",
        known_from="stated" if setup.spec.train_data else "default",
    )


def _of_controls(setup: Setup, controls: ControlSet) -> Iterator[Assumption]:
    spec = setup.spec
    if setup.ready:
        yield Assumption(
            what="Controls",
            value="ready-made; that they saw no teacher is the user's word",
            known_from="stated",
        )
        return
    if controls.network is None or controls.recipe is None:
        return
    if spec.student_train_as is not None:
        yield Assumption(
            what="Architecture",
            value=f"that of {spec.student_train_as}; that the student is of it is the user's word",
            known_from="stated",
        )
    fidelity = controls.network.fidelity
    yield Assumption(what="Architecture", value=fidelity.sentence, known_from="verified")
    if spec.dropout is not None:
        yield Assumption(what="Dropout", value=f"{spec.dropout:g}", known_from="stated")
    elif fidelity.level != "exact" and "Dropout is kept." not in fidelity.sentence:
        yield Assumption(
            what="Dropout",
            value="none: an inference file does not hold it; --student-arch would",
            known_from="unknown",
        )
    default = spec.init_from is None and spec.student_init == "torch"
    yield Assumption(
        what="Initialisation",
        value=f"weights of {spec.init_from}" if spec.init_from else _INITIALISATIONS[spec.student_init],
        known_from="default" if default else "stated",
    )
    if controls.epochs is None:
        yield Assumption(what="Epochs", value=str(controls.recipe.epochs), known_from="stated")
    else:
        tried = ", ".join(f"{step.epochs}: {step.accuracy:.1%}" for step in controls.epochs.history)
        yield Assumption(
            what="Epochs",
            value=f"{controls.epochs.epochs}, chosen on held-out training data (accuracy by epochs: {tried})",
            known_from="default",
        )
    recipe = controls.recipe
    yield from _of_recipe(spec, recipe)
    if spec.random_controls and spec.random_kind != "uniform":
        kind = _RANDOM_KINDS[spec.random_kind]
        if spec.random_kind == "shuffled" and setup.data.units.places is not None:
            kind = f"{kind} and places: each answer is exchanged by itself"
        yield Assumption(what="Random controls", value=kind, known_from="stated")
    if controls.n_of(Role.POSITIVE):
        plain = " of the plain example, although pictures are augmented" if recipe.augment != "none" else ""
        yield Assumption(
            what="Positive controls",
            value=f"learn the teacher's outputs{plain}, weight {recipe.alpha:g}, temperature {recipe.temperature:g}",
            known_from="default" if spec.alpha is None and spec.temperature is None else "stated",
        )
    yield from _of_alternates(setup, controls)
    yield Assumption(what="Precision of training", value=setup.precision, known_from="default")


def _of_recipe(spec: AuditSpec, recipe: Recipe) -> Iterator[Assumption]:
    """What the user stated of the recipe, and what of it is the default of the network's family."""
    settings = (
        (spec.optimizer, recipe.optimizer),
        (spec.lr, f"learning rate {recipe.lr:g}"),
        (spec.schedule, recipe.schedule),
        (spec.batch_size, f"batch {recipe.batch_size}"),
        (spec.weight_decay, f"weight decay {recipe.weight_decay:g}"),
        (spec.label_smoothing, f"label smoothing {recipe.label_smoothing:g}"),
        (spec.augment, f"augmentation {recipe.augment}"),
    )
    stated = ", ".join(said for option, said in settings if option is not None)
    assumed = ", ".join(said for option, said in settings if option is None)
    if stated:
        yield Assumption(what="Recipe", value=stated, known_from="stated")
    if assumed:
        yield Assumption(what="Recipe", value=assumed, known_from="default")


def _of_alternates(setup: Setup, controls: ControlSet) -> Iterator[Assumption]:
    teacher, recipe = setup.spec.alternate_teacher, controls.recipe
    if teacher is None or recipe is None:
        return
    source = f"{teacher}; that it is not of this teacher's making is the user's word"
    if teacher == TRAIN:
        source = "a network like an independent control, trained on the labels, and not one of them"
    yield Assumption(what="Alternate teacher", value=source, known_from="stated")
    yield Assumption(
        what="Alternate controls",
        value=f"learn its outputs by the recipe of positive controls, weight {recipe.alpha:g}, temperature "
        f"{recipe.temperature:g}",
        known_from="default",
    )
