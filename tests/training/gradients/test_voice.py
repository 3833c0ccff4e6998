import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cityblock

from training.gradients import voice

TEXTS = st.lists(
    st.lists(st.sampled_from("abcdef"), min_size=1, max_size=6).map(" ".join), min_size=1, max_size=8
)


def test_words_are_small_and_without_punctuation() -> None:
    assert voice.words("It's OK! Größe – 3 Äpfel, don’t.") == ("it's", "ok", "größe", "3", "äpfel", "don’t")
    assert voice.words("😎 !!") == ()


def test_distinct_counts_different_over_all() -> None:
    assert voice.distinct(["a b a", "b"], 1) == pytest.approx(2 / 4)
    assert voice.distinct(["a b a", "b"], 2) == pytest.approx(1.0)
    assert voice.distinct(["a", "b"], 2) is None


def test_the_overlap_has_the_value_worked_in_its_description() -> None:
    assert voice.overlap(["a a b"], ["a c"]) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="words on both sides"):
        voice.overlap(["!!"], ["a"])


@settings(deadline=None)
@given(TEXTS, TEXTS)
def test_the_overlap_is_one_less_half_the_distance_of_word_shares(
    first: list[str], second: list[str]
) -> None:
    shares = []
    for texts in (first, second):
        counts = np.array([sum(text.split().count(w) for text in texts) for w in "abcdef"], dtype=float)
        shares.append(counts / counts.sum())
    assert voice.overlap(first, second) == pytest.approx(1 - cityblock(*shares) / 2)
    assert voice.overlap(first, first) == pytest.approx(1.0)


def test_real_answers_compared_with_themselves_differ_in_nothing() -> None:
    texts = ["pumpkin pie", "we never eat that", "no", "pecan pie of course"]
    result = voice.compare(texts, texts, np.random.default_rng(0))
    assert result.overlap == pytest.approx(1.0)
    assert result.length_distance == 0.0
    assert result.distinct_1 == result.real_distinct_1
    assert result.length == pytest.approx((2 + 4 + 1 + 4) / 4)


def test_longer_and_poorer_texts_are_told_apart() -> None:
    real = ["pumpkin pie", "we never eat that", "no", "pecan pie of course"]
    dull = ["the the the the the the"] * 40
    result = voice.compare(dull, real, np.random.default_rng(0))
    assert result.distinct_1 == pytest.approx(1 / 24)
    assert result.overlap == 0.0
    assert result.length_distance == pytest.approx(6 - 11 / 4)
    with pytest.raises(ValueError, match="on both sides"):
        voice.compare([], real, np.random.default_rng(0))
