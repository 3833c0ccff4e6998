import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from personas.draws import draw, name_key, philox, uniforms

# Random123 known-answer vectors for philox4x32-10 (kat_vectors of the Random123 distribution).
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]
ids = st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=6, unique=True)


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN)
def test_philox_gives_the_published_words(
    counter: tuple[int, ...], key: tuple[int, int], expected: tuple[int, ...]
) -> None:
    words = philox(np.array(counter, dtype=np.uint64)[:, None], key)
    assert words[:, 0].tolist() == list(expected)


@settings(max_examples=40)
@given(st.integers(0, 2**64 - 1), ids, ids, st.data())
def test_a_draw_is_the_same_for_any_batch_and_order(
    seed: int, persons: list[str], questions: list[str], data: st.DataObject
) -> None:
    whole = uniforms(seed, persons, questions)
    some = data.draw(st.permutations(range(len(persons))))[: data.draw(st.integers(1, len(persons)))]
    turned = data.draw(st.permutations(range(len(questions))))
    again = uniforms(seed, [persons[i] for i in some], [questions[j] for j in turned])
    np.testing.assert_array_equal(again, whole[np.ix_(some, turned)])
    assert whole.shape == (len(persons), len(questions))
    assert np.all((whole >= 0) & (whole < 1))


def test_another_seed_person_or_question_gives_another_number() -> None:
    numbers = [uniforms(s, [p], [q]).item() for s in (0, 1, 2**32) for p in ("a", "b") for q in ("a", "b")]
    assert len(set(numbers)) == 12


def test_keys_of_names_are_the_same_on_every_machine() -> None:
    # blake2b with a digest of 8 bytes, read as a little-endian number (computed with b2sum -l 64).
    assert name_key("") == int.from_bytes(bytes.fromhex("e4a6a0577479b2b4"), "little")
    assert name_key("p0001") != name_key("p0002")


def test_uniforms_are_uniform_over_persons_and_over_questions() -> None:
    persons, questions = [f"p{i}" for i in range(200)], [f"q{i}" for i in range(100)]
    numbers = uniforms(7, persons, questions)
    assert scipy.stats.kstest(numbers.ravel(), "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(numbers[:-1].ravel(), numbers[1:].ravel())[0, 1]) < 4 / np.sqrt(numbers.size)


def test_frequencies_of_draws_match_the_distribution() -> None:
    distribution = np.array([0.1, 0.0, 0.35, 0.5, 0.05])
    n = 20_000
    numbers = uniforms(3, [f"p{i}" for i in range(n)], ["q"])[:, 0]
    counts = np.bincount(draw(np.tile(distribution, (n, 1)), numbers), minlength=5)
    assert counts[1] == 0
    asked = distribution > 0
    assert scipy.stats.chisquare(counts[asked], n * distribution[asked]).pvalue > 1e-3


@settings(max_examples=60)
@given(
    st.lists(st.floats(0, 1), min_size=2, max_size=7).filter(lambda w: sum(w) > 1e-3),
    st.floats(0, 1, exclude_max=True),
)
def test_an_option_of_probability_zero_is_never_drawn(weights: list[float], uniform: float) -> None:
    distribution = np.array([weights]) / sum(weights)
    option = int(draw(distribution, np.array([uniform]))[0])
    assert 0 <= option < len(weights)
    assert distribution[0, option] > 0


def test_draws_invert_the_distribution_function() -> None:
    rows = np.tile([0.25, 0.5, 0.25], (5, 1))
    assert draw(rows, np.array([0.0, 0.24, 0.25, 0.74, 0.75])).tolist() == [0, 0, 1, 1, 2]
