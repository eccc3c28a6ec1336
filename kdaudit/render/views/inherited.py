"""Section 6: the errors that only teacher and student make, by pair of classes and one by one."""

from __future__ import annotations

import base64
import io
import math
import re
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

from kdaudit import numbers
from kdaudit.numerics import plural
from kdaudit.render import charts, comparison, facts, findings, text
from kdaudit.schema import AuditResult, InheritedExample, InheritedRecord

_MOST_PAIRS = 20
_MOST_FEATURES = 8
_COARSE = 64
_MOST_SURPRISING = 1_000_000
# A bar of one or two errors must not look like many.
_SHORTEST_AXIS = 10.0
_PICTURE = re.compile(r"data:image/(?:png|jpeg|webp|gif);base64,[A-Za-z0-9+/]+={0,2}")


@dataclass(frozen=True, slots=True)
class PairRow:
    """Inherited errors of one pair of classes: a bar of `bar` width and a tick at `chance`."""

    pair: str
    n: str
    expected: str
    bar: str
    chance: str
    strong: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """Who says what, how surely; `bar` of 100 shows it, None where there is nothing to show."""

    who: str
    says: str
    confidence: str
    bar: float | None = None


@dataclass(frozen=True, slots=True)
class ExampleCard:
    """One inherited error; `picture` is a data URI, empty where there is none; `coarse` ones keep their pixels.

    `anchor` is where other parts of the page link to.
    """

    anchor: str
    id: str
    label: str
    picture: str
    alt: str
    coarse: bool
    text: str
    features: tuple[str, ...]
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class InheritedView:
    """Pairs and gallery; both empty where there is nothing to show."""

    finding: str
    pairs: tuple[PairRow, ...]
    caption: str
    total: str
    total_expected: str
    cards: tuple[ExampleCard, ...]
    gallery: str
    note: str
    left_out: str
    origin: str
    since: str


def inherited(result: AuditResult) -> InheritedView:
    """The inherited errors of an audit."""
    record, finding = result.inherited, findings.of_inherited(result)
    if record is None or record.n == 0:
        return InheritedView(finding, (), "", "", "", (), "", "", "", _origin(result), _since(result))
    shown = record.fdr <= facts.LARGEST_FDR
    left_out = (
        ""
        if shown
        else (
            "The examples are in audit.json. Chance alone explains so many of them that a gallery would suggest "
            "a meaning that they do not have."
        )
    )
    cards = tuple(_card(result, record, place) for place in range(len(record.examples) if shown else 0))
    return InheritedView(
        finding,
        _pairs(result, record),
        _caption(record),
        numbers.count(record.n),
        numbers.number(record.expected_by_chance),
        cards,
        f"{numbers.count(len(cards))} of {plural(record.n, 'inherited error')}",
        _note(record),
        left_out,
        _origin(result),
        _since(result),
    )


def _since(result: AuditResult) -> str:
    return "" if result.baseline is None else comparison.since(result.baseline)


def _pairs(result: AuditResult, record: InheritedRecord) -> tuple[PairRow, ...]:
    ranked = sorted(record.pairs, key=lambda pair: (-pair.n, pair.label, pair.answer))
    ranked, others = ranked[:_MOST_PAIRS], ranked[_MOST_PAIRS:]
    longest = max([_SHORTEST_AXIS, *(max(pair.n, pair.expected_by_chance) for pair in ranked)])
    scale = charts.Scale(low=0.0, high=max(longest * 1.06, 1e-9))
    rows = [
        PairRow(
            f"{facts.class_name(result, pair.label)} → {facts.class_name(result, pair.answer)}",
            numbers.count(pair.n),
            numbers.number(pair.expected_by_chance),
            scale.x(pair.n),
            scale.x(pair.expected_by_chance),
            pair.n > max(4 * pair.expected_by_chance, 4),
        )
        for pair in ranked
    ]
    if others:
        n, expected = sum(pair.n for pair in others), sum(pair.expected_by_chance for pair in others)
        rows.append(
            PairRow(
                f"{plural(len(others), 'other pair')}, in audit.json",
                numbers.count(n),
                numbers.number(expected),
                "",
                "",
                strong=False,
            )
        )
    return tuple(rows)


def _caption(record: InheritedRecord) -> str:
    others = "no control makes" if record.tau == 0 else f"at most {plural(record.tau, 'control')} make"
    return f"Errors that teacher and student share and {others}, by pair of classes."


