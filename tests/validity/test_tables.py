"""Pages are filled between markers, and shares read as shares."""

from __future__ import annotations

from pathlib import Path

import pytest

from validity import simulated, tables
from validity.simulated import Cell, rates_of
from validity.summary import upper_bound, write
from validity.worlds import World


def test_a_table_replaces_what_stands_between_its_markers(tmp_path: Path) -> None:
    """The text around stays; results of two small worlds give a row for each number of controls."""
    worlds = [World(n=300, n_controls=20, seed_sd=0.1, error=0.2, copied=c) for c in (0.0, 0.3)]
    found = [
        rates for world in worlds for rates in rates_of(Cell(world=world, n_worlds=4), lambda _event: None)
    ]
    write(tmp_path / "simulated.jsonl", found)
    page = tmp_path / "page.md"
    page.write_text(
        "before\n<!-- null -->\nSTALE\n<!-- end -->\nbetween\n<!-- copied -->\n<!-- end -->\nafter\n"
    )
    tables.fill(page, tmp_path)
    once = page.read_text()
    assert "STALE" not in once
    assert 2 * (2 + len(simulated.CONTROLS)) == once.count("\n| ")
    assert once.startswith("before\n<!-- null -->\n")
    assert once.endswith("<!-- end -->\nafter\n")
    tables.fill(page, tmp_path)
    assert once == page.read_text()


@pytest.mark.parametrize("name", tables.TABLES)
def test_the_page_has_every_table(name: str) -> None:
    """docs/validity.md holds a filled table of each name."""
    page = (Path(__file__).parents[2] / "docs" / "validity.md").read_text(encoding="utf-8")
    _, _, rest = page.partition(f"<!-- {name} -->\n")
    assert rest.partition("<!-- end -->")[0].count("\n| ") > 3


def test_an_upper_bound_by_hand() -> None:
    """None in n: 1 - .05^(1/n); all: 1."""
    assert upper_bound(0, 60) == pytest.approx(1 - 0.05 ** (1 / 60))
    assert upper_bound(5, 5) == 1.0
