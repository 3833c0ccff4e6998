"""CFPB National Financial Well-Being Survey, 2016: 6,394 people; labels from the Stata program.

The program's labels are short; each item is put behind the introduction of its part of the questionnaire.
Scores, tests of knowledge without their wording, and what the panel knew beforehand are left out.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from benchmarks.open_data import demographics
from benchmarks.open_data.battery import chosen
from benchmarks.open_data.survey import OpenSurvey, data_folder, survey_answers, survey_people
from benchmarks.open_data.wording import anchored, scale_of
from personas import document
from personas.arrays import IntArray
from personas.document import Document
from personas.question import Question

_VARIABLE = re.compile(r'label var (\w+) "(.*)"')
_DEFINE = re.compile(r"label define (\w+) (.*?)(?=\nlabel )", re.S)
_PAIR = re.compile(r'(-?\d+) "([^"]*)"')
NO_OPTION = re.compile(
    r"Refused|Response not written|I don't know|Prefer not|Not sure|I can't recall|not asked|Invalid|"
    r"I do not have this type", re.I
)  # fmt: skip

NOT_CHOSEN = re.compile(r"did not select any item", re.I)


class Wording(Document):
    """What the Stata program leaves out.

    Attributes:
        introductions: first part of a variable -> question, or introduction of its items.
        statements: single variables whose label is the statement that the introduction asks about.
        labels: single variables whose label is the whole question.
        nominal: variables whose options are no scale.
    """

    introductions: dict[str, str]
    statements: frozenset[str]
    labels: frozenset[str]
    nominal: frozenset[str]


AGES = {
    1: ("18-24", "under 30"), 2: ("25-34", None), 3: ("35-44", "30 to 44"), 4: ("45-54", "45 to 59"),
    5: ("55-64", None), 6: ("65 and over", "60 and over"), 7: ("65 and over", "60 and over"),
    8: ("65 and over", "60 and over"),
}  # fmt: skip
EDUCATION = {
    "1": demographics.LESS, "2": demographics.SCHOOL, "3": demographics.SOME, "4": demographics.BACHELOR,
    "5": demographics.GRADUATE,
}  # fmt: skip
RACE = {"1": "white", "2": "Black", "3": "another race", "4": "Hispanic"}
MARITAL = {
    "1": "married",
    "2": "widowed",
    "3": "divorced",
    "4": "never married",
    "5": "living with a partner",
}
REGION = {"1": "Northeast", "2": "Midwest", "3": "South", "4": "West"}
INCOME = {1: 10_000, 2: 25_000, 3: 35_000, 4: 45_000, 5: 55_000, 6: 67_500, 7: 87_500, 8: 125_000, 9: 200_000}
WORK = {
    "1": "self-employed", "2": "working full-time", "3": "working part-time", "4": "keeping house",
    "5": "in school", "6": "other", "7": "unemployed", "8": "retired",
}  # fmt: skip


class _Labels(NamedTuple):
    """Labels of variables, and of the codes of each."""

    variables: dict[str, str]
    codes: dict[str, list[tuple[str, str]]]


def read() -> OpenSurvey:
    """The survey."""
    folder = data_folder() / "nfwbs"
    table: Any = pd.read_csv(folder / "NFWBS_PUF_2016_data.csv", encoding="latin-1")
    wording = document.read(Path(__file__).with_suffix(".yaml"), Wording)
    labels = _labels((folder / "NFWBS_PUF.do.txt").read_text(encoding="latin-1"))
    questions: list[Question] = []
    columns: list[IntArray] = []
    for variable in labels.variables:
        found = _question(variable, labels, wording) if variable in table else None
        if found is not None:
            questions.append(found[0])
            columns.append(chosen(table[variable], found[1]))
    ids = [str(i) for i in table["PUF_ID"]]
    people = survey_people("nfwbs", ids, _attributes(table), table["finalwt"].to_numpy(float))
    source = (
        "Consumer Financial Protection Bureau, National Financial Well-Being Survey 2016, public use file"
    )
    return OpenSurvey(
        "nfwbs", "US federal survey, public use file", source, people, survey_answers(questions, columns)
    )


def _labels(program: str) -> _Labels:
    joined = program.replace("///\r\n", " ").replace("///\n", " ")
    variables = dict(_VARIABLE.findall(joined))
    codes = {name: _PAIR.findall(body) for name, body in _DEFINE.findall(joined)}
    return _Labels(variables, codes)


def _question(variable: str, labels: _Labels, wording: Wording) -> tuple[Question, tuple[str, ...]] | None:
    """The question of a variable with the codes of its options; ``None`` where it is left out."""
    stem, _, item = variable.partition("_")
    label = labels.variables[variable].strip()
    if NOT_CHOSEN.search(label) or not (stem in wording.introductions or variable in wording.labels):
        return None
    pairs = [(c, t) for c, t in labels.codes.get(variable, []) if int(c) >= 0 and not NO_OPTION.search(t)]
    codes, options = tuple(c for c, _ in pairs), tuple(t for _, t in pairs)
    if codes == ("0", "1"):
        codes, options = ("1", "0"), ("yes", "no")
    if len(options) < 2:
        return None
    text, options = anchored(_text(stem, item, label, wording), options)
    scale = "nominal" if variable in wording.nominal else scale_of(options)
    return Question(name=f"nfwbs_{variable}", text=text, options=options, scale=scale), codes


def _text(stem: str, item: str, label: str, wording: Wording) -> str:
    introduction = wording.introductions.get(stem, "")
    if introduction and not item and stem not in wording.statements:
        return introduction
    return f"{introduction} {label.replace('...', ' ')}".strip()


def _attributes(table: Any) -> dict[str, Sequence[str | None]]:
    text = table.astype(str)
    education = demographics.recoded(text["PPEDUC"], EDUCATION)
    incomes = [INCOME.get(int(v)) for v in table["PPINCIMP"]]
    ages = [AGES[int(v)] for v in table["agecat"]]
    return {
        "age_group": [a for a, _ in ages],
        "sex": demographics.recoded(text["PPGENDER"], {"1": "male", "2": "female"}),
        "race": demographics.recoded(text["PPETHM"], RACE),
        "education": education,
        "region": demographics.recoded(text["PPREG4"], REGION),
        "marital_status": demographics.recoded(text["PPMARIT"], MARITAL),
        "household_income": [demographics.income_group(v) for v in incomes],
        "work_status": demographics.recoded(text["EMPLOY"], WORK),
        "age_range": [r for _, r in ages],
        "schooling": demographics.schooling(education),
        "income_level": [demographics.income_level(v) for v in incomes],
    }
