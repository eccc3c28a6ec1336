"""The tables of docs/validity.md, between the markers that name them: counts in, Markdown out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from validity.kinds import FLAWED
from validity.sets import SETS
from validity.simulated import Rates
from validity.summary import Summary, monte_carlo_error, read, upper_bound
from validity.worlds import World

_OUTCOMES = ("pass", "inconclusive", "fail")
# Without rules on fitness: by the margins as they stand, and with what accuracy allows.
_BARE = ("bare", "unbounded")
_ERROR = "Monte-Carlo error, at most"
_PRESETS = ("default", "lenient", "margins", "strict")


def fill(page: Path, results: Path) -> None:
    """Write each table of the page anew from the results that are there; what stands between markers is replaced."""
    text = page.read_text(encoding="utf-8")
    for name, table in TABLES.items():
        marked = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        if marked.search(text):
            lines = "\n".join(table(results))
            text = marked.sub(lambda found, lines=lines: f"{found[1]}\n{lines}\n\n{found[2]}", text)  # type: ignore[misc]
    page.write_text(text, encoding="utf-8")


def null_table(results: Path) -> Iterator[str]:
    """Type-I error and coverage where nothing was copied, over seed variances and error rates."""
    found = [row for row in _simulated(results) if row.world.copied == 0]
    yield from _head(
        "n",
        "K",
        "worlds",
        *(f"{claim}, {level}" for claim in _CLAIMS for level in ("5 %", "1 %")),
        "90 % interval holds 0: mean, least",
        _ERROR,
    )
    for n in sorted({row.world.n for row in found}):
        for k in (3, 5, 10, 20):
            rows = [row for row in found if (row.world.n, row.n_controls) == (n, k)]
            worlds = sum(row.n_judged for row in rows)
            cells, shares = [], []
            for claim in _CLAIMS.values():
                for level in (0, 1):
                    share = sum(row.rejected[claim][level] * row.n_judged for row in rows) / worlds
                    shares.append(share)
                    worst = max(row.rejected[claim][level] for row in rows)
                    cells.append(f"{_share(share)} (at most {_share(worst)})")
            covered = [row.covered for row in rows]
            yield _row(
                f"{n:,}",
                k,
                f"{worlds:,}",
                *cells,
                f"{_share(float(np.mean(covered)))}, {_share(min(covered))}",
                _error(worlds, *shares),
            )


def copied_table(results: Path) -> Iterator[str]:
    """Power, verdicts and coverage where a share was copied."""
    yield from _head(
        "copied",
        "of",
        "n_W",
        "K",
        "worlds",
        "pass / inconclusive / fail",
        "asymmetry negative",
        "net harm above 0",
        "90 % interval holds the truth",
        "planned power to fail",
        _ERROR,
    )
    for row in _simulated(results):
        if row.world.copied == 0:
            continue
        planned = "" if row.planned is None else _share(row.planned)
        yield _row(
            _share(row.world.copied),
            {"all": "all answers", "wrong": "wrong answers", "right": "right answers"}[row.world.where],
            round(row.n_W),
            row.n_controls,
            row.n_judged,
            " / ".join(_share(row.outcomes[o]) for o in _OUTCOMES),
            _share(row.rejected["asymmetry"][0]),
            _share(row.rejected["net_harm_per_1000"][0]),
            _share(row.covered),
            planned,
            _error(row.n_judged, *row.outcomes.values()),
        )


def planner_table(results: Path) -> Iterator[str]:
    """The planner's power to fail less the share that failed."""
    yield from _head(
        "K", "cells", "mean distance", "largest distance", "Monte-Carlo error of one cell, at most"
    )
    found = [row for row in _simulated(results) if row.planned is not None]
    for k in (3, 5, 10, 20):
        rows = [row for row in found if row.n_controls == k]
        apart = [abs((row.planned or 0.0) - row.outcomes["fail"]) for row in rows]
        error = max(monte_carlo_error(row.outcomes["fail"], row.n_judged) for row in rows)
        yield _row(k, len(rows), f"{float(np.mean(apart)):.3f}", f"{max(apart):.3f}", f"{error:.3f}")


def honest_table(results: Path) -> Iterator[str]:
    """Honest students pooled: how many failed, with the exact upper bound."""
    yield from _head(
        "data",
        "teacher",
        "students",
        *(f"FAIL by {p}" for p in _PRESETS),
        "PASS by default",
        "asymmetry negative",
        "attributed",
    )
    for name, rows in _by_set(results, "honest"):
        for teacher in (*dict.fromkeys(row.teacher for row in rows), "all"):
            those = [row for row in rows if teacher in (row.teacher, "all")]
            n = sum(row.n for row in those)
            yield _row(
                name,
                teacher,
                n,
                *(_bounded(_count(those, p, "fail"), n) for p in _PRESETS),
                _share(_count(those, "default", "pass") / n),
                _bounded(sum(row.negative for row in those), n),
                _bounded(sum(row.attributed for row in those), n),
            )


