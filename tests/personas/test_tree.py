import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personas.models.tree import ROOT, Segment, Tree, pack, stack

token_lists = st.lists(st.integers(0, 3), min_size=1, max_size=4).map(tuple)


@st.composite
def segment_lists(draw: st.DrawFn) -> list[Segment]:
    segments: list[Segment] = []
    for number in range(draw(st.integers(1, 7))):
        open_ends = [i for i in range(number) if not segments[i].scored]
        parent = draw(st.sampled_from([ROOT, *open_ends]))
        segments.append(Segment(parent, draw(token_lists), draw(st.booleans())))
    return segments


def path_of(segments: list[Segment], number: int) -> list[int]:
    segment = segments[number]
    before = [] if segment.parent == ROOT else path_of(segments, segment.parent)
    return [*before, *segment.tokens]


def seen_by(tree: Tree, place: int) -> list[int]:
    """Tokens that the token at ``place`` sees, itself included, in the order of their positions."""
    places = np.flatnonzero(tree.mask[place])
    return [int(tree.ids[p]) for p in places[np.argsort(tree.positions[places])]]


@settings(max_examples=60)
@given(segment_lists())
def test_what_predicts_a_token_sees_exactly_what_stands_before_it(segments: list[Segment]) -> None:
    tree = pack(segments)
    for number, segment in enumerate(segments):
        whole = path_of(segments, number)
        offset = len(whole) - len(segment.tokens)
        for k, place in enumerate(tree.predictors[number]):
            expected = whole[: offset + k]
            assert (seen_by(tree, int(place)) if place != ROOT else []) == expected


@settings(max_examples=60)
@given(segment_lists())
def test_equal_beginnings_are_packed_once(segments: list[Segment]) -> None:
    tree = pack(segments)
    read = [path_of(segments, n)[: len(path_of(segments, n)) - int(s.scored)] for n, s in enumerate(segments)]
    beginnings = {tuple(path[:n]) for path in read for n in range(1, len(path) + 1)}
    assert len(tree) == len(beginnings)


@settings(max_examples=30)
@given(segment_lists(), st.lists(st.integers(5, 9), max_size=3))
def test_a_prefix_becomes_the_beginning_of_every_path(segments: list[Segment], prefix: list[int]) -> None:
    tree, bare = pack(segments).behind(prefix), pack(segments)
    for place in range(len(bare)):
        assert seen_by(tree, place + len(prefix)) == [*prefix, *seen_by(bare, place)]


def test_an_option_that_continues_another_shares_its_tokens() -> None:
    tree = pack([Segment(ROOT, (7, 8)), Segment(0, (1,), True), Segment(0, (1, 2), True)])
    assert tree.ids.tolist() == [7, 8, 1]
    assert [p.tolist() for p in tree.predictors] == [[ROOT, 0], [1], [1, 2]]


def test_padding_is_seen_by_nobody_and_sees_itself() -> None:
    short, long = pack([Segment(ROOT, (1, 2))]), pack([Segment(ROOT, (3, 4, 5))])
    batch = stack([short, long], "left")
    assert batch.ids.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert batch.mask[0].tolist() == [[True, False, False], [False, True, False], [False, True, True]]
    assert stack([short, long], "right").ids.tolist() == [[1, 2, 0], [3, 4, 5]]


def test_a_segment_must_have_tokens_and_an_open_parent() -> None:
    with pytest.raises(ValueError, match="segment 0 has no tokens"):
        pack([Segment(ROOT, ())])
    with pytest.raises(ValueError, match="parent 3; it must be -1 or an earlier one"):
        pack([Segment(3, (1,))])
    with pytest.raises(ValueError, match="continues segment 0, whose last token is not read"):
        pack([Segment(ROOT, (1,), True), Segment(0, (1,))])
