import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from personas.models.language import LanguageModel
from personas.models.prefixes import Prefixes, Shared
from personas.models.tree import ROOT, Segment, pack, stack

TEXTS = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=7).map(tuple), min_size=1, max_size=6)
TREE = pack([Segment(ROOT, (4, 5)), Segment(0, (6, 7), scored=True), Segment(0, (6, 8, 9), scored=True)])


@given(TEXTS)
def test_each_beginning_is_there_once_and_every_text_can_be_spelt_out(texts):
    shared = Shared.of(texts)
    beginnings = {text[:n] for text in texts for n in range(1, len(text) + 1)}
    assert len(shared.ids) == len(beginnings)
    for text, path, length in zip(texts, shared.paths, shared.lengths, strict=True):
        own = path[len(path) - length :]
        assert tuple(shared.ids[own]) == text
        assert shared.positions[own].tolist() == list(range(len(text)))


@given(TEXTS)
def test_every_token_finds_its_way_back_to_where_it_stands(texts):
    shared = Shared.of(texts)
    assert shared.paths.reshape(-1)[shared.back].tolist() == list(range(len(shared.ids)))


@given(TEXTS, st.integers(1, 5))
def test_a_token_sees_what_stands_before_it_and_no_padding(texts, window):
    shared = Shared.of(texts)
    sight, longest = shared.sight(), shared.paths.shape[1]
    near = sight.within(window)
    for row, text in enumerate(texts):
        pad = longest - len(text)
        for place in range(len(text)):
            seen = np.flatnonzero(sight.allowed[row, pad + place]) - pad
            assert seen.tolist() == list(range(place + 1))
            seen = np.flatnonzero(near[row, pad + place]) - pad
            assert seen.tolist() == list(range(max(0, place - window + 1), place + 1))
    assert sight.allowed.any(axis=2).all()  # a row that sees nothing has no softmax


def test_an_empty_text_is_refused():
    for texts in ([], [(1, 2), ()]):
        with pytest.raises(ValueError, match="at least one token"):
            Shared.of(texts)


def test_texts_of_one_length_need_one_mask_for_all():
    assert Prefixes(np.array([3, 3]), []).sight(TREE).allowed.shape == (1, len(TREE), 3 + len(TREE))
    assert Prefixes(np.array([3, 2]), []).sight(TREE).allowed.shape == (2, len(TREE), 3 + len(TREE))


def test_what_is_read_behind_texts_is_what_is_read_with_them(tiny_language: LanguageModel) -> None:
    texts = [(1, 2, 3, 9, 8), (1, 2, 4), (1, 2, 3, 9, 8), tuple(range(1, 30))]
    at = np.concatenate([TREE.predictors[1], TREE.predictors[2]])
    tokens = np.array([6, 7, 6, 8, 9])
    before = tiny_language.read(texts)
    assert len(before.memory) == tiny_language.n_layers
    found = tiny_language.behind(before, TREE, at, tokens)
    again = tiny_language.behind(before, TREE, at, tokens)
    batch = stack([TREE.behind(text) for text in texts], "left")
    shift = batch.ids.shape[1] - len(TREE)
    whole = tiny_language.log_probabilities(batch, at + shift, tokens)
    np.testing.assert_allclose(found, whole, atol=1e-5)
    np.testing.assert_array_equal(found, again)
    assert np.ptp(found[:, 0]) > 0.01
