"""From audits to counts: what one cell of the proof showed, as plain numbers that go to the disk."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from scipy import stats

from validity.audits import Audit

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What the audits of one cell showed: means of estimates, counts of outcomes.

    data, teacher, kind, origin: which students; `size` is what was made scarce, or None. outcomes {preset: {outcome:
    count}}. negative: asymmetry; attributed: to this teacher; covered: 90 % intervals
    of kappa_W that hold the truth.
    positive_shown: a positive control took over wrong knowledge (KD303); shown_ and hidden_and_failed: FAIL (margins)
    where one did and where none did; unlike_positive: "recipe not reproduced".
    """

    data: str
    teacher: str
    kind: str
    origin: str
    n: int
    n_W: float  # noqa: N815 - the method's names
    headroom_W: float  # noqa: N815
    gap: float
    kappa_W: float  # noqa: N815
    kappa_R: float | None  # noqa: N815
    rrr: float | None
    net_harm_per_1000: float
    outcomes: dict[str, dict[str, int]]
    negative: int
    attributed: int
    covered: int
    positive_shown: int
    shown_and_failed: int
    hidden_and_failed: int
    unlike_positive: int
    size: int | None = None

    def share(self, outcome: str, preset: str) -> float:
        """Share of the audits that end so by this preset."""
        return self.outcomes[preset].get(outcome, 0) / self.n


def summary(
    audits: Sequence[Audit],
    *,
    data: str,
    teacher: str,
    kind: str,
    origin: str,
    truth: float,
    size: int | None = None,
) -> Summary:
    """The counts of one cell's audits; `truth` is the true kappa_W where it was planted."""
    kappas = [each.effects["kappa_W"] for each in audits]
    presets = audits[0].outcomes
    return Summary(
        data=data,
        teacher=teacher,
        kind=kind,
        origin=origin,
        size=size,
        n=len(audits),
        n_W=float(np.mean([each.n_W for each in audits])),
        headroom_W=float(np.mean([each.headroom_W for each in audits])),
        gap=float(np.mean([each.gap for each in audits])),
        kappa_W=_mean(audits, "kappa_W") or 0.0,
        kappa_R=_mean(audits, "kappa_R"),
        rrr=_median(audits, "rrr"),
        net_harm_per_1000=_mean(audits, "net_harm_per_1000") or 0.0,
        outcomes={preset: _counts(each.outcomes[preset] for each in audits) for preset in presets},
        negative=sum(each.asymmetry == "negative" for each in audits),
        attributed=sum(each.attribution == "this_teacher" for each in audits),
        positive_shown=sum(each.positive_shown for each in audits),
        shown_and_failed=sum(each.positive_shown and each.outcomes["margins"] == "fail" for each in audits),
        hidden_and_failed=sum(
            not each.positive_shown and each.outcomes["margins"] == "fail" for each in audits
        ),
        unlike_positive=sum(each.unlike_positive for each in audits),
        covered=sum(k.low is not None and k.high is not None and k.low <= truth <= k.high for k in kappas),
    )


def write(path: Path, records: Iterable[object]) -> None:
    """One JSON object a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(asdict(record)) + "\n" for record in records))  # type: ignore[call-overload]


def read(path: Path) -> Iterator[Summary]:
    """What `write` wrote of summaries."""
    for line in path.read_text().splitlines():
        yield Summary(**json.loads(line))


def upper_bound(k: int, n: int) -> float:
    """The exact (Clopper-Pearson) one-sided 95 % upper bound of a share of which k in n were seen."""
    return 1.0 if k == n else float(stats.beta.ppf(0.95, k + 1, n - k))


def monte_carlo_error(share: float, n: int) -> float:
    """Standard error of a share that was seen in n repetitions."""
    return float(np.sqrt(max(share * (1 - share), 1 / n * (1 - 1 / n)) / n))


def _counts(outcomes: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for outcome in outcomes:
        found[outcome] = found.get(outcome, 0) + 1
    return found


def _values(audits: Sequence[Audit], name: str) -> list[float]:
    found = (each.effects[name].estimate for each in audits)
    return [value for value in found if value is not None]


def _mean(audits: Sequence[Audit], name: str) -> float | None:
    values = _values(audits, name)
    return float(np.mean(values)) if values else None


def _median(audits: Sequence[Audit], name: str) -> float | None:
    values = _values(audits, name)
    return float(np.median(values)) if values else None
