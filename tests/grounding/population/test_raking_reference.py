"""Raking against numbers from R survey 4.1-1 (R 4.2.2) and svy 0.35.0, computed on 2026-11-21."""

import numpy as np
from numpy.testing import assert_allclose

from grounding.population.margins import Target
from grounding.population.raking import fit
from grounding.population.weights import design_effect, effective_base
from personas.panel import from_columns


def margin(attributes: str, shares: dict[str, float]) -> Target:
    names = tuple(attributes.split())
    values = np.array(list(shares.values()))
    cells = tuple(tuple(cell.split()) for cell in shares)
    return Target(names, cells, values / values.sum(), float(values.sum()), "reference", "", "")


def test_the_example_of_r_survey_rake_on_the_california_schools():
    """The example of ?rake in R's survey package: the cluster sample apiclus1 of 183 schools.

    Counts of schools and sums of api00 in each cell are those of the data set; the mean of api00 under the
    raked weights and the raked weight of a school in each cell were printed by
    rake(dclus1, list(~stype, ~sch.wide), list(pop.types, pop.schwide), control = list(epsilon = 1e-9)).
    """
    schools = {"E No": 12, "E Yes": 132, "H No": 3, "H Yes": 11, "M No": 8, "M Yes": 17}
    scores = {"E No": 7156, "E Yes": 86281, "H No": 1978, "H Yes": 6682, "M No": 4851, "M Yes": 10935}
    raked = {
        "E No": 39.8392362446930,
        "E Yes": 29.8706754919752,
        "H No": 67.1255292420443,
        "H Yes": 50.3294011185593,
        "M No": 49.0690721671939,
        "M Yes": 36.7910248679482,
    }
    cells = [cell for cell, count in schools.items() for _ in range(count)]
    columns = {"stype": [c.split()[0] for c in cells], "sch.wide": [c.split()[1] for c in cells]}
    panel = from_columns([str(i) for i in range(183)], columns, np.full(183, 33.847))
    targets = [
        margin("stype", {"E": 4421, "H": 755, "M": 1018}),
        margin("sch.wide", {"No": 1072, "Yes": 5122}),
    ]
    weights = fit(panel, targets).weights * 6194 / 183
    assert_allclose(weights, [raked[c] for c in cells], rtol=1e-7)
    mean = sum(weights[cells.index(c)] * scores[c] for c in scores) / 6194
    assert_allclose(mean, 641.2303209266, rtol=1e-8)


PEOPLE = {
    "sex": list("fffmmmfmfmfm"),
    "age": list("yooyoyyooyyo"),
    "edu": ["hi", "lo", "hi", "lo", "lo", "hi", "lo", "hi", "mid", "mid", "mid", "mid"],
    "reg": list("nsnsnsnnsssn"),
}
BASE = np.array([1, 2, 1.5, 0.5, 1, 3, 1, 2, 0.8, 1.2, 2.5, 1])


def test_twelve_people_with_design_weights_and_a_joint_margin_as_r_survey_and_svy_rake_them():
    """R rake(..., epsilon = 1e-11) and svy Sample.weighting.rake(tol=1e-12) agree on these to 12 digits."""
    panel = from_columns([str(i) for i in range(12)], PEOPLE, BASE)
    targets = [
        margin("age sex", {"y f": 0.2, "y m": 0.22, "o f": 0.31, "o m": 0.27}),
        margin("edu", {"lo": 0.4, "mid": 0.35, "hi": 0.25}),
        margin("reg", {"n": 0.45, "s": 0.55}),
    ]
    expected = [
        0.299214574699489,
        2.057582819431694,
        0.912544361718359,
        0.519690861588302,
        1.274485255403399,
        0.983921195347569,
        0.948241063576793,
        0.804319868236574,
        0.749872818847255,
        1.136387943063337,
        1.152544361724845,
        1.161194876365384,
    ]
    weights = fit(panel, targets, tolerance=1e-13).weights
    assert_allclose(weights, expected, rtol=1e-10)
    assert_allclose(design_effect(weights), 1.17457635187195, rtol=1e-10)
    assert_allclose(effective_base(weights), 10.2164495146487, rtol=1e-10)


