import numpy as np
import pytest
from pydantic import ValidationError

from personas.question import Question


def question(**changes: object) -> Question:
    content = {
        "name": "natenvir",
        "text": "The environment?",
        "options": ("little", "right", "much"),
        **changes,
    }
    return Question.model_validate(content)


def test_the_fingerprint_follows_what_is_asked_and_not_the_name() -> None:
    first = question()
    assert question(name="other").fingerprint == first.fingerprint
    others = [
        question(text="Health?"),
        question(options=("much", "right", "little")),
        question(options=("little", "right", "too much")),
        question(scale="nominal"),
    ]
    assert len({first.fingerprint, *(q.fingerprint for q in others)}) == 5
    # Noted once: a change of this value makes old runs unresumable and must be meant.
    assert first.fingerprint == "aaceb62f9a9c063c"


@pytest.mark.parametrize(
    "options", [(), ("only",), ("yes", "yes"), ("yes", " "), ("yes", ""), ("yes", "\u200b")]
)
def test_options_must_be_at_least_two_distinct_labels(options: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError, match="at least 2 distinct labels that are not blank"):
        question(options=options)


def test_a_question_takes_no_other_keys_and_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        question(answer="right")
    with pytest.raises(ValidationError, match="'ordinal' or 'nominal'"):
        question(scale="interval")
    with pytest.raises(ValidationError, match="Instance is frozen"):
        question().__setattr__("text", "Health?")


def test_positions_span_the_scale_evenly_and_are_zero_without_one() -> None:
    np.testing.assert_allclose(question().positions(), [-1, 0, 1])
    np.testing.assert_allclose(question(options=("no", "yes")).positions(), [-1, 1])
    np.testing.assert_allclose(question(scale="nominal").positions(), [0, 0, 0])
