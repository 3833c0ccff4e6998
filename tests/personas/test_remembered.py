import dataclasses

import numpy as np
import pytest
from related_model import model as related
from related_model import panel
from simulated_survey import questions
from test_factored import PANEL, build
from word_encoder import WordEncoder

from personas.models.remembered import Identified, RememberedEncoder, predictions_known
from personas.models.work import work
from personas.question import Question

NEW = [
    Question(name="tea", text="How often do you drink tea?", options=("never", "sometimes", "daily")),
    Question(name="bus", text="Do you take the bus?", options=("yes", "no")),
]


class Kept:
    """A store in memory that counts what is looked up in vain."""

    def __init__(self):
        self.rows, self.missed = {}, 0

    def find(self, keys):
        self.missed += sum(key not in self.rows for key in keys)
        return [self.rows.get(key) for key in keys]

    def keep(self, keys, rows):
        self.rows |= dict(zip(keys, rows.copy(), strict=True))


def remembered(store, inner, assumed="words", identity="words"):
    return RememberedEncoder(store, assumed, inner.n_layers, lambda: Identified(inner, identity))


def texts(asked):
    return [q.text for q in asked for _ in q.options], [o for q in asked for o in q.options]


def test_what_was_encoded_comes_back_bit_for_bit_and_nothing_is_loaded_for_it():
    store, inner = Kept(), WordEncoder()
    first = remembered(store, inner).encode(*texts(NEW))
    again = RememberedEncoder(store, "words", inner.n_layers, lambda: pytest.fail("was loaded"))
    np.testing.assert_array_equal(again.encode(*texts(NEW)), first)
    np.testing.assert_array_equal(first, WordEncoder().encode(*texts(NEW)))
    assert again.passes(*texts(NEW)) == []
    assert again.loaded is None


def test_only_what_is_new_is_encoded_and_takes_its_place():
    store, inner = Kept(), WordEncoder()
    remembered(store, inner).encode(*texts(NEW[1:]))
    reader = remembered(store, inner)
    np.testing.assert_array_equal(reader.known(*texts(NEW)), [False] * 3 + [True] * 2)
    np.testing.assert_array_equal(reader.encode(*texts(NEW)), WordEncoder().encode(*texts(NEW)))
    assert inner.texts == 5
    assert reader.encode([], []).shape[1] == 0


@pytest.mark.parametrize("assumed", ["others", None])
def test_vectors_of_another_identity_are_not_taken(assumed):
    store, other = Kept(), WordEncoder(dim=48)
    remembered(store, other, "others", "others").encode(*texts(NEW[:1]))
    inner = WordEncoder()
    reader = remembered(store, inner, assumed)
    reader.encode(*texts(NEW))
    assert inner.texts == (5 if assumed is None else 2 + 3)
    assert reader.identity == "words"


def test_a_text_and_its_tail_are_told_apart():
    store, inner = Kept(), WordEncoder()
    remembered(store, inner).encode(["a b"], ["c"])
    assert not remembered(store, inner).known(["a"], ["b c"])[0]


def test_each_question_is_encoded_once_also_for_what_answers_share():
    found, people = related(trained=questions()[:6]), panel(9)
    asked = [q for q in questions()[6:] if q not in found.config.questions]
    encoder = found.load_encoder()
    before = encoder.texts
    found.distributions(people, asked)
    found.residuals_for(asked)
    assert encoder.texts - before == sum(len(q.options) for q in asked)


def test_predictions_are_looked_up_for_each_question():
    store = Kept()
    fitted = build(WordEncoder())
    first = dataclasses.replace(fitted, store=store)
    expected = first.head_for(NEW)
    again = dataclasses.replace(fitted, store=store)
    found = again.head_for(NEW)
    assert "everything" not in vars(again)
    np.testing.assert_array_equal(found.log_prior, expected.log_prior)
    np.testing.assert_array_equal(found.effects, expected.effects)
    np.testing.assert_array_equal(found.support, expected.support)
    assert found.standing == expected.standing
    plain = fitted.head_for(NEW)
    np.testing.assert_array_equal(plain.log_prior, expected.log_prior)
    assert all(predictions_known(store, fitted.fingerprint, fitted.option_vectors(NEW)))
    assert not any(predictions_known(store, "another", fitted.option_vectors(NEW)))
    assert again.fingerprint == fitted.fingerprint


def test_a_plan_counts_what_is_kept_and_encodes_nothing_for_it():
    store, inner = Kept(), WordEncoder()
    fitted = dataclasses.replace(build(inner), store=store, load_encoder=lambda: remembered(store, inner))
    cold = work(fitted, PANEL, NEW, 250)
    assert (cold.options, cold.remembered) == (5, 0)
    assert cold.algebra > cold.spared == 0
    assert len(store.rows) == 0
    fitted.distributions(PANEL, NEW)
    before = inner.texts
    warm = work(dataclasses.replace(fitted), PANEL, NEW, 250)
    assert (warm.options, warm.remembered, warm.algebra, warm.passes) == (0, 5, 0.0, 0)
    assert inner.texts == before
