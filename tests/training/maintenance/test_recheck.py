import importlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_survey import Survey, survey
from word_encoder import WordEncoder

from grounding.splits import Split
from personas.answer import NO_ANSWER, Answers
from personas.arrays import FloatArray
from personas.measures import scores
from personas.models.factored import FactoredModel
from personas.panel import Panel, from_columns
from personas.question import Question
from training.dataset import TrainingData
from training.hierarchy.loop import BaseModel, fit
from training.maintenance import drift, effects, recheck, slopes
from training.maintenance.drift import Wave
from training.maintenance.recheck import RecheckSettings
from training.registry.evidence import Slow

QUICK = RecheckSettings(draws=199)
MOVED = ("rivers", "tanks", "bees")


def wave(world: Survey) -> Wave:
    return Wave(world.people, world.answers)


def moved(world: Survey, names: Sequence[str], by: float, seed: int) -> Wave:
    """The same people asked anew, more of whom choose the last option of some questions."""
    rng = np.random.default_rng(seed)
    chosen = world.answers.chosen.copy()
    for place, question in enumerate(world.answers.questions):
        odds = world.truth[place] * np.exp([0.0, 0.0, by if question.name in names else 0.0])
        p = odds / odds.sum(axis=1, keepdims=True)
        drawn = (p.cumsum(axis=1) < rng.random((len(p), 1))).sum(axis=1)
        chosen[:, place] = np.where(chosen[:, place] == NO_ANSWER, NO_ANSWER, drawn)
    return Wave(world.people, replace(world.answers, chosen=chosen))


TRAINED = survey(500, seed=5, strength=1.2)
BEFORE = survey(500, seed=6, strength=1.2, prefix="fresh")


@pytest.fixture(scope="module")
def model() -> FactoredModel:
    data = TrainingData(TRAINED.people, TRAINED.answers, TRAINED.people.weights)
    base = BaseModel("words", "f1ngerpr1nt", (3, 5), WordEncoder())
    return fit("spending", data, base, Split(1, 0.3, ()), 2, 1, lambda line: None).model


def checked(model: FactoredModel, after: Wave) -> recheck.Recheck:
    return recheck.recheck(model, wave(BEFORE), after, {*BEFORE.people.ids, *after.people.ids}, QUICK)


def test_a_wave_in_which_nothing_changed_lets_the_adapter_be_kept(model: FactoredModel) -> None:
    again = survey(500, seed=8, strength=1.2, prefix="new")
    found = checked(model, wave(again))
    assert found.advice == "keep"
    assert found.moved == ()
    assert found.effects is not None
    assert found.effects.before.value == pytest.approx(1.0, abs=0.2)
    assert found.effects.change.low < 0 < found.effects.change.high
    assert found.reasons[-1].startswith("Keep: no share was found to have moved; no change of person effects")
    assert "may have moved by up to 0." in found.reasons[-1]


@pytest.mark.parametrize("same_people", [True, False])
def test_shares_that_moved_are_found_and_the_adapter_is_recalibrated(
    model: FactoredModel, same_people: bool
) -> None:
    world = BEFORE if same_people else survey(500, seed=9, strength=1.2, prefix="new")
    found = checked(model, moved(world, MOVED, 1.2, seed=10))
    assert found.advice == "recalibrate"
    assert {q.name for q in found.moved} == set(MOVED)
    assert all((q.both > 0) == same_people for q in found.questions)
    assert all(q.shift[2] > 0 and q.change.low > q.by_luck for q in found.moved)


def test_person_effects_that_faded_ask_for_a_new_training(model: FactoredModel) -> None:
    found = checked(model, wave(survey(500, seed=11, strength=0.3, prefix="new")))
    assert found.advice == "retrain"
    assert found.effects is not None
    assert found.effects.after.value < 0.5
    assert found.effects.gain_after < found.effects.gain_before
    assert found.reasons[-1].startswith("Retrain")


def test_people_who_were_trained_on_or_set_aside_do_not_speak_for_person_effects(
    model: FactoredModel,
) -> None:
    again = moved(BEFORE, (), 0.0, seed=12)
    found = recheck.recheck(model, wave(BEFORE), again, BEFORE.people.ids[:20], QUICK)
    assert found.effects is None
    assert "nothing can be said: people held out gave" in found.reasons[1]
    assert found.advice == "keep"
    assert "nothing can be said of person effects" in found.reasons[-1]
    half = recheck.recheck(model, wave(BEFORE), again, BEFORE.people.ids[:250], QUICK)
    assert half.effects is not None
    assert half.effects.answers[0] == np.sum(BEFORE.answers.chosen[:250] != NO_ANSWER)


