"""Classes, pairs and slices: found where they are, quiet where nothing is, undefined where too little is."""

from __future__ import annotations

import numpy as np
import pytest

from kdaudit.stats.knowledge import kappa
from kdaudit.stats.parts import parts
from kdaudit.stats.sample import Sample
from kdaudit.types import Int64, PartEvidence
from tests.panels import panel_of_answers, sample_of

N, CLASSES, CONTROLS = 3000, 5, 8


def world(seed: int, *, copied_class: int | None = None, lost_class: int | None = None) -> Sample:
    """Models that are right in .8 of cases apart from each other; the student copies, or fails, in one class."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(CLASSES, size=N)

    def independent() -> Int64:
        other = (labels + rng.integers(1, CLASSES, size=N)) % CLASSES
        return np.where(rng.random(N) < 0.8, labels, other)

    teacher, student = independent(), independent()
    if copied_class is not None:
        copied = (labels == copied_class) & (teacher != labels) & (rng.random(N) < 0.7)
        student = np.where(copied, teacher, student)
    if lost_class is not None:
        lost = (labels == lost_class) & (rng.random(N) < 0.3)
        student = np.where(lost, (labels + 1) % CLASSES, student)
    panel = panel_of_answers(
        labels=labels,
        teacher=teacher,
        students=[student],
        independent=[independent() for _ in range(CONTROLS)],
        n_classes=CLASSES,
    )
    return sample_of(panel)


def of_family(found: tuple[PartEvidence, ...], family: str) -> list[PartEvidence]:
    """The parts of one family."""
    return [part for part in found if part.family == family]


def test_a_class_that_was_copied_is_found_planted() -> None:
    """70 % of the teacher's errors in class 2 were copied: its q is by far the smallest, its estimate near .7."""
    classes = of_family(parts(world(0, copied_class=2), columns={}, class_names=()), "class")
    first, second, *_ = sorted(classes, key=lambda part: part.q_kappa_W or 1.0)
    assert ("class 2", 2) == (first.name, first.label)
    assert (first.q_kappa_W or 1.0) < 1e-6
    assert (second.q_kappa_W or 1.0) > 0.01
    assert first.kappa_W is not None
    assert first.kappa_W.estimate == pytest.approx(0.7, abs=0.12)


def test_a_class_that_got_worse_is_found_planted() -> None:
    """Three in ten right answers of class 1 were lost: that class alone, by about 24 points."""
    classes = of_family(parts(world(1, lost_class=1), columns={}, class_names=()), "class")
    found = {part.label: part for part in classes if (part.q_lost or 0.0) <= 0.10}
    assert {1} == found.keys()
    lost = found[1].lost
    assert lost is not None
    assert lost.estimate == pytest.approx(0.24, abs=0.05)


def test_false_discoveries_stay_rare_null() -> None:
    """Honest students: a class, pair or slice with q <= .10 in no more of 100 worlds than 10 % allow (99.9 % bound)."""
    rng = np.random.default_rng(5)
    alarms = {"class": 0, "pair": 0, "slice": 0}
    for seed in range(100):
        column = rng.integers(4, size=N).astype(str)
        found = parts(world(100 + seed), columns={"place": column}, class_names=())
        for family in alarms:
            alarms[family] += any((p.q_kappa_W or 1.0) <= 0.10 for p in of_family(found, family))
    assert max(alarms.values()) <= 20, alarms


def test_the_numbers_are_those_of_the_part_alone_by_reference() -> None:
    """kappa_W of a class is kappa_W of an audit of its examples."""
    sample = world(3, copied_class=4)
    classes = of_family(parts(sample, columns={}, class_names=()), "class")
    for part in classes:
        members = np.flatnonzero(sample.panel.labels == part.label)
        alone = kappa("kappa_W", sample.stratum(wrong=True, within=members))
        assert part.kappa_W is not None
        assert (alone.estimate, alone.p_value, alone.n) == (
            part.kappa_W.estimate,
            part.kappa_W.p_value,
            part.n_W,
        )


