from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_survey import survey

from grounding.splits import Split
from personas.answer import NO_ANSWER, Answers
from personas.panel import Panel, from_columns
from personas.question import Question
from training.dataset import decided
from training.leakage import people_overlaps, people_sentences, question_overlaps, question_sentences, suite
from training.split_spec import SplitSpec

AGREE = ("agree", "neither", "disagree")
SUBJECTS = {
    "tax": ("Are taxes in this country too high or too low, all things considered?", ("high", "low")),
    "god": ("Which of these best describes what you believe about God?", ("none", "some", "sure")),
    "hunt": ("Does anybody in your household go hunting?", ("yes", "no")),
    "union": ("Workers need strong trade unions to protect their interests", AGREE),
    "sleep": ("How often have you had trouble falling asleep?", ("often", "never")),
}
PLANTED = {
    "exact": ("god2", "B. which of these best describes, what you believe about God", AGREE),
    "near-duplicate": (
        "union2",
        "Today workers need strong trade unions which protect their interests",
        ("yes", "no"),
    ),
    "battery": ("sleep2", "How often have you had trouble at work?", ("never", "often")),
}


def planted(kind: str) -> Question:
    name, text, options = PLANTED[kind]
    return Question(name=name, text=text, options=options)


def questions() -> list[Question]:
    return [Question(name=n, text=t, options=o) for n, (t, o) in SUBJECTS.items()]


def people(n: int, seed: int, prefix: str = "p", n_questions: int = 30) -> tuple[Panel, Answers]:
    """People whose answers hang together: half of each person's answers follow one leaning."""
    rng = np.random.default_rng(seed)
    columns = {
        "age": [str(v) for v in rng.integers(18, 90, n)],
        "sex": [str(v) for v in rng.choice(["f", "m"], n)],
        "region": [str(v) for v in rng.integers(0, 9, n)],
    }
    panel = from_columns([f"{prefix}{i}" for i in range(n)], columns, np.ones(n))
    leaning = rng.integers(0, 3, (n, 1))
    own = rng.integers(0, 3, (n, n_questions))
    chosen = np.where(rng.random((n, n_questions)) < 0.5, leaning, own)
    chosen[rng.random(chosen.shape) < 0.2] = NO_ANSWER
    asked = tuple(Question(name=f"q{i}", text=f"Item {i}", options=AGREE) for i in range(n_questions))
    return panel, Answers(asked, chosen)


def part(data: tuple[Panel, Answers], rows: list[int], prefix: str = "") -> tuple[Panel, Answers]:
    index = np.array(rows, dtype=np.int64)
    panel = data[0].take(index)
    return replace(panel, ids=tuple(f"{prefix}{i}" for i in panel.ids)), data[1].take(index)


@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_question_is_found_and_named(kind: str) -> None:
    new = planted(kind)
    found = question_overlaps([*questions(), new], [new.name])
    assert [(o.held_out, o.trained, o.kind) for o in found] == [(new.name, new.name[:-1], kind)]
    assert 0 < found[0].similarity <= 1.0
    (said,) = question_sentences(found)
    assert f"{new.name} and {new.name[:-1]} ({kind}" in said


def test_it_does_not_matter_which_of_the_two_is_held_out() -> None:
    asked = [*questions(), planted("exact")]
    (found,) = question_overlaps(asked, ["god"])
    assert (found.held_out, found.trained) == ("god", "god2")
    assert question_overlaps(asked, ["god", "god2"]) == ()
    assert question_overlaps(asked, []) == ()


def test_vectors_show_what_words_do_not() -> None:
    asked = [*questions(), Question(name="schlaf", text="Schlafen Sie schlecht?", options=("ja", "nein"))]
    vectors = np.eye(6)
    vectors[5] = vectors[4] + 0.05
    assert question_overlaps(asked, ["schlaf"]) == ()
    (found,) = question_overlaps(asked, ["schlaf"], vectors)
    assert (found.held_out, found.trained, found.kind) == ("schlaf", "sleep", "embedding")
    assert found.similarity > 0.9


