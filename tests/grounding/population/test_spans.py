import math

import pytest

from grounding.population.spans import Span, span, spans


@pytest.mark.parametrize(
    ("category", "expected"),
    [
        ("42", (42, 42)),
        ("15-19", (15, 19)),
        ("15–19", (15, 19)),
        ("15 to 19", (15, 19)),
        ("15 bis 19", (15, 19)),
        ("85+", (85, math.inf)),
        ("85 and over", (85, math.inf)),
        ("85 or older", (85, math.inf)),
        ("85 und älter", (85, math.inf)),
        ("2.5-3.5", (2.5, 3.5)),
    ],
)
def test_numbers_and_ranges_are_read(category: str, expected: tuple[float, float]) -> None:
    assert span(category) == Span(*expected)


@pytest.mark.parametrize(
    "category", ["male", "", "19-15", "Under $5,000", "$5,000 to $9,999", "1st - 4th grade", "-3"]
)
def test_words_are_no_ranges(category: str) -> None:
    assert span(category) is None


def test_one_word_among_the_categories_makes_them_all_words() -> None:
    assert spans(["0-17", "unknown"]) is None
    assert spans(["0-17", "18+"]) == {"0-17": Span(0, 17), "18+": Span(18, math.inf)}