def _note(record: InheritedRecord) -> str:
    if record.fdr < 0.005:
        chance = "Almost none of them would also arise by chance"
    else:
        chance = f"About {numbers.percent(record.fdr)} of them would also arise by chance"
    sound = ""
    if record.sample_rate is not None:
        sound = f" Waveform above, spectrogram below (0 to {record.sample_rate / 2000:g} kHz)."
    first, surprise, rest = "Those where the student is most certain.", "", ""
    if all(example.surprise is not None for example in record.examples):
        first = "Those first that networks without this teacher would hardly answer so."
        surprise = " Surprise is the probability that controls give to this answer (geometric mean)."
        rest = " All of them stand in inherited.csv."
    return (
        f"{first} Under each: its label, then who answers what and with which confidence (controls: mean).{sound}"
        f"{surprise} {chance}; the list says where to look, not that each case was copied.{rest}"
    )


def _card(result: AuditResult, record: InheritedRecord, place: int) -> ExampleCard:
    example, names, is_sound = record.examples[place], record.feature_names, record.sample_rate is not None
    said = "; ".join(f"{numbers.count(row.n)} {_short(result, row.answer)}" for row in example.controls)
    answer = _short(result, example.answer)
    width = _width(example.image)
    surprise = () if example.surprise is None else (Answer("Surprise", _one_in(example.surprise), ""),)
    return ExampleCard(
        anchor=facts.gallery_anchor(place),
        id=text.short(example.id),
        label=_short(result, example.label),
        picture=example.image if example.image and width else "",
        alt=f"Example {text.short(example.id)}: {'sound of ' if is_sound else ''}{_short(result, example.label)}",
        coarse=0 < width < _COARSE,
        text=text.clean(example.text or ""),
        features=_features(example, names),
        answers=(
            _answer("Teacher", answer, example.teacher_confidence),
            _answer("Student", answer, example.student_confidence),
            _answer("Controls", said or numbers.NONE, example.controls_confidence),
            *surprise,
        ),
    )


def _answer(who: str, says: str, confidence: float) -> Answer:
    return Answer(who, says, numbers.percent(confidence), 100 * confidence)


def _one_in(surprise: float) -> str:
    """A surprise in nats as odds: 1 in exp(surprise), with two significant digits."""
    if surprise > math.log(_MOST_SURPRISING):
        return f"1 in over {numbers.count(_MOST_SURPRISING)}"
    odds = math.exp(surprise)
    return f"1 in {numbers.count(round(odds, 1 - math.floor(math.log10(odds)) if odds >= 10 else 1))}"


def _short(result: AuditResult, index: int) -> str:
    """A class for a narrow card; the table of pairs has its whole name."""
    return text.short(facts.class_name(result, index))


def _width(picture: str | None) -> int:
    """The width of a picture in px; 0 where it is not a picture that may be shown."""
    if not picture or not _PICTURE.fullmatch(picture):
        return 0
    try:
        return Image.open(io.BytesIO(base64.b64decode(picture.partition(",")[2]))).width
    except (UnidentifiedImageError, ValueError, OSError):
        return 0


def _features(example: InheritedExample, names: tuple[str, ...]) -> tuple[str, ...]:
    """The first numbers, each with its name if it has one, and how many more there are."""
    found = example.features or ()
    values = [f"{value:.4g}".replace("-", numbers.MINUS) for value in found[:_MOST_FEATURES]]
    if len(names) == len(found):
        values = [f"{text.short(name)} {value}" for name, value in zip(names, values, strict=False)]
    hidden = len(found) - _MOST_FEATURES
    return (*values, f"and {numbers.count(hidden)} more") if hidden > 0 else tuple(values)


def _origin(result: AuditResult) -> str:
    """Whether the errors come from this teacher, with the number that says so."""
    did = result.did
    if did is None or did.estimate is None:
        return ""
    share = numbers.percent_with_range(did.estimate, did.low90, did.high90)
    p = f", {numbers.p_value(did.p)}" if did.p is not None else ""
    if did.p is not None and did.p > facts.limit(result, "alpha"):
        return (
            "Where from? Nothing points to this teacher: on its errors the student agrees no more with it than with "
            f"the controls, beyond what controls do among themselves and chance allows ({share} of what they leave{p})."
        )
    proven = (
        "So they come from this teacher."
        if result.attribution == "this_teacher"
        else "This does not prove that they come from this teacher: students of other teachers may share them."
    )
    more = "more" if did.estimate >= 0 else "less"
    return (
        f"Where from? On the teacher’s errors the student agrees {more} with this teacher than with the controls: "
        f"by {share} of what controls leave, beyond what controls do among themselves{p}. {proven}"
    )
