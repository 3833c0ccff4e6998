import numpy as np
import pytest

from personas.answer import NO_ANSWER, Answers
from personas.question import Question
from validation import baselines
from validation.agreement import agreement
from validation.results import AgreementResult
from validation.scored import Scored

SEEN = [f"q{i}" for i in range(9)]


def _inputs(world, seed=0, people=500, persons=400, missing=0.1, said=None):
    """Everything ``agreement`` takes; ``said`` replaces what the model answers (the truth without it)."""
    rng = np.random.default_rng(seed)
    train, real, panel = (
        world.panel(900, "t", rng),
        world.panel(people, "r", rng, True),
        world.panel(persons, "p", rng),
    )
    train_answers = world.answers(train, rng)
    model = world.scored if said is None else said
    status = {q.name: "unseen_people" if q.name in SEEN else "unseen_both" for q in world.questions}
    return {
        "model": model(panel),
        "baselines": world.baselines(panel, train, train_answers, SEEN, rng),
        "people": real,
        "answers": world.answers(real, rng, missing),
        "status": status,
        "segments": ["age", "sex"],
        "draws": world.draws(panel, rng),
        "mirrored": {"model": model(real), **world.baselines(real, train, train_answers, SEEN, rng)},
        "seed": 5,
        "replicates": 200,
    }


@pytest.fixture
def inputs(world):
    return _inputs(world)


def _uniform(world):
    return lambda panel: baselines.uniform(panel, world.questions)


def test_a_model_that_is_right_reaches_the_ceiling_and_keeps_its_claims_apart(inputs):
    found = agreement(**inputs).status("unseen_people")
    assert found is not None
    assert found.agreement.value > found.ceiling.value - 0.01
    assert found.segment_agreement is not None
    assert found.segment_ceiling is not None
    assert found.segment_agreement.value > found.segment_ceiling - 0.01
    outcomes = {c.measure: c.outcome for c in found.claims}
    # The item share has overall shares right as well; who answers what, it cannot know.
    assert outcomes == {"agreement": "no better", "segment_agreement": "better", "log_score": "better"}
    assert found.beats_best_baseline is False
    assert all(c.sentence in found.verdict for c in found.claims)


def test_the_uniform_guess_has_skill_zero_and_no_person_signal(world):
    found = agreement(**_inputs(world, said=_uniform(world)))
    for status in found.statuses:
        assert status.skill == 0.0
        assert "model" not in status.person_signal
        assert not status.beats_best_baseline
    assert all(q.skill in (0.0, None) for q in found.questions)
    # The item share knows the seen questions, and the report says that the model is worse.
    first = found.status("unseen_people")
    assert first is not None
    assert "worse than the item share" in first.verdict


def test_what_is_unseen_has_no_item_share(inputs):
    result = agreement(**inputs)
    unseen = result.status("unseen_both")
    assert unseen is not None
    assert "item_share" not in unseen.baselines | unseen.log_score | unseen.segment_baselines
    assert {c.baseline for c in unseen.comparisons} == {"uniform", "empty_persona", "shuffled_persona"}
    assert "over only 3 questions" in unseen.verdict
    assert any("the item share" in n and "unseen questions" in n for n in result.notes)


def test_shuffled_personas_tie_overall_and_lose_in_segments(inputs):
    result = agreement(**inputs)
    found = result.status("unseen_people")
    assert found is not None
    by = {(c.baseline, c.measure): c.difference for c in found.comparisons}
    assert by["shuffled_persona", "agreement"].value == pytest.approx(0.0, abs=1e-12)
    assert by["shuffled_persona", "segment_agreement"].low > 0
    assert by["shuffled_persona", "log_score"].low > 0
    assert any("cannot tell a model from itself with shuffled personas" in n for n in result.notes)


