"""Section 3: every rule, those that decide first, each with what was observed and where its evidence stands."""

from __future__ import annotations

from dataclasses import dataclass

from kdaudit import numbers
from kdaudit.render import facts, stated, text, words
from kdaudit.schema import AuditResult, RuleRecord
from kdaudit.types import Outcome

_MOST_PASSES = 20
_EVIDENCE = {
    "KD101": ("s4", "4 Transfer"),
    "KD201": ("s5", "5 Asymmetry"),
    "KD202": ("s5", "5 Asymmetry"),
    "KD203": ("s6", "6 Errors"),
    "KD204": ("s6", "6 Errors"),
    "KD205": ("s6", "6 Errors"),
    "KD301": ("s7", "7 Controls"),
    "KD302": ("s9", "9 Method"),
    "KD303": ("s7", "7 Controls"),
    "KD304": ("s9", "9 Method"),
    "KD305": ("s7", "7 Controls"),
    "KD306": ("s10", "10 Reproduce"),
    "KD307": ("s10", "10 Reproduce"),
    "KD401": ("s2", "2 Numbers"),
    "KD402": ("s8", "8 Calibration"),
    "KD403": ("s8", "8 Calibration"),
    "KD404": ("parts-class", "6 Classes"),
    "KD405": ("parts-slice", "6 Slices"),
}
_PLANNED = frozenset({"KD302", "KD304", "KD305"})
_WHOLE_PERCENT = frozenset({"KD201", "KD203", "KD304"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRow:
    """One rule as a row of the table; empty cells hold a dash. `link` is an anchor, empty where there is none."""

    mark: words.Mark
    word: str
    id: str
    anchor: str
    title: str
    reason: str
    observed: str
    interval: str
    required: str
    n: str
    p: str
    link: str
    link_text: str


@dataclass(frozen=True, slots=True)
class RulesView:
    """The table; `folded` are passes beyond the twentieth row, shown on demand and in print."""

    finding: str
    rows: tuple[RuleRow, ...]
    folded: tuple[RuleRow, ...]


def rules(result: AuditResult) -> RulesView:
    """The rule table of an audit."""
    rows = tuple(_row(result, row) for row in facts.ordered_rules(result))
    passed = [row for row in rows if row.mark == "pass"]
    folded = tuple(passed) if len(rows) > _MOST_PASSES else ()
    return RulesView(words.count_rules(result), tuple(row for row in rows if row not in folded), folded)


def observed(row: RuleRecord, bounds: tuple[float, ...]) -> str:
    """What a rule observed, in its unit."""
    if row.observed is None:
        return numbers.NONE
    if row.unit == "share":
        return numbers.percent(row.observed, _decimals(row), bounds)
    if row.unit == "points":
        return numbers.points(row.observed)
    if row.unit == "ratio":
        return numbers.ratio(row.observed, bounds)
    return numbers.count(row.observed)


def interval(row: RuleRecord, bounds: tuple[float, ...]) -> str:
    """The 90 % interval of what a rule observed; empty where there is none."""
    low, high = row.low90, row.high90
    if low is None or high is None:
        return ""
    if row.unit == "share":
        return numbers.percent_range(low, high, _decimals(row), bounds)
    if row.unit == "points":
        return numbers.number_range(low * 100, high * 100)
    return (
        numbers.ratio_range(low, high, bounds) if row.unit == "ratio" else numbers.number_range(low, high, 0)
    )


def anchor(rule: str) -> str:
    """The id of a rule's row, safe as a link target."""
    return "rule-" + "".join(
        character for character in rule.lower() if character.isascii() and character.isalnum()
    )


def _row(result: AuditResult, row: RuleRecord) -> RuleRow:
    bounds = facts.limits(result, row.id)
    mark = words.mark(row)
    link, link_text = _EVIDENCE.get(row.id, ("", ""))
    if row.id in _PLANNED and result.verdict is Outcome.INCONCLUSIVE and result.planner:
        link, link_text = "plan", "Planner"
    if mark == "not_judged" or not _is_there(link, result):
        link = ""
    return RuleRow(
        mark=mark,
        word=words.WORDS[mark],
        id=row.id,
        anchor=anchor(row.id),
        title=text.one_line(row.title),
        reason=stated.told(row),
        observed=observed(row, bounds),
        interval=interval(row, bounds),
        required=text.glued(row.required) or numbers.NONE,
        n=numbers.count(row.n),
        p=numbers.p_bare(row.p),
        link=link,
        link_text=link_text,
    )


def _is_there(link: str, result: AuditResult) -> bool:
    """Whether the section of a link is shown: parts of the data only where some were tested."""
    start, _, family = link.partition("-")
    return start != "parts" or bool(facts.tested_parts(result, family))


def _decimals(row: RuleRecord) -> int:
    return 0 if row.id in _WHOLE_PERCENT else 1
