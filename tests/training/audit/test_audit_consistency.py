import numpy as np
import pytest
from audited_survey import AGREE, TOPICS, asked, question

from personas.answer import NO_ANSWER, Answers
from training.audit import consistency
from training.audit.contradictions import like_questions

FREE = "Do you agree that opera should be free?"


def noisy_copy(first, seed=1):
    return np.clip(first + np.random.default_rng(seed).integers(-1, 2, len(first)), 0, 4)


def found(one, other, second, held_out=()):
    first = np.random.default_rng(0).integers(0, 5, 400)
    answers = Answers((one, other), np.stack([first, second(first)], axis=1))
    return consistency.pairs(answers, like_questions(answers), held_out)


def only(questions):
    """Material with these questions, which nobody answered."""
    return asked(questions, np.full((400, len(questions)), NO_ANSWER))


def summary(findings):
    return [(f.check, f.severity) for f in findings]


CASES = [
    (question("b", FREE), noisy_copy, [("asked-twice", "warning")]),
    (question("b", FREE), lambda x: 4 - noisy_copy(x), [("opposite-coding", "blocking")]),
    (question("b", FREE, AGREE[::-1]), lambda x: 4 - noisy_copy(x), [("option-order", "note")]),
    (question("b", FREE, AGREE[::-1]), noisy_copy, [("opposite-coding", "blocking")]),
    (question("b", FREE, ("yes", "no")), lambda x: x // 3, [("other-options", "warning")]),
    (question("b", FREE), lambda x: np.random.default_rng(2).permutation(x), [("same-text", "warning")]),
    (question("b", f"A. {FREE.upper()}"), noisy_copy, [("asked-twice", "warning")]),
    (question("b", TOPICS["bus"]), noisy_copy, []),
]


@pytest.mark.parametrize(("other", "second", "expected"), CASES)
def test_the_same_text_twice_is_told_by_options_and_answers(other, second, expected):
    assert summary(found(question("a", FREE), other, second)) == expected


def test_a_copy_on_either_side_of_the_split_stops_the_training():
    both = question("a", FREE), question("b", FREE)
    assert ("held-out-twin", "blocking") in summary(found(*both, noisy_copy, ("a",)))
    assert ("held-out-twin", "blocking") not in summary(found(*both, noisy_copy, ("a", "b")))


def test_like_words_with_other_answers_are_noted():
    other = question("b", "Do you agree that operas should be free?")
    unlike = found(question("a", FREE), other, lambda x: np.random.default_rng(3).permutation(x))
    assert summary(unlike) == [("alike", "note")]
    assert unlike[0].names == ("a", "b")


def test_texts_that_say_nothing_or_are_damaged_are_named():
    texts = [
        question("blank", " - "),
        question("opera_free", "Opera free?"),
        question("q12", "Q12"),
        question("broken", "Would you sayï¿½ that opera is free?"),
        question("umlaut", "MÃ¶gen Sie Oper?"),
        question("sound", "Mögen Sie “Oper” – ja?"),
    ]
    told = {(f.check, f.severity): f.names for f in consistency.texts(only(texts))}
    assert told == {
        ("question-text", "blocking"): ("blank", "q12"),
        ("question-text", "warning"): ("opera_free",),
        ("damaged-text", "warning"): ("broken", "umlaut"),
    }


@pytest.mark.parametrize(
    ("options", "scale", "expected"),
    [
        (AGREE, "ordinal", []),
        (AGREE[::-1], "ordinal", []),
        (("agree", "strongly agree", "disagree", "strongly disagree"), "ordinal", ["scale-order"]),
        (("agree", "strongly agree", "disagree", "strongly disagree"), "nominal", []),
        (("never", "sometimes", "often", "don't know"), "ordinal", ["no-answer-option"]),
        (("yes", "don't know"), "ordinal", []),
        (("1", "2", "3"), "ordinal", ["options-without-words"]),
        (("option 1", "value_2", "code 3"), "nominal", ["options-without-words"]),
        (("1", "2 (very)", "3"), "ordinal", []),
        (tuple(f"brand {chr(65 + i)}{chr(65 + j)}" for i in range(10) for j in range(20)), "nominal",
         ["many-options"]),
    ],
)  # fmt: skip
def test_options_are_words_in_order_that_answer_the_question(options, scale, expected):
    assert [f.check for f in consistency.options(only([question("a", FREE, options, scale)]))] == expected