def asking(model: FactoredModel, slow: Slow) -> recheck.Recheck:
    """A wave in which half of the earlier people were asked again, judged on a sample."""
    again = moved(BEFORE, (), 0.0, seed=12)
    rows = np.arange(0, 500, 2)
    after = Wave(again.people.take(rows), again.answers.take(rows))
    return recheck.recheck(model, wave(BEFORE), after, BEFORE.people.ids, QUICK, slow, "The joint one.")


def test_what_answers_studies_is_judged_on_a_sample_that_is_named(model: FactoredModel) -> None:
    seen: list[Panel] = []

    class Fielded:
        """The statistics with their person effects halved, as another model might have them."""

        name = fingerprint = "fielded"

        def distributions(self, panel: Panel, questions: Sequence[Question]) -> list[FloatArray]:
            seen.append(panel)
            nobody = model.distributions(panel.empty(), questions)
            both = zip(model.distributions(panel, questions), nobody, strict=True)
            return [np.sqrt(p * q) / np.sqrt(p * q).sum(axis=1, keepdims=True) for p, q in both]

    found = asking(model, Slow(Fielded(), 120, 10))
    assert found.effects is not None
    assert found.effects.before.value == pytest.approx(2.0, abs=0.6)  # half as strong as the answers say
    assert (found.effects.people, found.effects.people_held_out) == ((120, 120), (500, 250))
    assert (found.effects.questions, found.effects.questions_again) == (10, 16)
    assert (
        "Measured on 120 of 500 people held out before and 120 of 250 now, and 10 of 16" in found.reasons[1]
    )
    assert found.reasons[1].endswith("The joint one.")
    asked = [panel for panel in seen if len(panel) > 1]
    assert {len(panel) for panel in asked} == {120}
    assert set(asked[0].ids) == set(asked[-1].ids)  # the same people, before and now
    assert len(found.questions) == 16  # shares are compared over everybody


def test_a_sample_too_small_to_speak_of_person_effects_says_so(model: FactoredModel) -> None:
    found = asking(model, Slow(model, 10, 3))
    assert found.effects is None
    assert "people held out of the sample drawn gave" in found.reasons[1]


def test_the_sample_has_as_many_of_both_waves_in_either(model: FactoredModel) -> None:
    later = wave(survey(500, seed=8, strength=1.2, prefix="new"))
    few = Wave(
        replace(later.people, ids=(*BEFORE.people.ids[:30], *later.people.ids[30:])), later.answers
    )  # fmt: skip
    drawn = effects._sampled((wave(BEFORE), few), Slow(model, 60, 4), np.random.default_rng(1))  # pyright: ignore[reportPrivateUsage]
    ids = [set(w.people.ids) for w in drawn]
    assert [len(i) for i in ids] == [60, 60]
    assert len(ids[0] & ids[1]) >= 25  # all of the 30 who answered one of the four questions
    assert [q.name for q in drawn[0].answers.questions] == [q.name for q in drawn[1].answers.questions]


def test_two_questions_of_the_same_words_are_told_apart_by_name() -> None:
    world = survey(300, seed=20, missing=0.0)
    first, second = world.answers.only(["rivers"]), world.answers.only(["tanks"])
    own = first.questions[0]
    asked = (own.model_copy(update={"name": "hers"}), own.model_copy(update={"name": "his"}))
    both = Answers(asked, np.hstack([first.chosen, 2 - first.chosen]))
    swapped = Answers(asked[::-1], both.chosen[:, ::-1])
    before, after = Wave(world.people, both), Wave(world.people, swapped)
    assert second.questions[0].fingerprint != own.fingerprint
    found = drift.drifts(before, after, np.random.default_rng(1), draws=199)
    assert [q.change.value for q in found] == [0.0, 0.0]
    assert drift.place_of(asked[0], (asked[1],)) == 0
    assert drift.place_of(second.questions[0], asked) is None