def test_pairs_and_classes_add_up() -> None:
    """The teacher errors of a class are those of its pairs; slices part the data."""
    sample = world(4)
    column = np.where(np.arange(N) % 3 == 0, "day", "night")
    found = parts(sample, columns={"time": column}, class_names=["a", "b", "c", "d", "e"])
    for part in of_family(found, "class"):
        pairs = [p for p in of_family(found, "pair") if p.label == part.label]
        assert part.n_W == sum(p.n_W for p in pairs)
        assert part.repeated == pytest.approx(sum(p.repeated or 0.0 for p in pairs))
    assert "a \u2192 b" in {p.name for p in of_family(found, "pair")}
    slices = of_family(found, "slice")
    assert ["time = day", "time = night"] == [p.name for p in slices]
    assert N == sum(p.n for p in slices)


def test_below_twenty_errors_nothing_is_tested_undefined() -> None:
    """A slice of 30 examples with 6 teacher errors has an accuracy and no kappa_W; one of 10 is not there."""
    sample = world(6)
    column = np.full(N, "rest", dtype="<U5")
    column[:30], column[30:40] = "small", "tiny"
    found = {p.value: p for p in of_family(parts(sample, columns={"size": column}, class_names=()), "slice")}
    assert {"rest", "small"} == found.keys()
    assert found["small"].n_W < 20
    assert found["small"].kappa_W is None
    assert found["small"].lost is not None


def test_clusters_count_as_one_undefined() -> None:
    """Forty copies of one example are one: no test of that slice."""
    sample = world(7)
    column = np.where(np.arange(N) < 40, "copies", "rest")
    groups = np.where(np.arange(N) < 40, 0, np.arange(N))
    panel = panel_of_answers(
        labels=sample.panel.labels,
        teacher=sample.panel.answers[0].astype(np.int64),
        students=[sample.panel.answers[1].astype(np.int64)],
        independent=[row.astype(np.int64) for row in sample.panel.answers[2:]],
        n_classes=CLASSES,
        groups=groups,
    )
    found = of_family(parts(sample_of(panel), columns={"kind": column}, class_names=()), "slice")
    assert ["rest"] == [p.value for p in found]


def test_fewer_than_three_controls_test_nothing_undefined() -> None:
    """Differences without a test are no finding."""
    sample = world(8)
    few = Sample(panel=sample.panel, students=sample.students, independent=sample.independent[:2])
    assert () == parts(few, columns={}, class_names=())


def test_each_family_is_adjusted_by_itself_by_hand() -> None:
    """The i-th smallest of m p-values of a family becomes min over j >= i of m p(j) / j, whatever others hold."""
    column = np.where(np.arange(N) % 2 == 0, "even", "odd")
    found = parts(world(5, copied_class=2), columns={"half": column}, class_names=())
    for family in ("class", "slice"):
        tested = [(p.kappa_W.p_value, p.q_kappa_W) for p in found if p.family == family and p.kappa_W]
        p_values, q_values = zip(*sorted(tested), strict=True)
        m = len(p_values)
        by_hand = [min(m * p_values[j] / (j + 1) for j in range(i, m)) for i in range(m)]
        assert by_hand == pytest.approx(q_values)
        assert len(tested) == {"class": CLASSES, "slice": 2}[family]


def test_a_teacher_without_errors_has_no_pairs_undefined() -> None:
    """Nothing was taken over anywhere; classes are still compared."""
    sample = world(9)
    panel = panel_of_answers(
        labels=sample.panel.labels,
        teacher=sample.panel.labels,
        students=[sample.panel.answers[1].astype(np.int64)],
        independent=[row.astype(np.int64) for row in sample.panel.answers[2:]],
        n_classes=CLASSES,
    )
    found = parts(sample_of(panel), columns={}, class_names=())
    assert {"class"} == {part.family for part in found}
    assert all(part.kappa_W is None and part.lost is not None for part in found)
