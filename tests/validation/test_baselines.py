from dataclasses import replace

import numpy as np
import pytest
import related_model

from grounding import prior
from personas.models.scripted import ScriptedModel
from validation import baselines


def _by_age(person, question):
    first = {None: 0.5, "18-34": 0.2, "35-54": 0.4, "55+": 0.8}[person.attributes.get("age")]
    return np.array([first, 1 - first, 0.0])


@pytest.fixture
def panel(world):
    return world.panel(40, "p", np.random.default_rng(0))


def test_uniform_gives_every_option_the_same(world, panel):
    assert np.all(baselines.uniform(panel, world.questions).distribution("q3") == 1 / 3)


def test_item_share_gives_everybody_the_shrunken_training_shares(world, panel):
    rng = np.random.default_rng(1)
    train = world.panel(300, "t", rng)
    answers = world.answers(train, rng)
    scored = baselines.item_share(panel, world.questions[2:5], answers, train.weights)
    expected = prior.item_shares(answers.only(["q2", "q3", "q4"]), train.weights).shares
    assert scored.names == ("q2", "q3", "q4")
    assert scored.distribution("q3")[17].tolist() == expected[1].tolist()


def test_item_share_has_nothing_to_say_about_unseen_questions(world, panel):
    answers = world.answers(panel, np.random.default_rng(2)).only(["q0"])
    with pytest.raises(ValueError, match="'q1' has no training answers"):
        baselines.item_share(panel, world.questions[:2], answers, panel.weights)


def test_an_empty_persona_is_told_nothing_but_keeps_its_segment(world, panel):
    scored = baselines.empty_persona(ScriptedModel(_by_age), panel, world.questions[:1])
    assert np.all(scored.distribution("q0") == np.array([0.5, 0.5, 0.0]))
    assert scored.panel == panel


def test_a_shuffled_persona_keeps_overall_shares_but_not_its_segments(world, panel):
    model = ScriptedModel(_by_age)
    scored = baselines.shuffled_persona(model, panel, world.questions[:1], np.random.default_rng(3))
    own = model.distributions(panel, world.questions[:1])[0]
    assert scored.shares("q0") == pytest.approx(own.mean(axis=0))
    assert not np.array_equal(scored.distribution("q0"), own)
    assert scored.panel == panel


def test_known_answers_are_shuffled_with_the_attributes_and_an_empty_persona_has_none():
    model, panel, asked = related_model.model(), related_model.panel(300), related_model.ASKED
    own = np.stack(model.distributions(panel, asked))
    dealt = np.stack(baselines.shuffled_persona(model, panel, asked, np.random.default_rng(3)).distributions)
    # Everybody's answers belong to somebody, and nearly nobody has her own.
    np.testing.assert_allclose(np.sort(dealt, axis=1), np.sort(own, axis=1), atol=1e-12)
    assert np.mean(np.all(np.isclose(dealt, own), axis=(0, 2))) < 0.7  # of every other nothing is known
    told = panel.take(np.arange(1, 300, 2))
    nothing = baselines.empty_persona(model, told, asked).distributions
    expected = model.distributions(replace(told, known=None).empty(), asked)
    np.testing.assert_allclose(np.stack(nothing), np.stack(expected), atol=1e-12)


class Slow:
    """A model that reads four persons at a time; each time takes ten seconds of a clock that it owns."""

    def __init__(self):
        self.now = 0.0

    def clock(self):
        return self.now

    def iterate(self, panel, questions):
        for start in range(0, len(panel), 4):
            self.now += 10.0
            rows = slice(start, min(start + 4, len(panel)))
            parts = [
                np.stack([_by_age(panel.person(i), q) for i in range(rows.start, rows.stop)])
                for q in questions
            ]
            yield rows, parts


def _untuned(world, panel, seconds, least):
    model = Slow()
    rng = np.random.default_rng(4)
    return baselines.untuned(model, panel, world.questions[:2], seconds, least, rng, model.clock)


@pytest.mark.parametrize(
    ("seconds", "least", "persons"), [(25.0, 1, 12), (0.0, 1, 4), (0.0, 9, 12), (1e9, 1, 40)]
)
def test_untuned_stops_when_its_time_is_up_but_not_before_the_least(world, panel, seconds, least, persons):
    assert len(_untuned(world, panel, seconds, least).panel) == persons


def test_untuned_rows_belong_to_their_persons_in_random_order(world, panel):
    scored = _untuned(world, panel, 25.0, 1)
    assert scored.panel.ids != panel.ids[:12]
    for i in range(12):
        expected = _by_age(scored.panel.person(i), world.questions[0])
        assert scored.distribution("q0")[i].tolist() == expected.tolist()


def test_untuned_needs_at_least_one_person(world, panel):
    with pytest.raises(ValueError, match="least must be >= 1, got 0"):
        _untuned(world, panel, 1.0, 0)