def test_figures_of_a_question_follow_from_the_inputs(inputs):
    result = agreement(**inputs)
    assert [q.agreement.value for q in result.questions] == sorted(
        q.agreement.value for q in result.questions
    )
    question = next(q for q in result.questions if q.name == "q4")
    chosen, weights = inputs["answers"].column("q4"), inputs["people"].weights
    given = chosen != NO_ANSWER
    real = np.array([weights[given & (chosen == k)].sum() for k in range(3)]) / weights[given].sum()
    simulated = inputs["model"].distribution("q4").mean(axis=0)
    assert question.real == pytest.approx(real)
    assert question.simulated == pytest.approx(simulated)
    assert question.drawn == pytest.approx(np.bincount(inputs["draws"][:, 4], minlength=3) / 400)
    assert question.agreement.value == pytest.approx(1 - 0.5 * np.abs(real - simulated).sum())
    assert question.effective_base == pytest.approx(
        weights[given].sum() ** 2 / np.square(weights[given]).sum()
    )
    assert question.people == given.sum()
    assert all(
        lo <= r <= hi for lo, r, hi in zip(question.real_low, question.real, question.real_high, strict=True)
    )


def test_headline_means_are_means_of_the_questions(inputs):
    result = agreement(**inputs)
    for status in result.statuses:
        mine = [q for q in result.questions if q.status == status.status]
        assert status.questions == len(mine)
        assert status.agreement.value == pytest.approx(np.mean([q.agreement.value for q in mine]))
        assert status.ceiling.value == pytest.approx(np.mean([q.ceiling.value for q in mine]))
        assert status.baselines["uniform"] == pytest.approx(np.mean([q.baselines["uniform"] for q in mine]))


def test_a_segments_figure_is_that_of_its_people_and_persons(inputs):
    result = agreement(**inputs)
    segment = next(s for s in result.segments if s.level == "55+" and s.status == "unseen_people")
    people = np.array(inputs["people"].values("age")) == "55+"
    persons = np.array(inputs["model"].panel.values("age")) == "55+"
    values = []
    for name in SEEN:
        chosen, weights = inputs["answers"].column(name), inputs["people"].weights
        given = people & (chosen != NO_ANSWER)
        real = np.array([weights[given & (chosen == k)].sum() for k in range(3)]) / weights[given].sum()
        values.append(1 - 0.5 * np.abs(real - inputs["model"].distribution(name)[persons].mean(axis=0)).sum())
    assert segment.agreement is not None
    assert segment.agreement.value == pytest.approx(np.mean(values))
    assert (segment.people, segment.persons) == (int(people.sum()), int(persons.sum()))


def test_the_same_seed_gives_the_same_report_and_it_survives_json(inputs):
    one = agreement(**inputs)
    assert agreement(**inputs) == one
    assert AgreementResult.model_validate_json(one.model_dump_json()) == one


def test_permuting_the_options_changes_no_agreement(world, inputs):
    order = np.array([2, 0, 1])
    turned = {
        q.name: Question(name=q.name, text=q.text, options=tuple(q.options[i] for i in order))
        for q in world.questions
    }

    def turn(scored):
        return Scored(
            scored.panel,
            tuple(turned[n] for n in scored.names),
            tuple(d[:, order] for d in scored.distributions),
        )

    back = np.append(np.argsort(order), NO_ANSWER)
    changed = inputs | {
        "model": turn(inputs["model"]),
        "baselines": {n: turn(s) for n, s in inputs["baselines"].items()},
        "mirrored": {n: turn(s) for n, s in inputs["mirrored"].items()},
        "answers": Answers(tuple(turned.values()), back[inputs["answers"].chosen]),
        "draws": back[inputs["draws"]],
    }
    for one, other in zip(agreement(**inputs).statuses, agreement(**changed).statuses, strict=True):
        assert other.agreement.low == pytest.approx(one.agreement.low)
        assert other.ceiling.value == pytest.approx(one.ceiling.value)
        assert other.segment_baselines == pytest.approx(one.segment_baselines)
        assert other.log_score == pytest.approx(one.log_score)


def test_a_segment_below_the_smallest_base_shows_no_figure(inputs):
    result = agreement(**inputs | {"smallest_base": 160})
    small = [s for s in result.segments if s.suppressed]
    assert small
    for segment in small:
        assert segment.agreement is None
        assert segment.ceiling is None
        assert segment.baselines == {}
    assert any(n.startswith("No figures for segments with fewer than 160") for n in result.notes)