def test_the_suite_says_whether_vectors_were_compared_and_from_which_cosine_on() -> None:
    world = survey(20, seed=1)
    asked = world.answers.questions
    both = (world.people, world.answers), (world.people, world.answers)
    without = suite(asked, [asked[0].name], *both)
    vectors = np.random.default_rng(0).normal(size=(len(asked), 4))
    assert (without.embedding, suite(asked, [asked[0].name], *both, vectors=vectors).embedding) == (
        False,
        True,
    )
    assert suite(asked, [asked[0].name], *both, vectors=vectors, near=0.8).near == 0.8


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000), st.integers(3, 5))
def test_what_is_held_out_by_battery_is_clean(seed: int, number: int) -> None:
    asked = [*questions(), *map(planted, PLANTED)]
    found = decided(SplitSpec(questions=number, seed=seed), asked)
    assert found.overlaps == ()
    assert question_overlaps(asked, found.split.questions) == ()
    assert 0 < len(found.split.questions) <= number


def test_nobody_is_suspected_without_reason() -> None:
    for seed in range(5):
        trained, scored = people(600, seed), people(400, seed + 50, "s")
        assert people_overlaps(trained, scored) == ()


def test_the_same_id_is_found() -> None:
    data = people(100, 1)
    found = people_overlaps(part(data, list(range(60))), part(data, list(range(58, 100))))
    assert [(o.scored, o.trained, o.kind) for o in found] == [
        ("p58", "p58", "same id"),
        ("p59", "p59", "same id"),
    ]


def test_the_same_row_under_another_id_is_found() -> None:
    data = people(500, 2)
    scored = part(data, [7, 8, *range(300, 500)], "copy-")
    found = people_overlaps(part(data, list(range(300))), scored)
    assert {(o.scored, o.trained, o.kind) for o in found} == {
        ("copy-p7", "p7", "same row"),
        ("copy-p8", "p8", "same row"),
    }


def test_rows_are_compared_by_what_both_panels_have_however_its_levels_are_ordered() -> None:
    data = people(200, 3)
    panel, answers = part(data, [5], "copy-")
    columns = {"region": panel.values("region"), "sex": panel.values("sex"), "shoes": ["42"]}
    other = from_columns(panel.ids, columns, panel.weights)
    some = answers.only([q.name for q in answers.questions[::-1][:29]])
    (found,) = people_overlaps(part(data, list(range(100))), (other, some))
    assert (found.scored, found.trained) == ("copy-p5", "p5")


def test_a_common_row_and_a_straight_liner_prove_nothing() -> None:
    panel, answers = people(300, 4)
    chosen = answers.chosen.copy()
    chosen[:2] = 0  # ticks down the first column
    chosen[2:4, 3:] = NO_ANSWER  # says next to nothing
    chosen[3] = chosen[2]
    codes = panel.codes.copy()
    codes[1], codes[3] = codes[0], codes[2]
    data = replace(panel, codes=codes), Answers(answers.questions, chosen)
    assert people_overlaps(part(data, [0, 2, *range(10, 200)]), part(data, [1, 3, *range(200, 300)])) == ()


def test_later_answers_of_people_trained_on_are_found() -> None:
    data = people(50, 5)
    found = people_overlaps(part(data, [1, 2]), part(data, [30, 31]), earlier=["p30", "p40"])
    assert [(o.scored, o.kind) for o in found] == [("p30", "retest")]
    assert people_sentences(found) == ("1 of the people whose later answers are scored on were trained on.",)


def test_panels_with_nothing_in_common_are_clean() -> None:
    first, second = people(20, 6), people(20, 7, "s")
    bare = replace(second[0].select([]), codes=np.zeros((20, 0), dtype=np.int64))
    other = Answers(
        (Question(name="x", text="Another matter", options=AGREE),), np.zeros((20, 1), dtype=np.int64)
    )
    assert people_overlaps(first, (bare, other)) == ()


def test_the_suite_puts_all_findings_together_and_names_nobody_in_words() -> None:
    world = survey(300, seed=3)
    rule = Split(5, 0.4, ("birds", "radar"))
    groups = rule.groups(world.people)
    rows = [np.flatnonzero(g) for g in (groups.trained, groups.held_out)]
    trained, scored = ((world.people.take(r), world.answers.take(r)) for r in rows)
    found = suite(world.answers.questions, rule.questions, trained, scored)
    assert not found.clean
    assert {o.kind for o in found.questions} == {"battery"}
    assert found.people == ()
    assert found.checked_questions == (2, 14)
    assert found.checked_people == (len(rows[1]), len(rows[0]))
    leaky = suite(world.answers.questions, (), trained, trained)
    assert {o.kind for o in leaky.people} == {"same id"}
    assert leaky.sentences() == (f"{len(rows[0])} of the people scored on were trained on (same id).",)
    assert suite(world.answers.questions, (), trained, scored).clean