def test_capped_raking_is_r_survey_calibrate_with_bounds():
    """calibrate(des, ~sex + age + edu, calfun = "raking", bounds = c(0, 2), epsilon = 1e-11), base weights 1.

    With equal base weights R's bound on the ratio is a bound on the weight. Unbounded, the largest is 2.029.
    """
    columns = {
        "sex": list("fffmmmfmfmfmfmff"),
        "age": list("yooyoyyooyyoooyo"),
        "edu": [
            "hi",
            "lo",
            "hi",
            "lo",
            "lo",
            "hi",
            "lo",
            "hi",
            "mid",
            "mid",
            "mid",
            "mid",
            "hi",
            "hi",
            "hi",
            "mid",
        ],
    }
    panel = from_columns([str(i) for i in range(16)], columns, np.ones(16))
    targets = [
        margin("sex", {"m": 0.5, "f": 0.5}),
        margin("age", {"y": 0.55, "o": 0.45}),
        margin("edu", {"lo": 0.38, "mid": 0.32, "hi": 0.3}),
    ]
    expected = [
        0.775279135865,
        1.080653519415,
        0.507544785304,
        2.000000000000,
        1.348638698866,
        0.967536241975,
        1.650707781775,
        0.633407957844,
        0.766260552347,
        1.460727952799,
        1.170469751778,
        0.956281190728,
        0.507544785304,
        0.633407957844,
        0.775279135865,
        0.766260552347,
    ]
    capped = fit(panel, targets, cap=2.0, tolerance=1e-12)
    assert capped.converged
    assert_allclose(capped.weights, expected, rtol=1e-9)
    assert_allclose(fit(panel, targets).weights.max(), 2.02897303951271, rtol=1e-7)


SIXTEEN = {
    "sex": list("fffmmmfmfmfmfmff"),
    "age": list("yooyoyyooyyoooyo"),
    "edu": [
        "hi",
        "lo",
        "hi",
        "lo",
        "lo",
        "hi",
        "lo",
        "hi",
        "mid",
        "mid",
        "mid",
        "mid",
        "hi",
        "hi",
        "hi",
        "mid",
    ],
}
DESIGN = np.array([1, 2, 1.5, 0.5, 1, 3, 1, 2, 0.8, 1.2, 2.5, 1, 0.7, 1.3, 0.9, 1.1])


def test_weights_bounded_on_both_sides_from_design_weights_are_those_of_r_survey_calibrate():
    """calibrate(des, ~sex + age + edu, pop, calfun = "raking", bounds = c(0.3, 1.9), bounds.const = TRUE).

    The base weights have mean 1, so that bounds on the weight are multiples of its mean; epsilon = 1e-11.
    """
    panel = from_columns([str(i) for i in range(16)], SIXTEEN, DESIGN)
    targets = [
        margin("sex", {"m": 0.5, "f": 0.5}),
        margin("age", {"y": 0.55, "o": 0.45}),
        margin("edu", {"lo": 0.38, "mid": 0.32, "hi": 0.3}),
    ]
    expected = [
        0.445718275678,
        1.900000000000,
        0.428267170475,
        1.131340130562,
        1.449393373945,
        1.891838440763,
        1.599266495493,
        0.807896766718,
        0.431832256991,
        1.430690209392,
        1.900000000000,
        0.763708180253,
        0.300000000000,
        0.525132898367,
        0.401146448111,
        0.593769353363,
    ]
    bounded = fit(panel, targets, cap=1.9, floor=0.3, tolerance=1e-12)
    assert bounded.converged
    assert_allclose(bounded.weights, expected, rtol=1e-9)


def test_bounds_under_which_r_survey_calibrate_fails_are_met():
    """With bounds = c(0.45, 2) R stops with "Calibration failed", eps = 0.0033 after 501 iterations."""
    panel = from_columns([str(i) for i in range(16)], SIXTEEN, DESIGN)
    targets = [
        margin("sex", {"m": 0.5, "f": 0.5}),
        margin("age", {"y": 0.55, "o": 0.45}),
        margin("edu", {"lo": 0.38, "mid": 0.32, "hi": 0.3}),
    ]
    bounded = fit(panel, targets, cap=2.0, floor=0.45)
    assert bounded.converged
    assert bounded.weights.min() >= 0.45
    assert bounded.weights.max() <= 2.0


def test_one_joint_margin_is_poststratification_as_r_survey_does_it():
    """postStratify(des, ~sex + age, ...) on the same sixteen people."""
    panel = from_columns([str(i) for i in range(16)], SIXTEEN, DESIGN)
    target = margin("sex age", {"f y": 0.2, "m y": 0.3, "f o": 0.27, "m o": 0.23})
    expected = [
        0.592592592593,
        1.416393442623,
        1.062295081967,
        0.510638297872,
        0.694339622642,
        3.063829787234,
        0.592592592593,
        1.388679245283,
        0.566557377049,
        1.225531914894,
        1.481481481481,
        0.694339622642,
        0.495737704918,
        0.902641509434,
        0.533333333333,
        0.779016393443,
    ]
    assert_allclose(fit(panel, [target]).weights, expected, rtol=1e-11)
