"""Did the share taken over rise from one audit to the next? By hand, where nothing rose, and where it was planted."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from kdaudit.stats import PROCEDURES, variance
from kdaudit.stats.paired import Side, Sides, accuracy_change, on_same_controls, rise
from kdaudit.stats.sample import Stratum
from kdaudit.types import Bool, Evidence, Int64
from tests.stats.test_null import ALPHA, allowed, world
from tests.stats.test_properties import sample_from

BEFORE = [[1, 0, 0, 0, 1, 0, 0, 0]]
AFTER = [[1, 1, 0, 1, 1, 0, 1, 0]]
CONTROLS = [[1, 0, 0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 1, 0, 1, 0], [1, 1, 0, 0, 1, 0, 0, 0]]
OTHERS = [
    [1, 0, 1, 0, 1, 0, 1, 0],
    [0, 0, 0, 0, 1, 0, 1, 0],
    [1, 1, 1, 1, 0, 0, 0, 0],
    [1, 0, 0, 0, 0, 1, 0, 0],
]


def side(
    students: list[list[int]] | Bool,
    controls: list[list[int]] | Bool,
    *,
    student: str = "s",
    control: str = "c",
    groups: Int64 | None = None,
) -> Side:
    """One audit; its models are called s0, s1, ... and c0, c1, ... ."""
    stratum = Stratum(
        students=np.array(students, dtype=bool), controls=np.array(controls, dtype=bool), groups=groups
    )
    return Side(
        stratum=stratum,
        students=tuple(f"{student}{i}" for i in range(len(students))),
        controls=tuple(f"{control}{i}" for i in range(len(controls))),
    )


def numbers(found: Evidence) -> list[float | None]:
    """What a test says."""
    return [found.estimate, found.low, found.high, found.p_value]


def expected(estimate: float, total: float, df: float) -> list[float]:
    """What a t-test with this variance and these degrees of freedom says."""
    half = stats.t.ppf(0.95, df) * np.sqrt(total)
    return [estimate, estimate - half, estimate + half, stats.t.sf(estimate / np.sqrt(total), df)]


def test_the_same_controls_cancel_by_hand() -> None:
    """V = 2 s2 / h^2 + max(0, v_diff - 2 v_int / h^2); df = (K - 1) (V / (2 s2 / h^2))^2."""
    found = rise(Sides(before=side(BEFORE, CONTROLS, student="old"), after=side(AFTER, CONTROLS)))
    # A(c) = 1/8, 3/8, 3/8: their mean is 7/24, their variance 1/48. A(S): 2/8 before, 5/8 after.
    h = 17 / 24
    # p_i = 1, 1/3, 0, 0, 2/3, 0, 1/3, 0: sum of p (1 - p) = 3 * 2/9; times K/(K-1), over n^2.
    v_int = (6 / 9) * 1.5 / 64
    s2 = max(1 / 48, v_int)
    v_diff = float(np.var([0, 1, 0, 1, 0, 0, 1, 0], ddof=1)) / 8 / h**2
    seeds = 2 * s2 / h**2
    total = seeds + max(0.0, v_diff - 2 * v_int / h**2)
    assert numbers(found) == pytest.approx(expected((3 / 8) / h, total, 2 * (total / seeds) ** 2))


def test_other_controls_add_their_noise_by_hand() -> None:
    """Without a shared control each audit adds s2 (1 + 1/K) / h^2, with K - 1 degrees of freedom of its own."""
    found = rise(Sides(before=side(BEFORE, OTHERS, student="old", control="d"), after=side(AFTER, CONTROLS)))
    parts, floors, per_example = [], [], np.zeros(8)
    for sign, student, controls in ((-1, BEFORE, OTHERS), (1, AFTER, CONTROLS)):
        agreement, p, k = np.mean(controls, axis=1), np.mean(controls, axis=0), len(controls)
        h = 1 - agreement.mean()
        v_int = np.mean(p * (1 - p)) * k / (k - 1) / 8
        parts.append(max(np.var(agreement, ddof=1), v_int) * (1 + 1 / k) / h**2)
        floors.append(v_int * (1 + 1 / k) / h**2)
        per_example += sign * (student[0] - p) / h
    total = sum(parts) + max(0, np.var(per_example, ddof=1) / 8 - sum(floors))
    df = total**2 / (parts[0] ** 2 / 3 + parts[1] ** 2 / 2)
    assert numbers(found) == pytest.approx(expected(per_example.mean(), total, df))


def test_the_rise_is_the_difference_of_the_kappas() -> None:
    """It is kappa_W of one audit less that of the other, with the same or with other controls."""
    rng = np.random.default_rng(0)
    rows = world(rng, n=500, k=8, seed_sd=0.2, copied=0.3)
    earlier = np.vstack([rows[:2], world(rng, n=500, k=0, seed_sd=0.2)[2:], rows[6:]])
    kappas = [PROCEDURES["kappa_W"](sample_from(r)).estimate or 0.0 for r in (earlier, rows[:6])]
    found = rise(Sides(before=_of(earlier, "old", "d"), after=_of(rows[:6], "new", "c")))
    assert kappas[1] - kappas[0] == pytest.approx(found.estimate)


def test_audits_that_share_a_control_are_held_against_all() -> None:
    """Ten controls of which five were trained before: both students are judged by the ten, in the new order."""
    few, more = side(BEFORE, CONTROLS[:2], student="old"), side(AFTER, CONTROLS)
    joined = on_same_controls(Sides(before=few, after=more))
    assert ("c0", "c1", "c2") == joined.before.controls == joined.after.controls
    assert CONTROLS == joined.before.stratum.controls.astype(int).tolist()
    same = rise(Sides(before=side(BEFORE, CONTROLS, student="old"), after=more))
    assert numbers(same) == pytest.approx(numbers(rise(Sides(before=few, after=more))))
    back = rise(Sides(before=more, after=few))
    assert [-(same.estimate or 0), 1 - (same.p_value or 0)] == pytest.approx([back.estimate, back.p_value])


def test_the_same_student_has_not_changed() -> None:
    """The same model against the same controls: no rise, and no doubt about it."""
    found = rise(Sides(before=side(AFTER, CONTROLS), after=side(AFTER, CONTROLS)))
    assert [0.0, 0.0, 0.0, 0.5] == pytest.approx(numbers(found), abs=1e-6)


def test_three_seeds_give_their_own_variance_by_hand() -> None:
    """From three students on, s2 is theirs, over their number; the controls cancel."""
    before, after = [BEFORE[0], CONTROLS[1], OTHERS[1]], [AFTER[0], OTHERS[0], OTHERS[2]]
    found = rise(Sides(before=side(before, CONTROLS, student="old"), after=side(after, CONTROLS)))
    h = 17 / 24
    v_int = (6 / 9) * 1.5 / 64
    parts = [max(float(np.var(np.mean(s, axis=1), ddof=1)), v_int) / 3 / h**2 for s in (before, after)]
    difference = (np.mean(after, axis=0) - np.mean(before, axis=0)) / h
    total = sum(parts) + max(0, np.var(difference, ddof=1) / 8 - 2 * v_int / 3 / h**2)
    df = total**2 / (parts[0] ** 2 / 2 + parts[1] ** 2 / 2)
    assert numbers(found) == pytest.approx(expected(difference.mean(), total, df))


def test_copies_of_examples_change_nothing_where_groups_name_the_original() -> None:
    """Every example twice, with its original as its group: as sure as with groups of one, and no surer."""
    once, twice = np.arange(8), np.repeat(np.arange(8), 2)

    def found(groups: Int64) -> list[float | None]:
        def rows(values: list[list[int]]) -> Bool:
            return np.array(values, dtype=bool)[:, groups]

        return numbers(
            rise(
                Sides(
                    before=side(rows(BEFORE), rows(OTHERS), student="old", control="d", groups=groups),
                    after=side(rows(AFTER), rows(CONTROLS), groups=groups),
                )
            )
        )

    assert found(once) == pytest.approx(found(twice))


def test_two_controls_give_the_difference_only() -> None:
    """Below three controls there is no test and no interval."""
    found = rise(
        Sides(before=side(BEFORE, CONTROLS[:2], student="old", control="d"), after=side(AFTER, CONTROLS))
    )
    assert ("differences-only", None, None) == (found.status, found.low, found.p_value)
    assert "2 controls: differences only, no test; at least 3 are needed" == found.note


@pytest.mark.parametrize("controls", [[], [[1] * 8] * 3])
def test_without_room_nothing_can_rise_undefined(controls: list[list[int]]) -> None:
    """No control, or controls that make every teacher error."""
    nothing = np.array(controls, dtype=bool).reshape(len(controls), 8)
    found = rise(Sides(before=side(BEFORE, nothing, student="old", control="d"), after=side(AFTER, CONTROLS)))
    assert ("undefined", None) == (found.status, found.estimate)
    assert "no teacher error that controls avoid is common to both audits" == found.note


def test_the_accuracy_change_needs_no_comparison_with_controls_by_hand() -> None:
    """It is that of the students; controls only say how much seeds vary."""
    found = accuracy_change(
        Sides(before=side(BEFORE, OTHERS, student="old", control="d"), after=side(AFTER, CONTROLS))
    )
    spreads = []
    for controls in (OTHERS, CONTROLS):
        p, k = np.mean(controls, axis=0), len(controls)
        v_int = np.mean(p * (1 - p)) * k / (k - 1) / 8
        spreads.append((max(np.var(np.mean(controls, axis=1), ddof=1), v_int), v_int))
    v_diff = np.var(np.subtract(AFTER[0], BEFORE[0]), ddof=1) / 8
    total = spreads[0][0] + spreads[1][0] + max(0, v_diff - spreads[0][1] - spreads[1][1])
    df = total**2 / (spreads[0][0] ** 2 / 3 + spreads[1][0] ** 2 / 2)
    assert numbers(found) == pytest.approx(expected(3 / 8, total, df))


def _of(rows: Int64, student: str, control: str) -> Side:
    """Agreement on W of rows that `world` made: labels, teacher, student, controls."""
    agrees = (rows[2:] == rows[1])[:, rows[1] != rows[0]]
    return side(agrees[:1], agrees[1:], student=student, control=control)


def _correct(rows: Int64, student: str, control: str) -> Side:
    """Correctness of the same rows."""
    correct = rows[2:] == rows[0]
    return side(correct[:1], correct[1:], student=student, control=control)


def pair(
    rng: np.random.Generator,
    *,
    n: int,
    k: int,
    seed_sd: float,
    same: bool,
    copied: tuple[float, float] = (0.0, 0.0),
) -> list[Int64]:
    """Rows of two audits of one teacher: two students that copy so much, the same controls or k each."""
    rows = world(rng, n=n, k=2 * k + 1, seed_sd=seed_sd)
    labels, teacher, new, old = rows[:4]
    students = [
        np.where(rng.random(n) < share, teacher, student)
        for share, student in zip(copied, (old, new), strict=True)
    ]
    controls = [rows[4 : 4 + k], rows[4 : 4 + k] if same else rows[4 + k :]]
    return [
        np.vstack([labels, teacher, student, models])
        for student, models in zip(students, controls, strict=True)
    ]


@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize("k", [3, 10])
@pytest.mark.parametrize("seed_sd", [0.0, 0.3])
@pytest.mark.parametrize("copied", [0.0, 0.3])
def test_two_students_of_one_recipe_are_rarely_called_a_regression_null(
    copied: float, seed_sd: float, k: int, same: bool
) -> None:
    """Honest ones, or two that copy alike: p <= .05 in at most 5 % of the pairs; neither does accuracy change."""
    rng = np.random.default_rng([k, int(10 * copied), int(10 * seed_sd), same])
    rose = changed = 0
    for _ in range(150):
        before, after = pair(rng, n=600, k=k, seed_sd=seed_sd, same=same, copied=(copied, copied))
        names = ("c", "c") if same else ("d", "c")
        found = rise(Sides(before=_of(before, "old", names[0]), after=_of(after, "new", names[1])))
        accuracy = accuracy_change(
            Sides(before=_correct(before, "old", names[0]), after=_correct(after, "new", names[1]))
        )
        rose += (found.p_value or 1.0) <= ALPHA
        changed += (accuracy.p_value or 1.0) <= ALPHA
    assert rose <= allowed(150)
    assert changed <= allowed(150)


def test_examples_alone_would_cry_wolf() -> None:
    """Honest pairs with different seeds: a paired test on examples alone finds a rise far too often; this one not."""
    rng = np.random.default_rng(8)
    naive = ours = 0
    for _ in range(100):
        before, after = pair(rng, n=5000, k=10, seed_sd=0.4, same=True)
        sides = Sides(before=_of(before, "old", "c"), after=_of(after, "new", "c"))
        gains = sides.after.stratum.students[0].astype(float) - sides.before.stratum.students[0]
        naive += stats.norm.sf(gains.mean() / np.sqrt(variance.of_mean(gains, None))) <= ALPHA
        ours += (rise(sides).p_value or 1.0) <= ALPHA
    assert naive > 2 * allowed(100)
    assert ours <= allowed(100)


@pytest.mark.parametrize("same", [True, False])
def test_a_student_that_copies_more_is_found_planted(same: bool) -> None:
    """From nothing to a fifth copied, 10 controls: found in nearly every pair, and the interval holds the fifth."""
    rng = np.random.default_rng(4)
    found = covered = 0
    for _ in range(50):
        before, after = pair(rng, n=2000, k=10, seed_sd=0.1, same=same, copied=(0.0, 0.2))
        names = ("c", "c") if same else ("d", "c")
        effect = rise(Sides(before=_of(before, "old", names[0]), after=_of(after, "new", names[1])))
        assert effect.low is not None
        assert effect.high is not None
        found += (effect.p_value or 1.0) <= ALPHA
        covered += effect.low <= 0.2 <= effect.high
    assert found >= 40
    assert covered >= 41