def kinds_table(results: Path) -> Iterator[str]:
    """Every cell on real networks."""
    yield from _head(
        "data",
        "teacher",
        "student",
        "n_W",
        "gap, points",
        "kappa_W",
        "kappa_R",
        "RRR",
        "net harm per 1,000",
        "margins: P / I / F",
        "default: P / I / F",
        "negative",
        "attributed",
        _ERROR,
    )
    for name in SETS:
        for row in _read(results, f"real-{name}"):
            yield _row(
                name,
                row.teacher,
                row.kind,
                f"{row.n_W:.0f}",
                f"{row.gap * 100:+.1f}",
                f"{row.kappa_W:+.2f}",
                _number(row.kappa_R, "+.2f"),
                _number(row.rrr, ".2f"),
                f"{row.net_harm_per_1000:+.1f}",
                _three(row, "margins"),
                _three(row, "default"),
                _share(row.negative / row.n),
                _share(row.attributed / row.n),
                _error(row.n, *_shares([row], "margins"), *_shares([row], "default")),
            )


def coverage_table(results: Path) -> Iterator[str]:
    """How often the 90 % interval of kappa_W holds the share that was planted."""
    yield from _head("data", "students", "mean of the cells", "least of the cells", _ERROR)
    for name, rows in _by_set(results, "planted"):
        shares = [row.covered / row.n for row in rows]
        n = sum(row.n for row in rows)
        mean = float(np.mean(shares))
        yield _row(name, n, _share(mean), _share(min(shares)), _error(n, mean))


def presets_table(results: Path) -> Iterator[str]:
    """What each preset does to whom, in shares of PASS / INCONCLUSIVE / FAIL."""
    yield from _head("data", "students", "audits", "n_W", *_PRESETS, _ERROR)
    for name in SETS:
        rows = list(_read(results, f"real-{name}"))
        for title, those in _groups(rows):
            if not those:
                continue
            n = sum(row.n for row in those)
            n_w = [row.n_W for row in those]
            yield _row(
                name,
                title,
                n,
                f"{min(n_w):.0f} to {max(n_w):.0f}",
                *(" / ".join(map(_share, _shares(those, p))) for p in _PRESETS),
                _error(n, *(share for p in _PRESETS for share in _shares(those, p))),
            )


def positive_table(results: Path) -> Iterator[str]:
    """What two positive controls say: whether they show transfer, who fails without, who is unlike them."""
    yield from _head(
        "data",
        "teacher",
        "student",
        "positive controls show transfer",
        "FAIL (margins) where they do",
        "FAIL where they do not",
        "recipe not reproduced",
    )
    for name in SETS:
        for row in _read(results, f"real-{name}"):
            if row.origin == "distilled" or row.kind == "independent":
                hidden = row.n - row.positive_shown
                yield _row(
                    name,
                    row.teacher,
                    row.kind,
                    _share(row.positive_shown / row.n),
                    f"{row.shown_and_failed} of {row.positive_shown}",
                    f"{row.hidden_and_failed} of {hidden}",
                    _share(row.unlike_positive / row.n),
                )


def gaps_table(results: Path) -> Iterator[str]:
    """Students trained otherwise: how often the honest fail, and those pass that repeat 30 % of the errors."""
    yield from _head(
        "data",
        "teacher",
        "student",
        "gap, points",
        "honest: kappa_W",
        "honest: FAIL, bare",
        "with the allowance",
        "repeats 30 %: PASS, bare",
        "with the allowance",
        "repeats 30 %: FAIL, bare",
        "with the allowance",
        _ERROR,
    )
    for name in SETS:
        found = list(_read(results, f"gaps-{name}"))
        for honest, planted in zip(found[::2], found[1::2], strict=True):
            yield _row(
                name,
                honest.teacher,
                honest.kind,
                f"{honest.gap * 100:+.1f}",
                f"{honest.kappa_W:+.2f}",
                *(_share(honest.share("fail", preset)) for preset in _BARE),
                *(_share(planted.share("pass", preset)) for preset in _BARE),
                *(_share(planted.share("fail", preset)) for preset in _BARE),
                _error(
                    honest.n,
                    *(row.share(o, p) for row in (honest, planted) for o in _OUTCOMES for p in _BARE),
                ),
            )


