from dataclasses import replace

import numpy as np
import pytest
from simulated_survey import Survey, log_score, survey
from word_encoder import WordEncoder

from grounding.splits import Split
from personas.models.factored import FactoredModel, load, question_option_vectors
from personas.models.head import normalised
from personas.models.kernel import centred_variance, damping, option_set
from personas.question import Question
from training.dataset import TrainingData
from training.hierarchy.base import BaseModel
from training.hierarchy.loop import Fitted, fit
from training.hierarchy.reference import combine, context, expected, without

ENCODER = WordEncoder()
BASE = BaseModel("words", "words", (0, 1), ENCODER, "words")
NATURE = ("rivers", "forests", "birds", "lakes", "meadows", "whales")
ARMY = ("tanks", "soldiers", "barracks", "missiles", "ships", "planes")
OWN = ("parks", "bees", "radar", "helmets")


def data(world: Survey, names: tuple[str, ...], people: int | None = None) -> TrainingData:
    rows = np.arange(len(world.people) if people is None else people)
    part = world.people.take(rows)
    return TrainingData(part, world.answers.take(rows).only(names), part.weights / part.weights.mean())


def silent(line: str) -> None:
    """Nobody listens."""


@pytest.fixture(scope="module")
def reference() -> FactoredModel:
    first, second = survey(900, 31, prefix="a"), survey(700, 32, prefix="b")
    surveys = [("first", data(first, NATURE)), ("second", data(second, ARMY))]
    return combine("reference", surveys, BASE, 3, 1, silent)[0]


@pytest.fixture(scope="module")
def newcomers() -> Survey:
    return survey(1500, 35, missing=0.0, prefix="new")


def small(reference: FactoredModel | None, people: int) -> Fitted:
    own = data(survey(people, 33, prefix="own"), OWN)
    return fit("own", own, BASE, Split(1, 0.2, ()), 3, 1, silent, reference=reference)


def score(model: FactoredModel, world: Survey, names: tuple[str, ...]) -> float:
    answers = world.answers.only(names)
    return log_score(model.distributions(world.people, answers.questions), answers)


def test_a_reference_knows_the_questions_of_all_its_surveys_but_not_their_wording(
    reference: FactoredModel,
) -> None:
    assert reference.config.questions == ()
    assert [c.name for c in reference.config.context] == [*NATURE, *ARMY]
    assert {c.source for c in reference.config.context} == {"first", "second"}
    assert "Money" not in reference.config.model_dump_json()


def test_a_reference_answers_the_questions_of_its_surveys_and_new_ones_like_them(
    reference: FactoredModel, newcomers: Survey
) -> None:
    asked = newcomers.answers.only(NATURE).questions
    assert reference.head_for(asked).standing == ("reference",) * 6
    uniform = -float(np.log(3))
    assert score(reference, newcomers, NATURE) > uniform + 0.08
    assert score(reference, newcomers, OWN) > uniform + 0.03
    assert set(reference.head_for(newcomers.answers.only(OWN).questions).standing) == {"near"}


def test_what_a_reference_expects_of_questions_is_what_it_answers(reference: FactoredModel) -> None:
    asked = survey(10, 1).answers.only(OWN).questions
    options = option_set(asked, reference.projection.apply(question_option_vectors(ENCODER, asked)))
    found = expected(reference, options, reference.persons)
    head = reference.head_for(asked)
    variance = np.concatenate([centred_variance(found.shares.covariance[b, b]) for b in options.blocks])
    widen = damping(variance, options.blocks)
    np.testing.assert_allclose(
        normalised(found.shares.mean * widen, options.blocks), head.log_prior, atol=1e-9
    )
    # Known effects are not averaged over uncertain shares.
    np.testing.assert_allclose(found.effects * widen, head.effects, atol=1e-9)
    assert np.all(variance > 0)


def test_few_people_gain_from_a_reference(reference: FactoredModel, newcomers: Survey) -> None:
    alone, helped = small(None, 40), small(reference, 40)
    assert score(helped.model, newcomers, OWN) > score(alone.model, newcomers, OWN) + 0.01
    assert helped.prior.expected
    assert helped.model.config.reference == reference.fingerprint


def test_many_people_are_not_misled_by_a_reference_that_is_wrong(
    reference: FactoredModel, newcomers: Survey
) -> None:
    head = reference.head
    turned = replace(
        reference, head=replace(head, log_prior=head.log_prior[::-1].copy(), effects=-head.effects)
    )
    alone, misled = small(None, 700), small(turned, 700)
    assert score(misled.model, newcomers, OWN) > score(alone.model, newcomers, OWN) - 0.004


def test_questions_that_only_the_reference_knows_are_answered_by_a_small_panels_model(
    reference: FactoredModel, newcomers: Survey
) -> None:
    alone, helped = small(None, 120), small(reference, 120)
    asked = newcomers.answers.only(NATURE).questions
    assert set(helped.model.head_for(asked).standing) == {"reference"}
    assert score(helped.model, newcomers, NATURE) > score(alone.model, newcomers, NATURE)


def test_a_question_left_out_of_a_reference_is_as_if_it_had_never_been_in_it(
    reference: FactoredModel,
) -> None:
    gone = survey(10, 1).answers.only(["rivers", "tanks"]).questions
    rest = without(reference, {q.fingerprint for q in gone})
    assert [c.name for c in rest.config.context] == [*NATURE[1:], *ARMY[1:]]
    assert set(rest.head_for(gone).standing) <= {"near", "kind"}
    kept = survey(10, 1).answers.only(["birds", "ships"]).questions
    np.testing.assert_array_equal(rest.head_for(kept).log_prior, reference.head_for(kept).log_prior)
    assert without(reference, set()) is reference
    with pytest.raises(ValueError, match="no question of the reference is left"):
        without(reference, {c.fingerprint for c in reference.config.context})


def test_attributes_of_a_reference_are_matched_by_name_and_value(reference: FactoredModel) -> None:
    own = small(None, 60).model.persons
    matrix = own.onto(reference.persons)
    panel = survey(50, 2).people
    direct = reference.persons.encode(panel.select([a.name for a in own.attributes])) @ reference.head.effects
    mapped = own.encode(panel) @ (matrix @ reference.head.effects)
    # The two differ by what each calls the average person.
    spread = (direct - direct.mean(axis=0)) - (mapped - mapped.mean(axis=0))
    assert np.abs(spread).max() < 0.1 * np.abs(direct).max() + 1e-9
    strange = replace(
        own, attributes=tuple(a.model_copy(update={"name": f"x{a.name}"}) for a in own.attributes)
    )
    assert not strange.onto(reference.persons)[1:].any()


def test_a_saved_model_with_its_context_answers_as_before(reference: FactoredModel, tmp_path) -> None:
    model = small(reference, 80).model
    model.save(tmp_path)
    again = load(tmp_path, lambda config: ENCODER)
    panel = survey(30, 3).people
    asked: list[Question] = [*survey(10, 1).answers.questions]
    for one, other in zip(model.distributions(panel, asked), again.distributions(panel, asked), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    assert len(context(reference, model.persons).questions) == 12


def test_effects_of_a_reference_are_the_same_for_persons_whose_values_are_known_by_their_texts(
    reference: FactoredModel,
) -> None:
    plain = small(None, 60).model.persons
    texts = replace(plain, text=0.5)
    panel = survey(50, 2).people
    found = [
        own.encode(panel)[:, 1:] @ (own.onto(reference.persons) @ reference.head.effects)[1:]
        for own in (replace(plain, text=0.0), texts)
    ]
    np.testing.assert_allclose(found[1], found[0], atol=1e-4)