def test_where_no_question_was_asked_again_nothing_can_be_said(model: FactoredModel) -> None:
    again = survey(300, seed=13, strength=1.2, prefix="new")
    reworded = tuple(q.model_copy(update={"text": f"{q.text} Please tell."}) for q in again.answers.questions)
    found = checked(model, Wave(again.people, replace(again.answers, questions=reworded)))
    assert found.advice == "cannot say"
    assert found.questions == ()
    assert found.reasons[0] == "None of 16 questions trained on was asked again in the same words."
    assert found.reasons[-1].startswith("Cannot say whether to keep it")


def test_a_wave_of_ten_people_says_nothing(model: FactoredModel) -> None:
    found = checked(model, wave(survey(10, seed=13, prefix="new")))
    assert found.advice == "cannot say"
    assert len(found.too_few) == 16
    assert "none of 50 people or more in both waves" in found.reasons[0]


def test_attributes_that_the_wave_lacks_are_named_and_left_out_of_both_waves(model: FactoredModel) -> None:
    again = survey(500, seed=8, strength=1.2, prefix="new")
    without = Wave(again.people.select(["sex", "pet"]), again.answers)
    found = checked(model, without)
    assert found.missing == ("age",)
    assert "The wave lacks 'age': what that tells was not looked at" in found.reasons[1]
    bare = checked(model, Wave(again.people.select([]), again.answers))
    assert bare.effects is None
    assert "none of the attributes that the adapter uses" in bare.reasons[1]
    assert "nothing can be said of person effects" in bare.reasons[-1]


def test_effects_that_fell_a_little_are_not_called_unchanged(model: FactoredModel) -> None:
    later = wave(survey(500, seed=11, strength=0.3, prefix="new"))
    settings = QUICK.model_copy(update={"fall": 0.99})
    found = recheck.recheck(model, wave(BEFORE), later, {*BEFORE.people.ids, *later.people.ids}, settings)
    assert found.advice != "retrain"
    assert "person effects tell less than they did" in found.reasons[-1]


def test_questions_that_come_and_go_are_named(model: FactoredModel) -> None:
    again = survey(300, seed=13, strength=1.2, prefix="new")
    names = [q.name for q in again.answers.questions]
    asked = again.answers.only(names[2:])
    changed = asked.questions[0].model_copy(update={"text": "Something else about birds?"})
    after = Wave(again.people, replace(asked, questions=(changed, *asked.questions[1:])))
    found = checked(model, after)
    assert found.not_asked == (names[0], names[1], names[2])
    assert found.new == (names[2],)
    assert len(found.questions) == len(names) - 3


def test_a_recalibrated_model_has_the_new_shares_and_the_old_effects(model: FactoredModel) -> None:
    later = moved(survey(800, seed=14, strength=1.2, prefix="new"), MOVED, 1.2, seed=15)
    found = checked(model, later)
    fresh = recheck.recalibrated(model, later, found)
    untouched = moved(survey(800, seed=16, strength=1.2, prefix="other"), MOVED, 1.2, seed=17)
    weights = untouched.people.weights
    names = [q.name for q in found.moved]
    some = untouched.answers.only(names)
    losses = [
        scores.log_loss(m.distributions(untouched.people, some.questions), some, weights)
        for m in (model, fresh)
    ]
    assert losses[1] < losses[0] - 0.05
    assert np.array_equal(fresh.head.effects, model.head.effects)
    assert fresh.fingerprint != model.fingerprint
    kept = [i for i, q in enumerate(model.config.questions) if q.name not in names]
    for place in kept:
        rows = model.options.blocks[place]
        assert np.array_equal(fresh.head.log_prior[rows], model.head.log_prior[rows])
    for name in names:
        answers = later.answers.only([name])
        said = fresh.distributions(later.people, answers.questions)[0]
        given = answers.chosen[:, 0] != NO_ANSWER
        real = np.bincount(answers.chosen[given, 0], later.people.weights[given], 3)
        expected = scores.shares(said[given], later.people.weights[given])
        assert expected == pytest.approx(real / real.sum(), abs=0.015)


def test_without_a_question_that_moved_there_is_nothing_to_renew(model: FactoredModel) -> None:
    again = wave(survey(300, seed=18, strength=1.2, prefix="new"))
    with pytest.raises(ValueError, match="nothing to renew"):
        recheck.recalibrated(model, again, checked(model, again))


@settings(deadline=None)
@given(st.lists(st.floats(0.0001, 1.0), min_size=1, max_size=40))
def test_adjusted_p_values_are_those_of_statsmodels(values: list[float]) -> None:
    multitest: Any = importlib.import_module("statsmodels.stats.multitest")
    expected = multitest.multipletests(values, method="fdr_bh")[1]
    assert drift.benjamini_hochberg(np.array(values)) == pytest.approx(expected)


