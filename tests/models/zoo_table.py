"""Every network of the zoo by every way of export: what becomes of it, as docs/onnx-zoo.md. Run by `make zoo`.

Each row is kept in a file as soon as it is known, so that a run that was cut off goes on where it stopped.
"""

from __future__ import annotations

import argparse
import itertools
import json
import logging
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from kdaudit.errors import ModelError
from kdaudit.models.checks import check_network
from tests.models.zoo import DYNAMO, TS, Export, answers, examples, export, make, opened
from tests.models.zoo_networks import TABLE

BATCHES = (1, 2, None)
N_EXAMPLES = 64
OTHER_SIZES = (1, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What became of one export. `outcome` is trained, refused or not exported; `reason` says why not."""

    way: str
    outcome: str
    batching: str = ""
    level: str = ""
    ratio: float = 0.0
    reason: str = ""


def all_ways() -> Iterator[Export]:
    """Every network by both exporters, for batches of 1, 2 and any, BatchNorm folded and kept."""
    for name, exporter, batch, folded in itertools.product(TABLE, (TS, DYNAMO), BATCHES, (True, False)):
        yield Export(network=name, exporter=exporter, batch=batch, folded=folded)


def row_of(way: Export, folder: Path) -> Row:
    """Exports and judges one network."""
    path = folder / "net.onnx"
    try:
        export(way, path)
    except Exception as error:  # torch's exporters raise whatever they meet
        return Row(way=str(way), outcome="not exported", reason=_first_line(error))
    try:
        return judged(way, path)
    except ModelError as error:
        return Row(way=str(way), outcome="refused", reason=_first_line(error).replace(str(path), "the file"))


def judged(way: Export, path: Path) -> Row:
    """What becomes of an exported network.

    A trained one has the outputs of onnxruntime, keeps examples apart, takes other batch sizes, gets a gradient in
    every parameter and learns a batch.

    Raises:
        ModelError: it is refused.
    """
    x = examples(way.network, N_EXAMPLES)
    factory = opened(path)
    check_network(factory, examples={"x": x}, expected=answers(path, x))
    fresh = factory.build(0).eval()
    for n in OTHER_SIZES:
        if len(fresh(torch.from_numpy(x[:n]))) != n:
            raise ModelError(f"expected {n} outputs from {n} examples, found another number")
    native = sum(parameter.numel() for parameter in make(way.network).parameters())
    return Row(
        way=str(way),
        outcome="trained",
        batching=factory.network.batching,
        level=factory.fidelity.level,
        ratio=factory.fidelity.n_parameters / native,
    )


def table(rows: list[Row]) -> str:
    """The document."""
    outcomes = Counter(row.outcome for row in rows)
    exported = outcomes["trained"] + outcomes["refused"]
    lines = [
        "# What becomes of ONNX exports",
        "",
        f"Made by `make zoo` (torch {torch.__version__.split('+')[0]}). {len(TABLE)} networks, each exported by both",
        "of torch's exporters (`ts`: TorchScript, opset 17; `dynamo`: opset 20), for batches of 1, of 2 and of any",
        "size, with BatchNorm folded (the default) and kept (`TrainingMode.PRESERVE` without constant folding;",
        "`optimize=False`).",
        "",
        f"torch exports {exported} of {len(rows)} combinations. Of these, {outcomes['trained']} "
        f"({outcomes['trained'] / exported:.1%}) become trainable",
        "networks that pass every self-check: outputs as onnxruntime's on 64 examples (to 1e-4 of the largest), other",
        "batch sizes, examples kept apart, a gradient in every parameter, a batch that can be learned, and no trained",
        "weight that survives.",
        "",
        "Each cell gives the share of the network's own parameters that the converted one has (biases that a",
        "BatchNorm follows are not drawn again; tables that the exporter wrote out are larger), `v` where the examples",
        "are given to the graph in groups, all at once by `torch.func.vmap`, `g` where the groups follow one another.",
        "",
        "| network | exporter | BatchNorm | batch 1 | batch 2 | any batch |",
        "|---|---|---|---|---|---|",
    ]
    known = {row.way: row for row in rows}
    for name, exporter, folded in itertools.product(TABLE, (TS, DYNAMO), (True, False)):
        ways = [Export(network=name, exporter=exporter, batch=batch, folded=folded) for batch in BATCHES]
        cells = " | ".join(_cell(known.get(str(way))) for way in ways)
        lines.append(f"| {name} | {exporter} | {'folded' if folded else 'kept'} | {cells} |")
    lines += ["", "## What fails, and why", ""]
    reasons: dict[str, list[str]] = {}
    for row in rows:
        if row.reason:
            reasons.setdefault(f"{row.outcome}: {row.reason}", []).append(row.way)
    lines += [f"- {reason}: {', '.join(ways)}" for reason, ways in reasons.items()] or ["Nothing."]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Makes the document; `--rows` names the file that keeps what is known."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=Path, default=Path("build/onnx-zoo.jsonl"))
    parser.add_argument("--document", type=Path, default=Path("docs/onnx-zoo.md"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    rows = (
        [Row(**json.loads(line)) for line in given.rows.read_text().splitlines()]
        if given.rows.exists()
        else []
    )
    known = {row.way for row in rows}
    given.rows.parent.mkdir(exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for way in all_ways():
            if str(way) in known:
                continue
            with tempfile.TemporaryDirectory() as folder:
                rows.append(row_of(way, Path(folder)))
            with given.rows.open("a") as kept:
                kept.write(json.dumps(asdict(rows[-1])) + "\n")
    given.document.write_text(table(rows))


def _cell(row: Row | None) -> str:
    if row is None:
        return ""
    if row.outcome != "trained":
        return row.outcome
    mark = {"any": "", "vmap": " v", "groups": " g"}[row.batching]
    return f"{row.ratio:.4f}{mark}"


def _first_line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0].split('. ')[0]}" if text else type(error).__name__


if __name__ == "__main__":
    main()
