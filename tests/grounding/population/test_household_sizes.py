from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from grounding.build import Grounded, ground
from grounding.population.households import in_groups
from grounding.population.margins import Target
from grounding.privacy.guard import Guard
from grounding.spec import GroundSpec
from personas import document
from personas.errors import DataError
from personas.panel import from_columns

GROUND = """
panel: homes
persons: 10
survey:
  file: people.csv
  codebook: book.yaml
  id: id
  household: home
  attributes:
    sex: {column: sex}
tables:
  sexes: {file: sexes.csv, source: office of people}
  sizes: {file: sizes.csv, source: office of homes, unit: households, read: {decimal: ","}}
margins:
  - {table: sexes, attributes: {sex: sex}}
households:
  margins: [{table: sizes, attributes: {size: household_size}}]
as_shares: true
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """60 households of 1 to 5 persons; a German office counts them in three groups."""
    rows = [
        f"p{home}-{i},h{home},{'female' if (home + i) % 3 else 'male'},{'ab'[i % 2]}"
        for home in range(60)
        for i in range(1 + home % 5)
    ]
    (tmp_path / "people.csv").write_text("id,home,sex,q\n" + "\n".join(rows) + "\n", encoding="utf-8")
    (tmp_path / "book.yaml").write_text(
        "source: test\nquestions:\n  - {name: q, text: 'Which?', options: [a, b]}\n", encoding="utf-8"
    )
    (tmp_path / "sexes.csv").write_text("sex,count\nfemale,510\nmale,490\n", encoding="utf-8")
    (tmp_path / "sizes.csv").write_text(
        "size;count\n1;17.000\n2;14.000\n3 und mehr;9.000\n", encoding="cp1252"
    )
    return tmp_path


def built(folder: Path, text: str, said: list[str]) -> Grounded:
    spec = document.parse(text, GroundSpec, "ground.yaml")
    return ground(spec, folder, folder, Guard(lambda _, ids: tuple(ids)), said.append)


def test_households_counted_in_the_sample_meet_official_groups_of_sizes_together_with_persons(
    folder: Path,
) -> None:
    said: list[str] = []
    found = built(folder, GROUND, said)
    homes = np.array([int(i.split("-")[0][1:]) for i in found.people.ids])
    assert all(np.ptp(found.people.weights[homes == home]) < 1e-12 for home in range(60))
    of_home = np.array([found.people.weights[homes == home][0] for home in range(60)])
    sizes = np.minimum(np.arange(60) % 5, 2)
    achieved = np.bincount(sizes, weights=of_home) / of_home.sum()
    assert_allclose(achieved, np.array([17, 14, 9]) / 40, atol=1e-9)
    assert max(abs(m.weighted - m.official) for m in found.found.household_margins) < 1e-9
    assert found.weighting.largest_margin_error is not None
    assert found.weighting.largest_margin_error < 1e-9
    assert [(m.cell, m.base) for m in found.found.household_margins] == [
        (("1",), 12), (("2",), 12), (("3 und mehr",), 36)
    ]  # fmt: skip
    uncapped = found.found.tradeoff[-1]
    assert (uncapped.cap, uncapped.converged) == (None, True)
    assert uncapped.effective_base == pytest.approx(found.weighting.effective_base)
    assert found.found.tradeoff[0].worst_residual > 0.01  # a cap of 1.5 misses them, as the next test says
    assert any("weighted 60 households with 180 people to household_size, sex" in line for line in said)


def test_what_a_cap_leaves_unmet_is_said_before_the_fit_with_the_cap_that_would_do(folder: Path) -> None:
    said: list[str] = []
    found = built(folder, GROUND + "weight_cap: 1.5\n", said)
    (told,) = found.found.bounds
    assert "weights within cap 1.5 (times the mean weight) cannot meet household_size" in told
    assert "the smallest cap with which all margins can be met is" in told.casefold()
    assert f"to know: {told}" in said
    assert max(abs(m.weighted - m.official) for m in found.found.household_margins) > 0.01


def test_a_size_in_no_official_group_is_refused_as_one_of_households(folder: Path) -> None:
    (folder / "sizes.csv").write_text("size;count\n1;17\n2 bis 4;14\n", encoding="utf-8")
    with pytest.raises(
        DataError, match=r"12 households have a value .* household 'h4' has household_size: 5"
    ):
        built(folder, GROUND, [])


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        (("1", "2", "3+"), ("1", "2", "3+", "3+")),
        (("1", "2-3", "4 or more"), ("1", "2-3", "2-3", "4 or more")),
        (("one", "more"), ("1", "2", "3", "5")),
        (("1", "2"), ("1", "2", "3", "5")),
    ],
)
def test_sizes_are_put_into_the_groups_of_a_margin(
    groups: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    homes = from_columns(list("abcd"), {"size": ["1", "2", "3", "5"]}, np.ones(4))
    shares = np.full(len(groups), 1 / len(groups))
    target = Target(("size",), tuple((g,) for g in groups), shares, 1.0, "office", "", "", "households")
    found = in_groups(homes, "size", [target])
    assert tuple(found.levels[0][c] for c in found.codes[:, 0]) == expected
    assert in_groups(homes, "size", []) == homes
