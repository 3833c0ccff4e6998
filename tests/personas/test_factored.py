from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from simulated_survey import OPTIONS, TOPICS, questions
from word_encoder import WordEncoder

from personas.errors import DataError
from personas.models import factored, projection
from personas.models.factored import (
    CONFIG,
    WEIGHTS,
    FactoredConfig,
    FactoredModel,
    attribute_vectors,
    known_head,
    load,
    option_blocks,
    question_option_vectors,
)
from personas.models.head import Kernels, normalised
from personas.models.kernel import KernelSettings, option_set
from personas.models.persons import person_encoder
from personas.panel import from_columns
from personas.question import Question

KERNEL = KernelSettings(text=1.0, position=0.3, length=0.5, noise=0.1)
KEPT = [q for q in questions() if q.name not in ("rivers", "tanks")]
MORE = Question(name="fruit", text="Which fruit?", options=("apple", "pear", "plum", "fig"), scale="nominal")
TRAINED = (*KEPT, MORE)
UNSEEN = tuple(q for q in questions() if q.name in ("rivers", "tanks"))
NOMINAL = Question(
    name="gift", text="Money for nature: give what?", options=("bees", "birds", "a fig"), scale="nominal"
)
STRANGE = Question(name="strange", text="Xyzzy plugh?", options=("foo", "bar", "baz"))
PANEL = from_columns(
    [f"p{i}" for i in range(5)],
    {
        "age": ["18 to 34 years", "35 to 54 years", "55 years or more", None, None],
        "sex": ["female", "male", None, "male", None],
    },
    np.ones(5),
)


def build(encoder: WordEncoder, text: float = 0.5) -> FactoredModel:
    """A model with made-up shares and effects; topics of one family are answered alike."""
    rng = np.random.default_rng(3)
    people = person_encoder(PANEL, PANEL.attributes, text, lambda pairs: attribute_vectors(encoder, pairs))
    lean = np.concatenate(
        [np.array([1.0, 0.0, -1.0]) * (1 if q.name in TOPICS["nature"] else -1) for q in KEPT] + [np.zeros(4)]
    )
    noise = 0.2 * rng.normal(size=len(lean))
    log_prior = normalised(lean + noise, option_blocks(TRAINED))
    effects = rng.normal(size=(people.width, 1)) * lean + 0.1 * rng.normal(size=(people.width, len(lean)))
    config = FactoredConfig(
        name="made up", base_model="words", base_fingerprint="words", layers=(0, 1), questions=TRAINED,
        attributes=people.attributes, text=text, split="none", seed=1,
        kernels=Kernels(shares=KERNEL, effects=KERNEL, amplitude=0.5, least_support=0.2),
    )  # fmt: skip
    vectors = question_option_vectors(encoder, TRAINED)
    space = projection.fitted(vectors)
    options = option_set(TRAINED, space.apply(vectors))
    head = known_head(config, log_prior, effects)
    return FactoredModel(config, options, space, people, head, np.zeros(len(log_prior)), lambda: encoder)


@pytest.fixture
def encoder() -> WordEncoder:
    return WordEncoder()


@pytest.fixture
def model(encoder: WordEncoder) -> FactoredModel:
    return build(encoder)


def test_distributions_sum_to_one_for_every_kind_of_question(model: FactoredModel) -> None:
    asked = [*TRAINED, *UNSEEN, NOMINAL, STRANGE]
    found = model.distributions(PANEL, asked)
    for question, distribution in zip(asked, found, strict=True):
        assert distribution.shape == (5, len(question.options))
        assert np.all(distribution > 0)
        np.testing.assert_allclose(distribution.sum(axis=1), 1.0)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 7), st.sampled_from(["ordinal", "nominal"]), st.integers(0, 1000))
def test_any_new_question_gets_a_distribution(n: int, scale: str, word: int) -> None:
    labels = tuple(f"word{word + i} {i}" for i in range(n))
    asked = Question(name="new", text=f"Money for thing{word}?", options=labels, scale=scale)
    found = build(WordEncoder()).distributions(PANEL, [asked])[0]
    np.testing.assert_allclose(found.sum(axis=1), 1.0)


def test_an_empty_persona_gets_exactly_the_prior(model: FactoredModel) -> None:
    found = model.distributions(PANEL.empty(), TRAINED)
    for block, distribution in zip(option_blocks(TRAINED), found, strict=True):
        expected = softmax(model.head.log_prior[block])
        np.testing.assert_array_equal(distribution, np.tile(expected, (5, 1)))


