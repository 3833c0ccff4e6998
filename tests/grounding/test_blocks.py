import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

import reference_data
from grounding.blocks import blocks, cosines, pairs, similarity, words_of
from grounding.sources.codebook import Codebook
from personas import document
from personas.question import Question

GSS = Path(__file__).parents[3] / "shared" / "data" / "gss20" / "questions.json"
YES_NO = ("yes", "no")
AGREE = ("agree", "neither", "disagree")


def question(name: str, text: str, options: tuple[str, ...] = YES_NO) -> Question:
    return Question(name=name, text=text, options=options)


def reasons(*questions: Question) -> list[str]:
    return [p.reason for p in pairs(questions)]


@pytest.fixture(scope="module")
def survey() -> list[Question]:
    if not GSS.exists():
        pytest.skip("the 606 questions of the General Social Survey are not beside the project")
    return [
        question(entry["id"], entry["text"], tuple(entry["options"]))
        for entry in json.loads(GSS.read_text(encoding="utf-8"))
    ]


def test_similarity_is_that_of_scikit_learn() -> None:
    texts = [
        "Do you favor or oppose the death penalty?",
        "A. Do you FAVOR or oppose gun laws?",
        "How old are you",
        "Do you oppose oppose oppose the death penalty",
        "[HAND CARD D3] Wie zufrieden sind Sie mit Ihrem Leben - alles in allem?",
    ]
    reference = TfidfVectorizer(analyzer="char", ngram_range=(3, 5), sublinear_tf=True)
    vectors = reference.fit_transform([" ".join(words_of(t)) for t in texts])
    np.testing.assert_allclose(similarity(texts), (vectors @ vectors.T).toarray(), atol=1e-12)
    np.testing.assert_allclose(
        similarity(texts[:2], texts[2:]), (vectors[:2] @ vectors[2:].T).toarray(), atol=1e-12
    )


@settings(max_examples=20, deadline=None)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=6))
def test_similarity_lies_between_none_and_equal_and_is_mutual(texts: list[str]) -> None:
    found = similarity(texts)
    assert found.shape == (len(texts), len(texts))
    np.testing.assert_allclose(found, found.T, atol=1e-12)
    assert np.all((found >= 0) & (found <= 1))
    long_enough = [len(" ".join(words_of(t))) >= 3 for t in texts]
    np.testing.assert_allclose(np.diag(found), np.array(long_enough, dtype=float), atol=1e-12)


def test_texts_that_begin_alike_for_long_are_one_battery_whatever_their_options() -> None:
    stem = "There are people whose ideas are considered bad by other people."
    first = question("a", f"{stem} Should one speak?", ("allowed", "not allowed"))
    assert reasons(first, question("b", f"{stem} Should one teach?", ("fired", "not fired"))) == ["stem"]


def test_a_short_stem_counts_only_with_the_same_options() -> None:
    first = question("heaven", "Do you believe in heaven?")
    assert reasons(first, question("hell", "Do you believe in hell?")) == ["stem"]
    assert reasons(first, question("who", "Do you believe in what others say of you?", AGREE)) == []


def test_a_skeleton_around_a_word_makes_a_battery() -> None:
    first = question("low", "How big a reason was a low price in your decision?", AGREE)
    second = question("art", "How big a reason was good art in your decision?", AGREE[::-1])
    third = question("jobs", "Would you like another job?", AGREE)
    assert blocks([first, third, second]) == (("low", "art"), ("jobs",))


@pytest.mark.parametrize(
    ("names", "together"),
    [
        (("Q8_1", "Q8_2"), True),
        (("Q8_1", "Q9_1"), False),
        (("cesd1", "cesd12"), True),
        (("q12a", "q12b"), True),
        (("q1", "q2"), False),
        (("item_1", "item_2"), False),
        (("v1", "v2"), False),
        (("1", "2"), False),
    ],
)
def test_names_that_differ_in_their_last_number_tell_of_a_battery(
    names: tuple[str, str], together: bool
) -> None:
    first, second = question(names[0], "The police"), question(names[1], "Congress and its members")
    assert reasons(first, second) == (["name"] if together else [])
    other = question(names[1], second.text, AGREE)
    assert reasons(first, other) == []


