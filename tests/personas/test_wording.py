import pytest

from personas.wording import counted, percent


@pytest.mark.parametrize(
    ("share", "digits", "said"),
    [(0.744, 0, "74\u00a0%"), (0.744, 1, "74.4\u00a0%"), (0.0, 1, "0.0\u00a0%"), (1.0, 0, "100\u00a0%")],
)
def test_a_share_is_said_in_per_cent_with_a_space_that_does_not_break(
    share: float, digits: int, said: str
) -> None:
    assert percent(share, digits) == said


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 rounds"), (1, "1 round"), (2, "2 rounds"), (1200, "1,200 rounds")]
)
def test_only_one_has_the_noun_for_one(number: int, said: str) -> None:
    assert counted(number, "round") == said


def test_a_noun_without_an_s_is_named() -> None:
    assert counted(2, "category", "categories") == "2 categories"