def test_attributes_that_are_unknown_or_untrained_add_nothing(model: FactoredModel) -> None:
    whole = model.distributions(PANEL, [*TRAINED, *UNSEEN])
    more = from_columns(
        PANEL.ids,
        {"pet": ["cat"] * 5, "sex": PANEL.values("sex"), "age": PANEL.values("age")},
        np.ones(5),
    )
    for one, other in zip(whole, model.distributions(more, [*TRAINED, *UNSEEN]), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)
    sex_only = model.distributions(PANEL.select(["sex"]).take(np.array([3])), TRAINED)
    for one, other in zip(whole, sex_only, strict=False):
        np.testing.assert_allclose(one[3], other[0], atol=1e-12)


def test_a_question_is_known_by_what_it_asks_and_not_by_its_name(
    model: FactoredModel, encoder: WordEncoder
) -> None:
    encoder.texts = 0
    renamed = [q.model_copy(update={"name": f"other {q.name}"}) for q in TRAINED]
    for one, other in zip(
        model.distributions(PANEL, TRAINED), model.distributions(PANEL, renamed), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    assert encoder.texts == 0


@pytest.mark.parametrize("order", [(1, 2, 0), (2, 1, 0)])
def test_a_trained_question_is_known_in_whatever_order_its_options_come(
    model: FactoredModel, encoder: WordEncoder, order: tuple[int, ...]
) -> None:
    encoder.texts = 0
    asked = TRAINED[2]
    turned = asked.model_copy(update={"options": tuple(asked.options[i] for i in order)})
    before, after = model.distributions(PANEL, [asked, turned])
    np.testing.assert_allclose(after, before[:, list(order)], atol=1e-14)
    assert encoder.texts == 0
    assert model.outside_support([turned]) == []


@pytest.mark.parametrize("order", [(1, 2, 0), (2, 1, 0)])
def test_permuting_the_options_of_a_new_question_permutes_its_distribution(
    model: FactoredModel, order: tuple[int, ...]
) -> None:
    turned = NOMINAL.model_copy(update={"options": tuple(NOMINAL.options[i] for i in order)})
    before = model.distributions(PANEL, [UNSEEN[0], NOMINAL, TRAINED[0]])
    after = model.distributions(PANEL, [UNSEEN[0], turned, TRAINED[0]])
    np.testing.assert_allclose(after[1], before[1][:, list(order)], atol=1e-12)
    for place in (0, 2):
        np.testing.assert_allclose(after[place], before[place], atol=1e-12)


def test_turning_an_ordered_scale_round_turns_the_distribution_round(encoder: WordEncoder) -> None:
    made = build(encoder)
    without = KERNEL.model_copy(update={"position": 0.0})
    silent = made.config.model_copy(
        update={
            "kernels": Kernels(shares=without, effects=without, amplitude=0.5, least_support=0.2),
        }
    )
    model = replace(made, config=silent)
    turned = UNSEEN[0].model_copy(update={"options": OPTIONS[::-1]})
    before, after = model.distributions(PANEL, [UNSEEN[0], turned])
    np.testing.assert_allclose(after, before[:, ::-1], atol=1e-12)


def test_answers_do_not_depend_on_order_company_or_batch(model: FactoredModel) -> None:
    asked = [UNSEEN[0], TRAINED[3], NOMINAL, UNSEEN[1], TRAINED[0]]
    together = model.distributions(PANEL, asked)
    backwards = model.distributions(PANEL.take(np.arange(5)[::-1]), asked[::-1])[::-1]
    for question, one, other in zip(asked, together, backwards, strict=True):
        np.testing.assert_allclose(other[::-1], one, atol=1e-12)
        alone = [model.distributions(PANEL.take(np.array([i])), [question])[0][0] for i in range(5)]
        np.testing.assert_allclose(alone, one, atol=1e-12)


def test_the_same_new_question_asked_twice_is_answered_alike(model: FactoredModel) -> None:
    again = UNSEEN[0].model_copy(update={"name": "again"})
    one, other = model.distributions(PANEL, [UNSEEN[0], again])
    np.testing.assert_allclose(one, other, atol=1e-12)


def test_new_questions_are_answered_like_near_ones(model: FactoredModel) -> None:
    rivers, tanks = model.distributions(PANEL.empty(), UNSEEN)
    assert rivers[0, 0] > 0.5 > 0.3 > rivers[0, 2]
    assert tanks[0, 2] > 0.5 > 0.3 > tanks[0, 0]


def test_a_question_that_nothing_is_near_is_answered_widely_and_named(model: FactoredModel) -> None:
    near, far = model.distributions(PANEL, [UNSEEN[0], STRANGE])
    assert np.abs(far - 1 / 3).max() < 0.5 * np.abs(near - 1 / 3).max()
    assert model.outside_support([TRAINED[0], *UNSEEN, STRANGE]) == ["strange"]


def test_persons_differ_on_new_questions_as_on_near_ones(model: FactoredModel) -> None:
    near = model.distributions(PANEL, [q for q in TRAINED if q.name in TOPICS["nature"]])
    trained = np.mean([d[:, 0] for d in near], axis=0)
    assert np.corrcoef(trained, model.distributions(PANEL, UNSEEN)[0][:, 0])[0, 1] > 0.95


def test_each_new_text_is_encoded_once_and_nothing_where_nothing_is_new(
    model: FactoredModel, encoder: WordEncoder
) -> None:
    encoder.texts = 0
    model.distributions(PANEL, TRAINED)
    assert encoder.texts == 0
    model.distributions(PANEL, [*TRAINED, *UNSEEN])
    model.distributions(PANEL.take(np.array([2, 0])), [*TRAINED, *UNSEEN])
    assert encoder.texts == 6
    older = from_columns(["x", "y"], {"age": ["100 years", "100 years"]}, np.ones(2))
    model.distributions(older, TRAINED)
    model.distributions(older, TRAINED)
    assert encoder.texts == 7


def test_saving_and_loading_gives_the_same_answers(
    model: FactoredModel, encoder: WordEncoder, tmp_path: Path
) -> None:
    model.save(tmp_path / "adapter")
    seen: list[FactoredConfig] = []

    def load_encoder(config: FactoredConfig) -> WordEncoder:
        seen.append(config)
        return encoder

    again = load(tmp_path / "adapter", load_encoder)
    assert again.config == model.config
    assert again.fingerprint == model.fingerprint
    assert seen == []
    asked = [*TRAINED, *UNSEEN, NOMINAL]
    for one, other in zip(model.distributions(PANEL, asked), again.distributions(PANEL, asked), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    assert seen == [model.config]
    again.save(tmp_path / "copy")
    assert (tmp_path / "copy" / WEIGHTS).read_bytes() == (tmp_path / "adapter" / WEIGHTS).read_bytes()


def test_the_fingerprint_follows_everything_that_answers_depend_on(model: FactoredModel) -> None:
    head = replace(model.head, effects=model.head.effects + 0.01)
    kernels = model.config.kernels.model_copy(update={"amplitude": 0.6})
    config = model.config.model_copy(update={"kernels": kernels})
    changed = [model, replace(model, head=head), replace(model, config=config), build(WordEncoder(), 0.0)]
    assert len({m.fingerprint for m in changed}) == 4


def spoil_weights(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:100])


def forget_weights(folder: Path) -> None:
    (folder / WEIGHTS).unlink()


def spoil_config(folder: Path) -> None:
    (folder / CONFIG).write_text('{"name": "half"')


def lose_a_tensor(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes(factored.tensor_bytes({"effects": np.zeros(2, dtype=np.float32)}))


def with_one(value: float, folder: Path, tensor: str) -> None:
    tensors = factored.load_tensors((folder / WEIGHTS).read_bytes())
    spoiled = {name: found.copy() for name, found in tensors.items()}
    spoiled[tensor].flat[-1] = value
    (folder / WEIGHTS).write_bytes(factored.tensor_bytes(spoiled))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("tensor", factored._TENSORS)
def test_a_weight_that_is_no_number_is_refused_with_the_name_of_its_tensor(
    model: FactoredModel, tmp_path: Path, tensor: str, value: float
) -> None:
    model.save(tmp_path)
    with_one(value, tmp_path, tensor)
    message = rf"1 of [\d,]+ weights of tensor '{tensor}' in model.safetensors are NaN or infinite; restore"
    with pytest.raises(DataError, match=message):
        load(tmp_path, lambda config: WordEncoder())


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_weights, "holds no persona model that can be read"),
        (forget_weights, "holds no persona model that can be read"),
        (spoil_config, "holds no persona model that can be read"),
        (lose_a_tensor, "lacks 'question_vectors'; train it again"),
    ],
)
def test_a_folder_without_a_whole_model_is_refused(
    model: FactoredModel, tmp_path: Path, spoil, message
) -> None:
    model.save(tmp_path)
    spoil(tmp_path)
    with pytest.raises(DataError, match=message):
        load(tmp_path, lambda config: WordEncoder())


def test_a_model_for_other_prompts_is_refused(model: FactoredModel, tmp_path: Path) -> None:
    replace(model, config=model.config.model_copy(update={"prompt_version": "0"})).save(tmp_path)
    with pytest.raises(DataError, match=r"prompts version 0; this program has .*: train it again"):
        load(tmp_path, lambda config: WordEncoder())