def scarce_table(results: Path) -> Iterator[str]:
    """What is made scarce, and what becomes of honest students and of those that repeat 30 % of the errors."""
    yield from _head(
        "scarce",
        "size",
        "n_W",
        "headroom",
        "honest: FAIL without the bound",
        "honest: PASS",
        "asymmetry negative",
        "repeats 30 %: PASS without the bound",
        "repeats 30 %: FAIL",
        _ERROR,
    )
    found = [row for name in SETS for row in _read(results, f"scarce-{name}")]
    for honest, planted in zip(found[::2], found[1::2], strict=True):
        yield _row(
            honest.kind,
            honest.size,
            f"{honest.n_W:.0f}",
            f"{honest.headroom_W:.0f}",
            _share(honest.share("fail", "unbounded")),
            _share(honest.share("pass", "unbounded")),
            _share(honest.negative / honest.n),
            _share(planted.share("pass", "unbounded")),
            _share(planted.share("fail", "unbounded")),
            _error(honest.n, *_shares([honest], "unbounded"), *_shares([planted], "unbounded")),
        )


TABLES: dict[str, Callable[[Path], Iterable[str]]] = {
    "null": null_table,
    "copied": copied_table,
    "planner": planner_table,
    "honest": honest_table,
    "kinds": kinds_table,
    "coverage": coverage_table,
    "presets": presets_table,
    "positive": positive_table,
    "gaps": gaps_table,
    "scarce": scarce_table,
}
_CLAIMS = {
    "errors taken over": "kappa_W",
    "asymmetry": "asymmetry",
    "from this teacher": "did",
    "net harm": "net_harm_per_1000",
}


def _groups(rows: Sequence[Summary]) -> Iterator[tuple[str, list[Summary]]]:
    def of(origin: str, *, teachers: Sequence[str], alphas: Sequence[str] = ("",)) -> list[Summary]:
        return [
            row
            for row in rows
            if row.origin == origin and row.teacher in teachers and any(alpha in row.kind for alpha in alphas)
        ]

    everyone = ("clean", *FLAWED)
    yield "honest", of("honest", teachers=everyone)
    yield "of the clean teacher, a = .1", of("distilled", teachers=("clean",), alphas=("a = 0.1",))
    yield (
        "of the clean teacher, a = .5 and .9",
        of("distilled", teachers=("clean",), alphas=("a = 0.5", "a = 0.9")),
    )
    for teacher in FLAWED:
        yield f"of the {teacher} teacher, a = .9", of("distilled", teachers=(teacher,), alphas=("a = 0.9",))
    yield "of another teacher", of("other teacher", teachers=everyone)
    yield "copies 30 % of wrong answers", [r for r in of("planted", teachers=everyone) if "wrong" in r.kind]
    yield "copies 30 % of all answers", [r for r in of("planted", teachers=everyone) if "all" in r.kind]


def _simulated(results: Path) -> list[Rates]:
    path = results / "simulated.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [Rates(**{**row, "world": World(**row["world"])}) for row in rows]


def _read(results: Path, name: str) -> Iterator[Summary]:
    path = results / f"{name}.jsonl"
    yield from read(path) if path.exists() else ()


def _by_set(results: Path, origin: str) -> Iterator[tuple[str, list[Summary]]]:
    for name in SETS:
        rows = [row for row in _read(results, f"real-{name}") if row.origin == origin]
        if rows:
            yield name, rows


def _count(rows: Iterable[Summary], preset: str, outcome: str) -> int:
    return sum(row.outcomes[preset].get(outcome, 0) for row in rows)


def _bounded(k: int, n: int) -> str:
    return f"{_share(k / n)} (≤ {_share(upper_bound(k, n))})"


def _error(n: int, *shares: float) -> str:
    """The largest Monte-Carlo error of shares that were seen in n repetitions."""
    return f"± {_share(max(monte_carlo_error(share, n) for share in shares))}"


def _three(row: Summary, preset: str) -> str:
    return " / ".join(map(_share, _shares([row], preset)))


def _shares(rows: Sequence[Summary], preset: str) -> list[float]:
    """Of PASS, INCONCLUSIVE and FAIL."""
    n = sum(row.n for row in rows)
    return [_count(rows, preset, outcome) / n for outcome in _OUTCOMES]


def _share(value: float) -> str:
    """.05, 1, 0: shares without the leading zero; three digits below a tenth of a percent are not shown."""
    text = f"{float(value):.3f}".rstrip("0").rstrip(".") if 0 < value < 0.1 else f"{float(value):.2f}"
    return text.replace("0.", ".", 1) if text.startswith("0.") else text


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _head(*names: str) -> Iterator[str]:
    yield _row(*names)
    yield _row(*("---" for _ in names))


def _row(*cells: object) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"