def test_without_a_change_hardly_any_question_is_called_moved() -> None:
    found = 0
    for seed in range(6):
        first, second = (survey(150, seed=s, prefix=str(s)) for s in (seed, 100 + seed))
        results = drift.drifts(wave(first), wave(second), np.random.default_rng(seed), least=0.0, draws=199)
        found += any(q.moved for q in results)
    # At most .05 of the waves by chance: 3 or more of 6 have probability .002.
    assert found <= 2


def nothing_changed(
    rng: np.random.Generator, sizes: tuple[int, int], both: int, p: Sequence[float], spread: Sequence[float]
) -> tuple[Wave, Wave]:
    """Two waves of 40 questions; six of ten who are in both say the same again, the others draw anew."""
    asked = tuple(
        Question(name=f"q{i}", text=f"Q {i}?", options=tuple(map(str, range(len(p))))) for i in range(40)
    )
    chosen = [rng.choice(len(p), (n, 40), p=p) for n in sizes]
    again = rng.random((both, 40)) < 0.6
    chosen[1][:both] = np.where(again, chosen[0][:both], chosen[1][:both])
    ids = [f"a{i}" for i in range(sizes[0])], [f"{'a' if i < both else 'b'}{i}" for i in range(sizes[1])]
    waves = [
        Wave(
            from_columns(who, {}, np.exp(rng.normal(0, s, len(who)))),
            Answers(asked, np.where(rng.random(c.shape) < 0.1, NO_ANSWER, c)),
        )
        for who, c, s in zip(ids, chosen, spread, strict=True)
    ]
    return waves[0], waves[1]


@pytest.mark.parametrize(
    ("sizes", "both", "p", "spread"),
    [
        ((300, 300), 0, (0.4, 0.3, 0.2, 0.1), (0.0, 0.0)),
        ((600, 80), 0, (0.4, 0.3, 0.2, 0.1), (0.0, 0.9)),
        ((600, 60), 0, (0.95, 0.03, 0.02), (0.0, 0.0)),
        ((600, 60), 60, (0.95, 0.03, 0.02), (0.0, 0.0)),
        ((300, 300), 300, (0.4, 0.3, 0.2, 0.1), (0.9, 0.9)),
        ((300, 200), 40, (0.4, 0.3, 0.2, 0.1), (0.5, 0.5)),
    ],
)
def test_where_nothing_changed_p_is_at_most_5_percent_in_about_5_percent(
    sizes: tuple[int, int], both: int, p: Sequence[float], spread: Sequence[float]
) -> None:
    rng = np.random.default_rng(4)
    found = [
        q
        for _ in range(8)
        for q in drift.drifts(*nothing_changed(rng, sizes, both, p, spread), rng, draws=199)
    ]
    share = np.mean([q.p <= 0.05 for q in found])
    assert share <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / len(found))
    assert share >= 0.01
    assert all((q.change.low > 0) == (q.p <= 0.05) for q in found)


def test_forty_returners_among_three_thousand_do_not_decide_alone() -> None:
    rng = np.random.default_rng(5)
    first, second = nothing_changed(rng, (1500, 1500), 40, (0.4, 0.3, 0.3), (0.0, 0.0))
    later = second.answers.chosen.copy()
    later[(later == 0) & (rng.random(later.shape) < 0.25)] = 2  # a change of .10
    found = drift.drifts(first, Wave(second.people, replace(second.answers, chosen=later)), rng)
    assert all(q.moved and q.both < 40 < q.after for q in found)
    assert np.mean([q.change.low <= 0.1 <= q.change.high for q in found]) >= 0.95


def test_pairs_see_smaller_changes_than_two_samples() -> None:
    world = survey(300, seed=20, missing=0.0)
    asked = world.answers.only(["rivers"])
    later = asked.chosen.copy()
    switch = np.flatnonzero(later[:, 0] == 0)[:12]
    later[switch, 0] = 2
    before, after = Wave(world.people, asked), Wave(world.people, replace(asked, chosen=later))
    paired = drift.drifts(before, after, np.random.default_rng(1))[0]
    renamed = replace(world.people, ids=tuple(f"x{i}" for i in world.people.ids))
    apart = drift.drifts(before, Wave(renamed, after.answers), np.random.default_rng(1))[0]
    assert paired.change.value == pytest.approx(apart.change.value)
    assert paired.p < 0.01 < 0.05 < apart.p


