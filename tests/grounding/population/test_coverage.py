from dataclasses import replace

import numpy as np
import pytest

from grounding.population.coverage import propensity_variation, report
from grounding.population.margins import Target
from personas.errors import DataError
from personas.panel import Panel, from_columns

POPULATION = "adults in the country"


def target(shares: dict[str, float], attribute: str = "age") -> Target:
    cells = tuple((value,) for value in shares)
    return Target((attribute,), cells, np.array(list(shares.values())), 1000.0, "Office", "2020", "free")


def people(counts: dict[str | None, int], attribute: str = "age") -> Panel:
    values = [value for value, n in counts.items() for _ in range(n)]
    return from_columns([str(i) for i in range(len(values))], {attribute: values}, np.ones(len(values)))


AGES = target({"young": 0.5, "old": 0.5})


def test_a_frame_like_the_population_is_said_to_be_representative():
    panel = people({"young": 100, "old": 100})
    found = report(panel, [AGES], np.ones(200), np.ones(200), "members of an online panel", POPULATION)
    assert (found.variation, found.representativity, found.base_kept) == pytest.approx((0.0, 1.0, 1.0))
    assert found.uncovered == 0.0
    assert found.sentences[0] == (
        "The people come from members of an online panel; figures are for adults in the country, who are not "
        "the same. 200 people are weighted to stand for the population by age."
    )
    assert "Every category weighted by has somebody in it." in found.sentences
    assert "Weighting corrects only what it is weighted by" in found.sentences[-1]


def test_too_many_and_too_few_are_named_with_both_shares():
    panel = people({"young": 150, "old": 50})
    final = np.where(panel.codes[:, 0] == panel.levels[0].index("young"), 2 / 3, 2.0)
    found = report(panel, [AGES], np.ones(200), final, "customers", POPULATION)
    assert found.over is not None
    assert (found.over.label, found.over.unweighted, found.over.final) == (
        "age: young",
        0.75,
        pytest.approx(0.5),
    )
    said = " ".join(found.sentences)
    assert "Most over-represented before weighting: age: young, 75.0\u00a0% of the people, officially" in said
    assert "Most under-represented before weighting: age: old, 25.0\u00a0% of the people, officially" in said
    assert said.count("officially 50.0\u00a0% (") == 2
    assert "1 of 2 categories is more than 1.5 times too many or too few" in said
    # 200 people, of whom 150 count 2/3 and 50 count 2: effective base 200^2 / (150 x 4/9 + 50 x 4) = 150.
    assert found.base_kept == pytest.approx(0.75)
    assert "Weighting leaves 75\u00a0% of the 200 people as the effective base (150)." in said
    # Chances 3 to 1 in halves of the population: mean 1, standard deviation 1/2.
    assert found.variation == pytest.approx(0.5)
    assert "could be off by up to 25 points" in said


def test_a_level_that_the_frame_does_not_reach_is_named_with_its_share():
    ages = target({"young": 0.5, "old": 0.3, "very old": 0.2})
    panel = people({"young": 80, "old": 40})
    found = report(panel, [ages], np.ones(120), np.ones(120), "customers", POPULATION)
    assert found.uncovered == pytest.approx(0.2)
    said = " ".join(found.sentences)
    assert "20.0\u00a0% of the population are in categories with nobody (age: very old)" in said
    assert "no weight can speak for them" in said
    assert found.variation is not None
    assert found.variation >= np.sqrt(1 / 0.8 - 1) - 1e-12


def test_design_weights_count_as_what_the_design_allowed_for():
    panel = people({"young": 150, "old": 50})
    base = np.where(panel.codes[:, 0] == panel.levels[0].index("young"), 1.0, 3.0)
    found = report(
        panel, [AGES], base, base, "a sample drawn with three times as many of the young", POPULATION
    )
    assert found.representativity == pytest.approx(1.0)
    assert {c.label: c.base for c in found.cells} == pytest.approx({"age: young": 0.5, "age: old": 0.5})
    assert found.base_kept < 1


def test_thin_categories_and_unknown_values_are_said():
    panel = people({"young": 100, "old": 12, None: 8})
    found = report(panel, [AGES], np.ones(120), np.ones(120), "customers", POPULATION)
    assert [c.label for c in found.thin] == ["age: old"]
    said = " ".join(found.sentences)
    assert "1 category rests on fewer than 30 people: age: old" in said
    assert "Of 8 people at least one of these attributes is not known" in said
    assert found.unknown == 8


def test_without_margins_the_people_stand_for_themselves():
    found = report(people({"young": 9}), [], np.ones(9), np.ones(9), "customers of a shop", POPULATION)
    assert (found.variation, found.representativity, found.over, found.cells) == (None, None, None, ())
    assert found.sentences == (
        "The 9 people are weighted to no official figures: they stand for customers of a shop, and say "
        "nothing about adults in the country unless these are the same.",
    )


def test_a_frame_that_is_not_stated_is_asked_for():
    panel = people({"young": 50, "old": 50})
    found = report(panel, [AGES], np.ones(100), np.ones(100), " ", "")
    assert found.sentences[0] == "The grounding file does not say under 'frame' whom its sources could reach."
    assert "The people come from the people at hand" not in found.sentences[1]
    assert "the population of the official figures" in " ".join(found.sentences)


def test_frame_and_population_that_are_the_same_are_not_said_to_differ():
    panel = people({"young": 50, "old": 50})
    found = report(panel, [AGES], np.ones(100), np.ones(100), "Adults in the country", POPULATION)
    assert "who are not the same" not in " ".join(found.sentences)
    assert found.sentences[0].startswith("Frame and population are both said to be adults in the country")


def test_modelled_people_have_no_frame():
    panel = people({"young": 50, "old": 50})
    found = report(panel, [AGES], np.ones(100), np.ones(100), "", POPULATION, modelled=True)
    (said,) = found.sentences
    assert said.startswith("There is no frame: the 100 people are made from official figures on age")
    assert "Nobody of adults in the country was reached" in said


def test_the_worked_example_of_the_variation():
    assert propensity_variation(np.ones(3), np.array([1.0, 1.0, 2.0]), 0.0) == pytest.approx(np.sqrt(1 / 9))


def test_people_without_a_final_weight_are_left_out_of_the_variation():
    assert propensity_variation(np.ones(3), np.array([1.0, 1.0, 0.0]), 0.0) == 0.0


def test_weights_of_nobody_and_values_without_a_target_are_refused():
    panel = people({"young": 5})
    with pytest.raises(ValueError, match="base and a final weight each"):
        report(panel, [AGES], np.ones(4), np.ones(4), "customers", POPULATION)
    strange = replace(panel, levels=(("other",),))
    with pytest.raises(DataError, match="other"):
        report(strange, [AGES], np.ones(5), np.ones(5), "customers", POPULATION)
