from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grounding.build import ground
from grounding.population.margins import target
from grounding.privacy.guard import Guard
from grounding.spec import GroundSpec
from personas import document
from personas.errors import DataError
from reference_data import MarginTable

GROUND = """
panel: grouped
persons: 10
survey:
  file: people.csv
  codebook: book.yaml
  id: id
  attributes:
    age: {column: age}
margins:
  - table: us_age_sex_2022
    attributes: {age: age}
    bins: {age: {18 - 34: [18, 34], 35 and up: [35, 120]}}
"""


def test_a_survey_that_holds_age_groups_meets_a_table_of_single_years(tmp_path: Path) -> None:
    rows = [f"p{i},{['18 - 34', '35 and up'][i % 4 == 0]},{['a', 'b'][i % 3 == 0]}" for i in range(40)]
    (tmp_path / "people.csv").write_text("id,age,q\n" + "\n".join(rows) + "\n", encoding="utf-8")
    book = "source: test\nquestions:\n  - {name: q, text: 'Which?', options: [a, b]}\n"
    (tmp_path / "book.yaml").write_text(book, encoding="utf-8")
    spec, guard = document.parse(GROUND, GroundSpec, "g"), Guard(lambda _, ids: tuple(ids))
    found = ground(spec, tmp_path, tmp_path, guard, lambda line: None).weighting
    assert {m.cell[0] for m in found.margins} == {"18 - 34", "35 and up"}
    assert found.largest_margin_error is not None
    assert found.largest_margin_error < 1e-6


def ages(*rows: tuple[str, float]) -> MarginTable:
    about = dict.fromkeys(("source", "vintage", "licence", "retrieved", "note"), "")
    return MarginTable("own", "", ("age",), tuple(((age,), n) for age, n in rows), "people", **about)


GROUPED = ages(
    ("0-14", 10), ("15-19", 4), ("20 to 24", 6), ("25 bis 44", 20), ("45–64", 25), ("65 und älter", 15)
)


def cut(table: MarginTable, bins: dict[str, tuple[float, float]]) -> dict[str, float]:
    found = target(table, {"age": "age_group"}, {}, {"age_group": bins})
    return {cell[0]: float(s) for cell, s in zip(found.cells, found.shares * found.total, strict=True)}


@pytest.mark.parametrize("oldest", [85, 89, 120])
def test_bins_add_up_groups_of_ages_that_they_hold_whole(oldest: int) -> None:
    bins = {"15-24": (15, 24), "25-64": (25.0, 64.0), "65 and over": (65, oldest)}
    assert cut(GROUPED, bins) == pytest.approx({"15-24": 10, "25-64": 45, "65 and over": 15})


@pytest.mark.parametrize(
    ("bins", "expected"),
    [
        ({"18-24": (18, 24), "25+": (25, 120)}, "bin '18-24' (18 to 24) cuts through '15-19', which"),
        ({"15-74": (15, 74)}, "bin '15-74' (15 to 74) cuts through '65 und älter', which the table counts"),
        ({"70+": (70, 120)}, "bin '70+' (70 to 120) cuts through '65 und älter'"),
        ({"30-40": (30, 40)}, "begin and end where its groups do: '0-14', '15-19', '20 to 24'"),
    ],
)
def test_bins_that_cut_through_a_group_are_refused(
    bins: dict[str, tuple[float, float]], expected: str
) -> None:
    with pytest.raises(DataError) as caught:
        cut(GROUPED, bins)
    assert expected in str(caught.value)


def test_bins_need_numbers_and_cover_some_row() -> None:
    with pytest.raises(DataError, match="bins need numbers or ranges of them, the table has 'young'"):
        cut(ages(("young", 3), ("20-29", 3)), {"20-29": (20, 29)})
    with pytest.raises(DataError, match=r"bin '200 and over' \(200 to 300\) covers no official row"):
        cut(ages(("20-29", 3), ("30-39", 3)), {"200 and over": (200, 300)})


@given(st.lists(st.integers(1, 89), min_size=1, max_size=8, unique=True), st.integers(0, 90))
def test_single_years_and_their_groups_give_the_same_shares(starts: list[int], seed: int) -> None:
    edges = [0, *sorted(starts), 90]
    years = [(str(age), float(1 + (age * 7 + seed) % 13)) for age in range(90)]
    groups = list(pairwise(edges))
    grouped = ages(*((f"{low}-{high - 1}", sum(n for _, n in years[low:high])) for low, high in groups))
    half = len(groups) // 2
    bins = {"rest": (float(edges[half]), 89.0)} | ({"young": (0.0, edges[half] - 1.0)} if half else {})
    assert cut(grouped, bins) == pytest.approx(cut(ages(*years), bins))
