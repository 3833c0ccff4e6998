from dataclasses import replace

import numpy as np
import pytest
from simulated_survey import questions
from test_factored import PANEL, build
from word_encoder import WordEncoder

from personas.models.asked import Asked
from personas.models.joint import JointModel
from personas.models.offset import OffsetModel
from personas.models.scripted import ScriptedModel
from personas.models.work import Work, each, work
from personas.panel import from_columns


def test_work_adds_up_but_for_what_is_needed_at_once():
    one = Work(answers=3, passes=2, tokens=10, flops=5.0, weights=8, largest=4)
    two = Work(answers=1, passes=1, tokens=7, flops=1.5, weights=6, largest=9)
    both = one.and_then(two)
    assert (both.answers, both.passes, both.tokens, both.flops) == (4, 3, 17, 6.5)
    assert (both.weights, both.largest) == (8, 9)
    assert one.times(2.5) == replace(one, answers=8, passes=5, tokens=25, flops=12.5)


def test_a_scripted_model_has_nothing_to_do_but_answer(small_panel, few_questions):
    assert work(ScriptedModel(), small_panel, few_questions, 2) == Work(answers=15)
    assert each(ScriptedModel(), small_panel, few_questions) == Work()


def test_a_served_model_is_asked_once_for_those_of_a_batch_who_are_alike(small_panel, few_questions):
    class Served(ScriptedModel):
        def ask(self, panel, asked):
            return Asked(self.distributions(panel, asked))

    together, apart = (work(Served(), small_panel, few_questions, batch) for batch in (5, 3))
    assert (together.persons, together.requests, together.answers, together.passes) == (4, 12, 15, 0)
    assert (apart.persons, apart.requests, apart.answers) == (5, 15, 15)
    assert each(Served(), small_panel, few_questions).requests == 3


def test_persons_who_are_alike_are_read_once_in_a_batch_and_again_in_the_next(
    tiny_language, small_panel, few_questions
):
    model = JointModel(tiny_language)
    together, apart = (work(model, small_panel, few_questions, batch) for batch in (5, 3))
    assert (together.persons, apart.persons) == (4, 5)
    assert together.flops < apart.flops
    assert together.answers == apart.answers == 15


def test_a_joint_model_over_a_prior_reads_everything_twice(tiny_language, small_panel, few_questions):
    model = JointModel(tiny_language)
    over = OffsetModel(model, model, lambda q: np.zeros(len(q.options)), "none")
    once, twice = (work(m, small_panel, few_questions, 5) for m in (model, over))
    assert (twice.tokens, twice.flops) == (2 * once.tokens, 2 * once.flops)
    assert (twice.persons, twice.answers) == (once.persons, once.answers)
    assert (twice.weights, twice.largest) == (2 * once.weights, once.largest)


def test_many_batches_are_judged_by_a_few(tiny_language, small_panel, few_questions):
    rows = np.arange(120) % 3
    many = replace(
        small_panel,
        ids=tuple(f"p{i}" for i in range(120)),
        codes=small_panel.codes[rows],
        weights=np.ones(120),
    )
    model = JointModel(tiny_language)
    found = work(model, many, few_questions, 3)
    three = work(model, many.take(np.arange(3)), few_questions, 3)
    assert found.flops == pytest.approx(40 * three.flops)
    assert found.persons == 120


def test_one_person_costs_a_share_of_all(tiny_language, small_panel, few_questions):
    one = each(JointModel(tiny_language), small_panel, few_questions)
    assert one.persons == 1
    alone = [
        work(JointModel(tiny_language), small_panel.take(np.array([i])), few_questions, 1) for i in range(5)
    ]
    assert one.flops == pytest.approx(np.mean([a.flops for a in alone]))


def test_only_values_and_questions_that_are_new_are_encoded(made_up_model):
    known = made_up_model.config.questions
    assert work(made_up_model, PANEL, known, 250) == Work(answers=len(PANEL) * len(known))
    new = tuple(q for q in questions() if q not in known)
    found = work(made_up_model, PANEL, (*known, *new), 250)
    assert (found.values, found.options) == (0, sum(len(q.options) for q in new))
    assert found.algebra > 0
    columns = {"age": ["18 to 34 years", "90 years or more"], "sex": ["other", "other"]}
    others = from_columns(["a", "b"], columns, np.ones(2))
    assert work(made_up_model, others, known, 250).values == 2


def test_options_in_another_order_are_nothing_new(made_up_model):
    first = made_up_model.config.questions[0]
    turned = first.model_copy(update={"options": first.options[::-1], "name": "turned"})
    assert work(made_up_model, PANEL, (turned,), 250).options == 0


@pytest.fixture
def made_up_model():
    return build(WordEncoder())