def test_without_any_readable_segment_the_rest_of_the_report_stands(inputs):
    for changed in ({"segments": []}, {"smallest_base": 300}):
        found = agreement(**inputs | changed).statuses[0]
        assert found.segment_agreement is None
        assert found.segment_ceiling is None
        assert {c.measure for c in found.claims} == {"agreement", "log_score"}


def test_a_question_with_too_few_answers_is_left_out_and_named(inputs):
    chosen = inputs["answers"].chosen.copy()
    chosen[29:, 2] = NO_ANSWER
    chosen[:29, 2] = 1
    result = agreement(**inputs | {"answers": Answers(inputs["answers"].questions, chosen)})
    assert "q2" not in {q.name for q in result.questions}
    assert any("fewer than 30 people answered: q2" in n for n in result.notes)


def test_a_baseline_on_part_of_the_persons_is_compared_overall_and_said_to_be_a_part(world, inputs):
    few = baselines.uniform(inputs["model"].panel.take(np.arange(50)), world.questions)
    result = agreement(**inputs | {"baselines": {**inputs["baselines"], "untuned": few}})
    found = result.status("unseen_people")
    assert found is not None
    assert "untuned" in found.baselines
    assert "untuned" not in found.segment_baselines
    assert any("scored on 50 of 400 persons" in n for n in result.notes)


def test_without_mirrored_answers_there_is_no_log_score(inputs):
    result = agreement(**inputs | {"mirrored": {}})
    assert result.statuses[0].log_score == {}
    assert any(n.startswith("No log score") for n in result.notes)


def test_questions_outside_support_are_marked(inputs):
    result = agreement(**inputs | {"outside_support": frozenset({"q10"})})
    assert [q.name for q in result.questions if q.outside_support] == ["q10"]


def test_skill_is_undefined_where_people_are_nearly_uniform(world):
    flat = type(world)(
        world.questions, world.base * 0, {a: e * 0 for a, e in world.effects.items()}, world.levels
    )
    result = agreement(**_inputs(flat))
    assert [s.skill for s in result.statuses] == [None, None]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda i: {"people": i["people"].take(np.arange(0)), "answers": i["answers"].take(np.arange(0))},
            "0 held-out",
        ),
        (lambda i: {"answers": i["answers"].take(np.arange(9))}, "500 held-out people with 9 rows"),
        (lambda i: {"draws": i["draws"][:, :3]}, "draws must have shape"),
        (lambda i: {"status": {}}, "need real answers"),
        (lambda i: {"status": {"q99": "unseen_people"}}, "lacking: q99"),
        (
            lambda i: {"model": i["model"].only(SEEN), "draws": i["draws"][:, :9]},
            "was not asked question 'q9'",
        ),
        (lambda i: {"baselines": {}}, "need 'uniform'"),
        (lambda i: {"mirrored": {"uniform": i["mirrored"]["uniform"]}}, "need 'model'"),
        (lambda i: {"segments": ["income"]}, "no attribute 'income'"),
        (lambda i: {"smallest_base": 501}, "nothing to compare"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(inputs, change, message):
    with pytest.raises(ValueError, match=message):
        agreement(**inputs | change(inputs))


def test_another_question_under_the_same_name_is_refused(world, inputs):
    other = Question(name="q0", text="Something else?", options=world.questions[0].options)
    strange = baselines.uniform(inputs["model"].panel, [other])
    with pytest.raises(ValueError, match="strange answers another question 'q0'"):
        agreement(**inputs | {"baselines": {**inputs["baselines"], "strange": strange}})


def test_the_paired_interval_of_a_real_gain_excludes_zero_and_of_none_does_not(world):
    better = worse = 0
    for seed in range(12):
        found = agreement(**_inputs(world, seed, people=300, persons=200) | {"replicates": 100}).statuses[0]
        by = {(c.baseline, c.measure): c.difference for c in found.comparisons}
        better += by["uniform", "agreement"].low > 0
        worse += by["item_share", "agreement"].high < 0
    assert better == 12
    assert worse <= 2
