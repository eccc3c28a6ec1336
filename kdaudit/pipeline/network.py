"""The student's network, described for workers and checked before anything is trained."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

import numpy as np

from kdaudit.data import Examples
from kdaudit.errors import TrainingError
from kdaudit.models import load_model
from kdaudit.models.checks import check_architecture, check_network
from kdaudit.models.identify import identify
from kdaudit.models.predict import fit_inputs
from kdaudit.models.trainable import ArchitectureNetwork, OnnxNetwork
from kdaudit.options import AuditSpec
from kdaudit.pipeline.plan import Setup
from kdaudit.types import AnyArray, Batch, ModelRef, NetworkSpec, Role

_EXAMPLES_TO_CHECK = 64


def check(network: OnnxNetwork | ArchitectureNetwork, setup: Setup, model: ModelRef) -> None:
    """Every self-check on real training examples, against the student's own file where the network was converted.

    Raises:
        ModelError: a check fails; a control made of this network could not be trusted.
    """
    train = training_data(setup)
    batch = next(train.batches(min(_EXAMPLES_TO_CHECK, len(train))))
    if isinstance(network, ArchitectureNetwork):
        check_architecture(network, examples=_inputs(batch, model), output=model.output)
        return
    with load_model(model, device="cpu") as opened:
        fitted = fit_inputs(batch, opened.inputs, model.path)
        expected = _run_by(opened.fixed_batch, opened.run, fitted)
    check_network(network, examples=fitted, expected=expected)


def training_data(setup: Setup) -> Examples:
    """The training data.

    Raises:
        TrainingError: there is none.
    """
    if setup.train is None:
        raise TrainingError("expected training data to train controls on, found none")
    return setup.train


def architecture_of(spec: AuditSpec, student: ModelRef) -> ModelRef:
    """The file that the controls' architecture is taken from: the student's, or that of `--student-train-as`."""
    if spec.student_train_as is None:
        return student
    return identify(
        spec.student_train_as,
        role=Role.STUDENT,
        name=student.name,
        output=student.output,
        arch=None,
        arch_args=None,
        trust_pickle=spec.trust_pickle,
    )


def start_of(spec: AuditSpec, student: ModelRef) -> ModelRef | None:
    """The weights that controls start from, of `--init-from`; None where they are drawn."""
    if spec.init_from is None:
        return None
    return identify(
        spec.init_from,
        role=Role.STUDENT,
        name="init",
        output=student.output,
        arch=student.arch,
        arch_args=student.arch_args,
        trust_pickle=spec.trust_pickle,
        weights_alone=True,
    )


def files_read(setup: Setup) -> tuple[ModelRef, ...]:
    """Every model file that controls and predictions are made of, once."""
    spec, student = setup.spec, setup.students[0]
    named = (*setup.given, architecture_of(spec, student), start_of(spec, student))
    return tuple(dict.fromkeys(model for model in named if model is not None))


def network_spec(setup: Setup, student: ModelRef) -> NetworkSpec:
    """What the controls of a student are made of."""
    spec = setup.spec
    model = architecture_of(spec, student)
    example = _inputs(next(training_data(setup).batches(1)), model)
    return NetworkSpec(
        model=model,
        init_from=start_of(spec, student),
        reinsert_bn=spec.reinsert_bn,
        initialisation=spec.student_init,
        dropout=spec.dropout,
        freeze=spec.freeze,
        example_shapes=tuple((name, array.shape[1:]) for name, array in example.items()),
        example_dtypes=tuple(array.dtype.name for array in example.values()),
    )


def _inputs(batch: Batch, model: ModelRef) -> dict[str, AnyArray]:
    """A batch by the model's input names, in its order; as it is where the user's own code takes it."""
    if model.arch is not None:
        return batch.inputs
    with load_model(model, device="cpu") as opened:
        return fit_inputs(batch, opened.inputs, model.path)


def _run_by(
    fixed_batch: int | None, run: Callable[[dict[str, AnyArray]], AnyArray], inputs: dict[str, AnyArray]
) -> AnyArray:
    """Raw outputs, batch by batch where the file accepts only one batch size (a short rest is left out)."""
    n = len(next(iter(inputs.values())))
    size = fixed_batch or n
    starts = islice(range(0, n, size), n // size)
    return np.concatenate([run({k: a[i : i + size] for k, a in inputs.items()}) for i in starts])
