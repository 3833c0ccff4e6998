"""Prompts of the untuned language model, on a tiny random one, and what is looked up for them."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from simulated_survey import survey
from tiny_model import OneByOne
from word_encoder import WordEncoder

from personas.answer import Answers
from personas.errors import DataError, MirrorpanelError, UnknownName
from personas.measures import orders
from personas.models.language import LanguageModel
from personas.panel import Panel, from_columns
from personas.prompt import option_text, person_text, question_text
from personas.question import Question
from training.dataset import TrainingData
from training.ladder.rungs import catalogue, neighbours, prompting, retrieval
from training.ladder.rungs.catalogue import RUNGS, Tools
from training.ladder.rungs.columns import columns
from training.ladder.rungs.prompting import Prompt, PromptModel

SPENDING = ("too little", "about right", "too much")


def asked_of(text: str, name: str) -> Question:
    return Question(name=name, text=text, options=SPENDING)


def trained() -> TrainingData:
    """The young say too little and the old too much, on two topics."""
    ages = ["young"] * 20 + ["old"] * 20
    people = from_columns(
        [f"t{i}" for i in range(40)], {"age": ages, "eyes": ["blue", "brown"] * 20}, np.ones(40)
    )
    questions = (
        asked_of("money for rivers and lakes", "rivers"),
        asked_of("money for tanks and guns", "tanks"),
    )
    rivers = np.array([0] * 20 + [2] * 20)
    chosen = np.stack([rivers, 2 - rivers], axis=1).astype(np.int64)
    chosen[::10] = 1
    return TrainingData(people, Answers(questions, chosen), np.ones(40))


def plain_prompts(language: LanguageModel) -> prompting.Prompts:
    def prompts(panel: Panel, questions: Sequence[Question]) -> Iterator[list[Prompt]]:
        for row in range(len(panel)):
            before = (*language.start, *language.tokens(person_text(panel.person(row).attributes)))
            yield [
                Prompt(
                    before + language.tokens(question_text(q)),
                    tuple(language.tokens(option_text(o)) for o in q.options),
                )
                for q in questions
            ]

    return prompts


def test_packed_prompts_are_scored_as_each_option_alone_would_be(
    tiny_language: LanguageModel,
    small_panel: Panel,
    few_questions: tuple[Question, ...],
    one_by_one: OneByOne,
) -> None:
    model = PromptModel("plain", "", tiny_language, plain_prompts(tiny_language))
    found = model.distributions(small_panel, few_questions)
    for question, own in zip(few_questions, found, strict=True):
        np.testing.assert_allclose(own, one_by_one(tiny_language, small_panel, question), atol=1e-5)


def test_many_questions_are_spread_over_several_trees_without_changing_anything(
    tiny_language: LanguageModel, small_panel: Panel, few_questions: tuple[Question, ...]
) -> None:
    many = [
        few_questions[0].model_copy(update={"name": f"q{i}", "text": f"Topic {i} of many?"})
        for i in range(30)
    ]
    model = PromptModel("plain", "", tiny_language, plain_prompts(tiny_language))
    one = small_panel.take(np.arange(1))
    together = model.distributions(one, many)
    np.testing.assert_allclose(together[29], model.distributions(one, many[29:])[0], atol=1e-5)


def test_a_prompt_longer_than_the_model_reads_is_refused_with_its_length(
    tiny_language: LanguageModel, few_questions: tuple[Question, ...]
) -> None:
    long = from_columns(["p"], {"story": ["word " * 600]}, np.ones(1))
    with pytest.raises(DataError, match=r"reads 512; shorten the attributes"):
        prompting.instructed(tiny_language).distributions(long, few_questions[:1])


def test_instructions_list_the_options_so_their_order_can_matter(
    tiny_language: LanguageModel, small_panel: Panel, few_questions: tuple[Question, ...]
) -> None:
    model = prompting.instructed(tiny_language)
    question = few_questions[0]
    shown: list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]] = []
    for order in orders.cyclic(3):
        turned = question.model_copy(update={"options": tuple(question.options[i] for i in order)})
        shown.append(orders.restored(model.distributions(small_panel, [turned])[0], order))
    assert orders.order_sensitivity(shown, np.ones(5)) > 1e-4


def test_people_are_alike_in_the_attributes_that_tell_something() -> None:
    data = trained()
    people = neighbours.people(data, columns(data))
    weights = dict(zip(data.people.attributes, people.weights, strict=True))
    assert weights["age"] > 0.9
    someone = from_columns(["s"], {"eyes": ["brown"], "age": ["old"]}, np.ones(1))
    near = neighbours.nearest(people.similarity(someone), 20)[0]
    assert set(near.tolist()) == set(range(20, 40))


def test_few_shot_prompts_show_the_answers_of_similar_people(tiny_language: LanguageModel) -> None:
    data = trained()
    texts: list[str] = []

    class Spy(LanguageModel):
        def tokens(self, text: str) -> tuple[int, ...]:
            texts.append(text)
            return super().tokens(text)

    spy = Spy(**{f: getattr(tiny_language, f) for f in tiny_language.__dataclass_fields__})
    model = prompting.few_shot(spy, data, WordEncoder(), examples=4)
    young = from_columns(["s"], {"age": ["young"], "eyes": ["blue"]}, np.ones(1))
    new = asked_of("money for lakes and ponds", "lakes")
    own, unseen = model.distributions(young, [data.answers.questions[0], new])
    np.testing.assert_allclose([own.sum(), unseen.sum()], 1.0)
    first, second = (t for t in texts if "Similar people answered" in t)
    assert first.count("too little") >= 3
    assert first.endswith("\nAnswer:")
    # The new question is like the one about rivers, whose answers come before it.
    assert "rivers and lakes\nSimilar people answered: too little" in second
    assert second.endswith("Question: money for lakes and ponds\nAnswer:")


def test_retrieval_answers_a_new_question_from_the_one_nearest_by_text() -> None:
    made = survey(400, seed=6, missing=0.0)
    kept = [q.name for q in made.answers.questions if q.name not in ("rivers", "tanks")]
    data = TrainingData(made.people, made.answers.only(kept), np.ones(400))
    model = retrieval.fit(data, WordEncoder())
    rivers, tanks = made.answers.only(["rivers", "tanks"]).questions
    found = model.distributions(made.people, [rivers, tanks])
    for own, name in zip(found, ("rivers", "tanks"), strict=True):
        place = [q.name for q in made.answers.questions].index(name)
        truth = made.truth[place].mean(axis=0)
        assert np.abs(own.mean(axis=0) - truth).sum() < np.abs(1 / 3 - truth).sum()
    kind = retrieval.fit(data).distributions(made.people, [rivers])[0]
    assert np.ptp(kind, axis=0).max() == 0.0


def test_options_correspond_where_they_are_the_same_or_steps_of_as_many() -> None:
    steps = asked_of("a", "a")
    other = Question(name="b", text="b", options=("never", "at times", "always"))
    kinds = Question(name="c", text="c", options=("red", "green", "blue"), scale="nominal")
    assert neighbours.comparable(steps, other)
    assert not neighbours.comparable(steps, kinds)
    assert neighbours.comparable(kinds, kinds.model_copy(update={"name": "d", "text": "d"}))


def test_an_unknown_rung_and_a_missing_language_model_are_named() -> None:
    with pytest.raises(UnknownName, match="Unknown rung 'lasso'"):
        catalogue.get("lasso")
    with pytest.raises(MirrorpanelError, match="needs a language model"):
        RUNGS["plain_prompt"].make(trained(), Tools())
