"""How faithful a trainable network is to the file it was made from, in one sentence and its evidence."""

from __future__ import annotations

from typing import Literal

from torch import nn

from kdaudit.models.batching import Batching
from kdaudit.models.batchnorm import Reinsertion
from kdaudit.models.blueprint import Blueprint
from kdaudit.models.convert import Network
from kdaudit.models.start import Start
from kdaudit.numerics import plural
from kdaudit.types import Fidelity

Level = Literal["bn-kept", "bn-reinserted", "converted"]


_FOLDED = (
    "To keep it, export with training=TrainingMode.PRESERVE and do_constant_folding=False, "
    "or with dynamo=True and optimize=False."
)
_GROUPED = {
    Batching.VMAP: "The file is for one batch size; examples are given to it in groups of that, all groups at once.",
    Batching.GROUPS: "The file is for one batch size; examples are given to it in groups of that, one after another.",
}


def describe_converted(
    reinsertion: Reinsertion,
    network: Network,
    original: Network,
    start: Start | None,
    *,
    dropout: float | None = None,
) -> Fidelity:
    """The fidelity of a network converted from an ONNX file.

    Args:
        reinsertion: what became of BatchNorm.
        network: the network to be trained.
        original: the network as the file has it.
        start: the weights that it starts from, if it does not start from fresh ones.
        dropout: the share that was asked for.
    """
    sentences = [_batchnorm(reinsertion)]
    if reinsertion.graph.in_training_mode:
        sentences.append("The file was exported in training mode; it is evaluated in inference mode.")
    sentences.append(_dropout(original, dropout))
    if network.batching is not Batching.ANY:
        sentences.append(_GROUPED[network.batching])
    if network.kept:
        sentences.append(f"Not trained, as asked: {len(network.kept)} arrays.")
    if network.frozen:
        sentences.append(f"Applied to the raw inputs and left as they are: {', '.join(network.frozen)}.")
    if start is not None:
        sentences.append(start.sentence)
    if start is not None and reinsertion.inserted:
        sentences.append(
            "Where BatchNorm was folded in the initial weights too, its scales and statistics are lost: each starts as "
            "what gives the same outputs."
        )
    return Fidelity(
        level=_level(reinsertion),
        sentence=" ".join(sentences),
        n_parameters=count_parameters(network.module),
        n_file_parameters=count_parameters(original.module),
        evidence=reinsertion.evidence + start_evidence(start),
        frozen=network.kept + network.frozen,
    )


def describe_built(blueprint: Blueprint, module: nn.Module, start: Start | None) -> Fidelity:
    """The fidelity of a network that is built anew: it is the student's own."""
    return Fidelity(
        level="exact",
        sentence=blueprint.sentence if start is None else f"{blueprint.sentence} {start.sentence}",
        n_parameters=count_parameters(module),
        evidence=start_evidence(start),
    )


def count_parameters(module: nn.Module) -> int:
    """The number of trained numbers."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


def start_evidence(start: Start | None) -> tuple[str, ...]:
    """What was and was not taken from the initial weights."""
    if start is None:
        return ()
    taken = f"initial weights: {len(start.tensors)} arrays taken"
    return (f"{taken}, drawn anew: {', '.join(start.unmatched)}" if start.unmatched else taken,)


def _dropout(original: Network, asked: float | None) -> str:
    if asked is not None:
        return f"Dropout of {asked:g} is applied, as asked."
    if any(isinstance(module, nn.Dropout) for module in original.module.modules()):
        return "Dropout is kept."
    return "If the student was trained with Dropout, its file does not say so."


def _level(reinsertion: Reinsertion) -> Level:
    if reinsertion.inserted:
        return "bn-reinserted"
    return "bn-kept" if reinsertion.kept and not reinsertion.folded else "converted"


def _batchnorm(reinsertion: Reinsertion) -> str:
    folded, inserted, kept = reinsertion.folded, reinsertion.inserted, reinsertion.kept
    because = "; ".join(reinsertion.evidence)
    if inserted:
        also = f", {kept} more stand in the file" if kept else ""
        return (
            f"The controls are the student's ONNX graph with BatchNorm put back after {plural(inserted, 'layer')} "
            f"(evidence: {because}){also}. {_FOLDED}"
        )
    if folded:
        return (
            "The controls are the student's ONNX graph, into which BatchNorm was folded at "
            f"{plural(folded, 'layer')} (evidence: {because}); as asked, it was not put back: the controls "
            "train without it, unlike the student, and are no fair comparison."
        )
    if kept:
        return f"The controls are the student's ONNX graph with all of its {kept} BatchNorm layers."
    reason = f" (evidence: {because})" if because else ""
    return f"The controls are the student's ONNX graph, which shows no trace of BatchNorm{reason}."