def test_the_same_question_in_other_words_is_near() -> None:
    first = question("fair", "Would people try to take advantage of you if they got a chance?", AGREE)
    second = question("befair", "How often would people try to take advantage of you if they got the chance?")
    assert reasons(first, second) == ["text"]


def test_the_same_text_is_together_whatever_card_stands_in_front_and_however_it_is_coded() -> None:
    first = question("one", "[HAND CARD D20] How is it?", AGREE)
    assert reasons(first, question("two", "A. HOW IS IT", YES_NO)) == ["stem"]


def test_blocks_join_over_a_question_in_between() -> None:
    questions = [
        question("tea", "Do you like tea?"),
        question("bus", "Is the bus on time today"),
        question("tram", "How often do you take a tram", AGREE),
        question("coffee", "Do you like coffee?"),
        question("cocoa", "Do you like cocoa with milk?"),
    ]
    assert blocks(questions) == (("tea", "coffee", "cocoa"), ("bus",), ("tram",))
    assert blocks([]) == ()
    assert blocks(questions[:1]) == (("tea",),)


def test_vectors_of_the_caller_join_what_texts_do_not() -> None:
    questions = [
        question("job", "Are you working for pay?"),
        question("beruf", "Sind Sie erwerbstätig?", ("ja", "nein")),
        question("dog", "Who walks your dog?"),
    ]
    vectors = np.array([[1.0, 0.1], [1.0, 0.0], [-2.0, -0.1]])
    assert blocks(questions) == (("job",), ("beruf",), ("dog",))
    assert blocks(questions, vectors) == (("job", "beruf"), ("dog",))
    assert blocks(questions, vectors, near=1.0001) == blocks(questions)


def test_cosines_are_of_vectors_less_their_mean() -> None:
    shifted = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 2.0], [0.0, -2.0]]) + 100.0
    np.testing.assert_allclose(cosines(shifted)[0], [1.0, -1.0, 0.0, 0.0], atol=1e-12)
    assert np.all(cosines(np.ones((3, 4))) == 0.0)


@settings(max_examples=10, deadline=None)
@given(st.permutations(range(12)))
def test_blocks_do_not_depend_on_the_order_of_the_questions(order: list[int]) -> None:
    texts = [f"{verb} you {what}?" for verb in ("Do", "Could") for what in ("smoke", "like fish", "like tea")]
    asked = [
        question(f"n{i}x", t, o) for i, (t, o) in enumerate((t, o) for t in texts for o in (YES_NO, AGREE))
    ]
    found = {frozenset(b) for b in blocks([asked[i] for i in order])}
    assert found == {frozenset(b) for b in blocks(asked)}
    assert sorted(n for b in found for n in b) == sorted(q.name for q in asked)


def test_the_spending_questions_are_one_battery() -> None:
    book = document.read(Path(reference_data.__file__).parent / "codebooks" / "gss_spending.yaml", Codebook)
    asked = [question(q.name, q.text, tuple(q.options)) for q in book.questions]
    assert [len(b) for b in blocks(asked)] == [18]


def test_known_batteries_of_a_real_survey_are_whole_and_no_chain_runs_through_it(
    survey: list[Question],
) -> None:
    found = blocks(survey)
    of = {name: block for block in found for name in block}
    assert max(len(b) for b in found) <= 20  # of 606
    assert 250 <= len(found) <= 300
    confidence = {q.name for q in survey if q.text.startswith("I am going to name some institutions")}
    assert set(of["conarmy"]) == confidence
    tolerance = {
        f"{what}{whom}" for what in ("spk", "col") for whom in ("ath", "rac", "com", "mil", "homo", "mslm")
    }
    assert set(of["spkath"]) == tolerance
    assert {"abnomore", "abhlth", "abpoor", "absingle", "abany"} <= set(of["abany"])
    # The same question, put anew in another year or with another scale.
    for first, second in (
        ("fair", "befair"),
        ("jobfind", "jobfind1"),
        ("hunt", "hunt1"),
        ("trust", "cantrust"),
    ):
        assert of[first] == of[second]
    # Near in subject, but asked in other words.
    for first, second in (("postlife", "godchnge"), ("happy", "satlife"), ("natenviy", "confed")):
        assert of[first] != of[second]
