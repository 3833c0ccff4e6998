from pathlib import Path

import pytest

from personas import document
from personas.errors import DocumentError
from personas.question import Question
from validation.study import StudySpec, known_questions, questionnaire

KNOWN = tuple(
    Question(name=n, text=f"What of {n}?", options=("too little", "too much"))
    for n in ("roads", "parks", "health")
)
START = "study: first\npanel: spending\n"


def read(tmp_path: Path, text: str) -> StudySpec:
    path = tmp_path / "study.yaml"
    path.write_text(text)
    return document.read(path, StudySpec)


def test_all_questions_of_the_panel_are_asked_where_none_are_named(tmp_path: Path) -> None:
    spec = read(tmp_path, START + "adapter: mine\n")
    assert questionnaire(spec, KNOWN) == KNOWN
    assert (spec.seed, spec.batch, spec.segments) == (1, None, None)


def test_questions_come_in_the_order_in_which_they_are_named(tmp_path: Path) -> None:
    spec = read(tmp_path, START + "adapter: mine\nquestions: [health, roads]\n")
    assert [q.name for q in questionnaire(spec, KNOWN)] == ["health", "roads"]


def test_new_questions_come_after_those_of_the_panel(tmp_path: Path) -> None:
    text = START + (
        "model: smollm2-135m\nquestions: [parks]\nnew_questions:\n"
        "  - {name: bees, text: 'What of bees?', options: ['yes', 'no'], scale: nominal}\n"
    )
    asked = questionnaire(read(tmp_path, text), KNOWN)
    assert [q.name for q in asked] == ["parks", "bees"]
    assert asked[1].scale == "nominal"


def test_a_study_of_new_questions_alone_is_one(tmp_path: Path) -> None:
    text = START + "model: scripted\nquestions: []\nnew_questions: [{name: a, text: b, options: [c, d]}]\n"
    assert [q.name for q in questionnaire(read(tmp_path, text), KNOWN)] == ["a"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("questions: [roads, rivers]", "unknown question 'rivers'; the panel has roads, parks, health"),
        ("questions: [roads, roads]", "'roads' is asked twice; names must differ"),
        ("new_questions: [{name: roads, text: b, options: [c, d]}]", "'roads' is asked twice"),
        ("questions: []", "the study asks nothing"),
    ],
)
def test_a_questionnaire_that_cannot_be_asked_is_refused(tmp_path: Path, lines: str, message: str) -> None:
    spec = read(tmp_path, START + "adapter: mine\n" + lines + "\n")
    with pytest.raises(DocumentError, match=message):
        questionnaire(spec, KNOWN)


@pytest.mark.parametrize(
    ("lines", "asked", "known"),
    [
        ("known: [parks]", ["roads", "health"], ["parks"]),
        ("known: [health, roads]", ["parks"], ["roads", "health"]),
        ("questions: [parks]\nknown: all", ["parks"], ["roads", "health"]),
        ("questions: [parks]\nknown: [health]", ["parks"], ["health"]),
        ("known: []", ["roads", "parks", "health"], []),
        (
            "questions: []\nknown: all\nnew_questions: "
            "[{name: mine, text: 'What of roads?', options: [too little, too much]}]",
            ["mine"],
            ["parks", "health"],
        ),
    ],
)
def test_what_is_known_is_not_asked(tmp_path: Path, lines: str, asked: list[str], known: list[str]) -> None:
    spec = read(tmp_path, START + "adapter: mine\n" + lines + "\n")
    found = questionnaire(spec, KNOWN)
    assert [q.name for q in found] == asked
    assert [q.name for q in known_questions(spec, KNOWN, found)] == known


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("known: [rivers]", "known: unknown question 'rivers'; the panel has roads, parks, health"),
        ("questions: [roads]\nknown: [roads]", "known: 'roads' is asked too; .*take the question out"),
        ("known: all", "no question of the panel is left to be known"),
        (
            "questions: []\nknown: [roads]\nnew_questions: "
            "[{name: mine, text: 'What of roads?', options: [too little, too much]}]",
            r"'roads' is asked too \(as 'mine', in the same words\)",
        ),
    ],
)
def test_what_cannot_be_known_is_refused(tmp_path: Path, lines: str, message: str) -> None:
    spec = read(tmp_path, START + "adapter: mine\n" + lines + "\n")
    with pytest.raises(DocumentError, match=message):
        known_questions(spec, KNOWN, questionnaire(spec, KNOWN))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("adapter: mine\ndraws: together", "study.yaml:4: draws: .*'joint'"),
        ("adapter: mine\nmodel: other", "give either 'adapter' .* or 'model'"),
        ("seed: 2", "give either 'adapter' .* or 'model'"),
        ("adapter: mine\nbatch: 0", "study.yaml:4: batch: .*greater than or equal to 1, found 0"),
        ("adapter: mine\nsegment: [age]", r"study.yaml:4: segment: unknown key .*did you mean 'segments'"),
        ("adapter: mine\nquestions: some", "study.yaml:4: questions"),
        ("adapter: mine\nnew_questions: [{name: a, text: b, options: [c]}]", "at least 2 distinct labels"),
        ("adapter: mine\nnew_questions: [{name: a, text: b, options: [yes, no]}]", "options.*True"),
    ],
)
def test_errors_in_the_file_name_the_line_and_what_is_allowed(
    tmp_path: Path, lines: str, message: str
) -> None:
    with pytest.raises(DocumentError, match=message):
        read(tmp_path, START + lines + "\n")


def test_a_study_name_that_is_no_file_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"study: .*found 'a/b'"):
        read(tmp_path, "study: a/b\npanel: spending\nadapter: mine\n")
