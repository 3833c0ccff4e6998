from collections.abc import Sequence

import numpy as np
import pytest
from word_encoder import WordEncoder

from personas.arrays import FloatArray
from personas.models.factored import attribute_vectors
from personas.models.persons import PersonEncoder, person_encoder
from personas.panel import Panel, from_columns

COLUMNS: dict[str, Sequence[str | None]] = {
    "age": ["young people", "young people", "middle years", "old people", "old people", None],
    "sex": ["female", "male", "female", "male", None, "male"],
    "region": ["north", "south", "north", None, "north", "south"],
}
WEIGHTS = np.array([1.0, 2.0, 0.5, 1.0, 1.5, 1.0])


class Words:
    """Encodes attribute values and remembers which."""

    def __init__(self) -> None:
        self.encoder = WordEncoder()
        self.asked: list[tuple[str, str]] = []

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> FloatArray:
        self.asked.extend(pairs)
        return attribute_vectors(self.encoder, pairs)


@pytest.fixture
def words() -> Words:
    return Words()


@pytest.fixture
def panel() -> Panel:
    return from_columns([f"p{i}" for i in range(6)], COLUMNS, WEIGHTS)


def one(**values: str | None) -> Panel:
    return from_columns(["someone"], {k: [v] for k, v in values.items()}, np.ones(1))


def encoder(panel: Panel, words: Words, text: float = 0.5) -> PersonEncoder:
    return person_encoder(panel, panel.attributes, text, words)


def test_a_person_of_whom_nothing_is_known_is_the_zero_vector(panel: Panel, words: Words) -> None:
    np.testing.assert_array_equal(encoder(panel, words).encode(panel.empty()), np.zeros((6, 8)))


def test_the_first_number_is_the_share_of_attributes_known(panel: Panel, words: Words) -> None:
    first = encoder(panel, words).encode(panel)[:, 0]
    np.testing.assert_allclose(first, [1, 1, 1, 2 / 3, 2 / 3, 2 / 3])


def test_a_person_with_one_attribute_known_uses_that_one(panel: Panel, words: Words) -> None:
    made = encoder(panel, words)
    alone = made.encode(one(sex="male"))[0]
    whole = made.encode(one(age="old people", sex="male", region="north"))[0]
    np.testing.assert_array_equal(np.flatnonzero(alone), [0, 4, 5])
    np.testing.assert_array_equal(alone[4:6], whole[4:6])
    assert alone[0] == pytest.approx(1 / 3)


def test_an_unknown_attribute_is_like_an_attribute_that_the_panel_lacks(panel: Panel, words: Words) -> None:
    made = encoder(panel, words)
    unknown = made.encode(one(age=None, sex="male", region=None))
    np.testing.assert_array_equal(unknown, made.encode(one(sex="male")))
    assert made.missing(one(sex="male")) == ["age", "region"]


def test_attributes_that_were_not_trained_on_are_left_out(panel: Panel, words: Words) -> None:
    made = encoder(panel, words)
    np.testing.assert_array_equal(made.encode(one(sex="male", shoe_size="42")), made.encode(one(sex="male")))


def test_columns_and_levels_may_come_in_any_order(panel: Panel, words: Words) -> None:
    made = encoder(panel, words)
    turned = Panel(panel.ids, panel.attributes, tuple(v[::-1] for v in panel.levels), panel.codes, WEIGHTS)
    codes = turned.codes.copy()
    for a, levels in enumerate(panel.levels):
        known = codes[:, a] >= 0
        codes[known, a] = len(levels) - 1 - codes[known, a]
    turned = Panel(panel.ids, panel.attributes, turned.levels, codes, WEIGHTS).select(
        ["region", "age", "sex"]
    )
    np.testing.assert_allclose(made.encode(turned), made.encode(panel))


def test_the_average_person_of_the_training_panel_is_zero(panel: Panel, words: Words) -> None:
    vectors = encoder(panel, words).encode(panel)[:, 1:]
    np.testing.assert_allclose(WEIGHTS @ vectors, 0.0, atol=1e-12)


def test_inner_products_are_the_kernel_between_values(panel: Panel, words: Words) -> None:
    ages = ["young people", "middle years", "old people"]
    for text in (0.0, 0.5):
        made = encoder(panel, words, text)
        rows = np.stack([made.encode(one(age=a))[0, 1:4] for a in ages])
        products = (rows - rows[:1]) @ (rows - rows[:1]).T
        if text == 0.0:
            np.testing.assert_allclose(products[1:, 1:], [[2, 1], [1, 2]], atol=1e-4)
        else:
            assert products[2, 2] < products[1, 1]


def test_an_untrained_value_is_placed_near_similar_trained_values(panel: Panel, words: Words) -> None:
    made = encoder(panel, words)
    new = made.encode(one(age="very old people indeed"), words)[0]
    distance = {a: np.linalg.norm(new - made.encode(one(age=a))[0]) for a in panel.levels[0]}
    assert min(distance, key=lambda a: distance[a]) == "old people"
    assert new[0] == pytest.approx(1 / 3)


def test_only_values_that_are_new_and_used_are_encoded(panel: Panel, words: Words) -> None:
    made = encoder(panel, words)
    words.asked.clear()
    wide = from_columns(
        ["a", "b"], {"age": ["ancient people", "old people"], "pet": ["cat", "dog"]}, np.ones(2)
    )
    made.encode(wide.take(np.array([1])), words)
    assert words.asked == []
    made.encode(wide, words)
    assert words.asked == [("age", "ancient people")]


def test_where_texts_count_for_nothing_a_new_value_is_not_encoded(panel: Panel, words: Words) -> None:
    made = encoder(panel, words, 0.0)
    one_new, other_new = made.encode(one(age="ancient")), made.encode(one(age="newborn"))
    np.testing.assert_array_equal(one_new, other_new)


def test_a_new_value_without_an_encoder_is_refused(panel: Panel, words: Words) -> None:
    with pytest.raises(ValueError, match=r"'age' has untrained values \['ancient'\]"):
        encoder(panel, words).encode(one(age="ancient"))


def test_an_attribute_with_a_single_value_says_only_that_it_is_known(words: Words) -> None:
    panel = from_columns(["a", "b"], {"country": ["here", "here"], "sex": ["female", "male"]}, np.ones(2))
    made = encoder(panel, words)
    np.testing.assert_allclose(made.encode(one(country="here")), [[0.5, 0, 0, 0]], atol=1e-12)


def test_an_attribute_that_is_not_known_of_anybody_is_refused(words: Words) -> None:
    panel = from_columns(["a", "b"], {"sex": ["female", None]}, np.array([0.0, 1.0]))
    with pytest.raises(ValueError, match="'sex' is not known of anybody; leave it out"):
        encoder(panel, words)
    nobody = from_columns(["a"], {"sex": [None]}, np.ones(1))
    with pytest.raises(ValueError, match="'sex' is not known of anybody"):
        encoder(nobody, words)