class Line:
    """Two options, whose log odds are a constant and three fixed steps by level."""

    name = fingerprint = "line"

    def distributions(self, panel: Panel, questions: Sequence[Question]) -> list[FloatArray]:
        steps = np.array([-1.0, 0.2, 0.9, 0.0])[panel.codes[:, 0]]
        p = 1 / (1 + np.exp(-(0.3 + steps)))
        return [np.stack([1 - p, p], axis=1) for _ in questions]


def test_slope_and_its_error_are_those_of_a_logistic_regression_in_statsmodels() -> None:
    rng = np.random.default_rng(3)
    levels = rng.integers(0, 3, 400)
    panel = from_columns([str(i) for i in range(400)], {"a": [f"l{v}" for v in levels]}, np.ones(400))
    steps = np.array([-1.0, 0.2, 0.9])[levels]
    chosen = (rng.random(400) < 1 / (1 + np.exp(0.5 - 0.6 * steps))).astype(np.int64)
    question = Question(name="q", text="Q?", options=("no", "yes"))
    found = slopes.slope(Line(), panel, Answers((question,), chosen[:, None]))
    api: Any = importlib.import_module("statsmodels.api")
    result = api.Logit(chosen, api.add_constant(steps)).fit(disp=0, cov_type="HC0")
    assert found is not None
    assert found.value == pytest.approx(result.params[1], abs=2e-4)
    assert found.deviation == pytest.approx(result.bse[1], rel=1e-3)
    assert found.gain == pytest.approx((result.llf - result.llnull) / 400, abs=1e-5)


DATA = Path(__file__).parents[4] / "shared" / "data" / "gss20"
FACTS = ("sex", "race", "degree", "region", "partyid", "relig")
ASKED = ("happy", "life", "courts", "cappun", "getahead", "polescap", "health", "satfin", "grass")


def social_survey() -> tuple[Wave, Wave]:
    """The General Social Survey of 2016 and 2018, and what part of its people answered again in 2020."""
    pandas: Any = importlib.import_module("pandas")
    people = pandas.read_parquet(DATA / "people.parquet", columns=["person_id", "weight", *FACTS])
    columns = {f: [None if pandas.isna(v) else str(v) for v in people[f]] for f in FACTS}
    panel = from_columns([str(i) for i in people["person_id"]], columns, people["weight"].to_numpy(float))
    asked = [e for e in json.loads((DATA / "questions.json").read_text("utf-8")) if e["id"] in ASKED]
    questions = tuple(
        Question(name=e["id"], text=e["text"], options=tuple(map(str, e["options"])), scale="nominal")
        for e in asked
    )
    waves: list[Wave] = []
    for name in ("answers", "answers_retest"):
        table = pandas.read_parquet(
            DATA / f"{name}.parquet", columns=["person_id", *(q.name for q in questions)]
        )
        chosen = np.stack([table[q.name].fillna(NO_ANSWER).to_numpy(int) for q in questions], axis=1)
        rows = pandas.Index(people["person_id"]).get_indexer(table["person_id"])
        waves.append(Wave(panel.take(rows.astype(np.int64)), Answers(questions, chosen.astype(np.int64))))
    return waves[0], waves[1]


@pytest.mark.skipif(not DATA.is_dir(), reason="the General Social Survey is not beside the checkout")
def test_the_reinterview_of_2020_moved_some_questions_and_left_who_says_what() -> None:
    first, again = social_survey()
    trained = np.sort(np.random.default_rng(1).permutation(len(first.people))[:800])
    people = first.people.take(trained)
    data = TrainingData(people, first.answers.take(trained), people.weights / people.weights.mean())
    base = BaseModel("words", "f1ngerpr1nt", (3, 5), WordEncoder())
    model = fit("gss", data, base, Split(1, 0.3, ()), 2, 1, lambda line: None).model
    found = recheck.recheck(model, first, again, set(first.people.ids) - set(data.people.ids), QUICK)
    assert found.advice == "recalibrate"
    assert all(0 < q.both <= q.after < q.before for q in found.questions)
    moved = {q.name: q for q in found.moved}
    assert 0 < len(moved) < len(found.questions)
    assert moved["happy"].shift[2] > 0.1  # "not too happy", in the year of the pandemic
    assert found.effects is not None
    assert found.effects.after.low > 0.5
