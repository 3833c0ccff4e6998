"""Six experiments of the Twin-2K mega-study: texts and options from the Qualtrics files.

Left out: timers, attention checks, open ends, pictures, and what the screens were like. Where people saw
one of several scenarios, each scenario is a question of its own with the scenario in its text.
"""

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from benchmarks.open_data import demographics
from benchmarks.open_data.battery import YES_NO, chosen
from benchmarks.open_data.survey import OpenSurvey, data_folder, survey_answers, survey_people
from benchmarks.open_data.wording import anchored, scale_of, spoken
from grounding.sources import qualtrics
from grounding.sources.qualtrics import Asked
from personas.answer import NO_ANSWER
from personas.arrays import IntArray
from personas.question import Question

EXPERIMENTS = (
    "consumer_minimalism", "infotainment", "preference_redistribution", "privacy",
    "recommendation_algorithms", "targeting_fairness",
)  # fmt: skip
_IMPORT = re.compile(r"(?:(?P<loop>\d)_)?(?P<question>QID\d+)(?:_(?P<statement>\d+))?")
_FIELD = re.compile(r"\[Field-1\]")
NO_OPTION = re.compile(r"don.?t know|^not applicable|^other\b|^yes, for other", re.I)
LEFT_OUT = {
    "consumer_minimalism": ("Q33", "Q35"),
    "infotainment": ("Random", "Google"),
    "preference_redistribution": ("ATTENTION_CHECK",),
    "recommendation_algorithms": ("Q13",),
    "targeting_fairness": ("Q18",),
}
"""Pictures, attention checks, whether people answered in earnest, consent."""

PLATFORMS = {"1": "TikTok", "2": "Netflix"}
SHARE = (
    'How likely would you be to share this news article? Headline: "{}", source: {}, content type: {}, '
    "political lean: {}, number of likes: {}."
)
_ARTICLE = re.compile(r'"(.+)" (\S+(?: News)?) (Entertaining|Informative) (Conservative|Liberal) (\S+) likes')
BANDS = ("0 to 20 percent", "21 to 40 percent", "41 to 60 percent", "61 to 80 percent", "81 to 100 percent")
UNORDERED = frozenset(
    ("SETTYPE", "DWELOWN_GSS", "PUWC_CPS", "VOTE20_GSS", "PRES20_GSS", "TRUST_GSS", "FAIR", "SocialMedia_Chk")
)
SCENARIOS = {"broad": "QID1460", "female": "QID1459"}
EDUCATION = {
    "Less than high school": demographics.LESS, "High school graduate": demographics.SCHOOL,
    "Some college, no degree": demographics.SOME, "Associate's degree": "associate's degree",
    "College graduate/some postgrad": demographics.BACHELOR, "Postgraduate": demographics.GRADUATE,
}  # fmt: skip
INCOME = {
    "Less than $30,000": ("under $30,000", "lower income"),
    "$30,000-$50,000": ("$25,000 to $49,999", "lower income"),
    "$50,000-$75,000": ("$50,000 to $74,999", "middle income"),
    "$75,000-$100,000": ("$75,000 to $99,999", "middle income"),
    "$100,000 or more": ("$100,000 or more", "higher income"),
}
AGES = {"18-29": "under 30", "30-49": "30 to 44", "50-64": "45 to 59", "65+": "60 and over"}
RELIGION = {
    "Protestant": "Protestant", "Roman Catholic": "Catholic", "Nothing in particular": "none",
    "Jewish": "Jewish",
    "Agnostic": "agnostic", "Atheist": "atheist", "Other": "another religion", "Buddhist": "Buddhist",
    "Muslim": "Muslim", "Orthodox": "Orthodox Christian", "Mormon": "Mormon", "Hindu": "Hindu",
}  # fmt: skip
WORK = {
    "Full-time employment": "working full-time", "Part-time employment": "working part-time",
    "Retired": "retired",
    "Self-employed": "self-employed", "Unemployed": "unemployed", "Student": "in school",
    "Home-maker": "keeping house",
}  # fmt: skip
PARTY = {
    "Democrat": "Democrat", "Republican": "Republican", "Independent": "independent",
    "Something else": "another party",
}  # fmt: skip
RACE = {"White": "white", "Black": "Black", "Hispanic": "Hispanic", "Asian": "Asian", "Other": "another race"}
MARITAL = {
    "Married": "married", "Never been married": "never married", "Divorced": "divorced", "Widowed": "widowed",
    "Separated": "separated", "Living with a partner": "living with a partner",
}  # fmt: skip


class _Column(NamedTuple):
    """A column of the responses: its name, its place in the survey file and the values."""

    name: str
    question: str
    loop: str
    item: str
    values: Sequence[str]


class _Responses(NamedTuple):
    """The columns that belong to questions, and other columns by name."""

    columns: list[_Column]
    others: Mapping[str, Sequence[str]]


def read(experiment: str) -> OpenSurvey:
    """One experiment."""
    folder = data_folder() / "twin_megastudy"
    responses = _responses(folder / experiment / "response.csv")
    asked = qualtrics.load(folder / experiment / "survey.qsf")
    before = _introductions(folder / experiment / "survey.qsf", asked)
    questions: list[Question] = []
    columns: list[IntArray] = []
    for column in responses.columns:
        if column.name in LEFT_OUT.get(experiment, ()) or column.question not in asked:
            continue
        for question, answers in _asked(column, asked, before, responses):
            questions.append(question)
            columns.append(answers)
    people = _people(folder / "personas.csv", experiment, responses.others["TWIN_ID"])
    source = f"Twin-2K-500 mega-study, 2025: {experiment.replace('_', ' ')}"
    licence = "Apache-2.0; personas CC BY 4.0"
    return OpenSurvey(f"twin_{experiment}", licence, source, people, survey_answers(questions, columns))


def _responses(file: Path) -> _Responses:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.reader(lines))
    header = qualtrics.header(rows[1], rows[2])
    if header is None:
        raise ValueError(f"{file} has no row of import ids")
    columns: list[_Column] = []
    others: dict[str, Sequence[str]] = {}
    for i, (name, (key, choice)) in enumerate(zip(rows[0], header.ids, strict=True)):
        values = [row[i] for row in rows[3:]]
        others[name] = values
        found = _IMPORT.fullmatch(key)
        if found:
            columns.append(
                _Column(name, found["question"], found["loop"] or "", found["statement"] or choice, values)
            )
    return _Responses(columns, others)


def _introductions(file: Path, asked: Mapping[str, Asked]) -> dict[str, str]:
    """For each question the text shown before it in its block, where that is a scenario."""
    content: Any = json.loads(file.read_text(encoding="utf-8-sig"))
    before: dict[str, str] = {}
    for ids in _blocks(content):
        for first, second in pairwise(i for i in ids if i in asked):
            if asked[first].kind == "DB" and "scenario" in asked[second].text:
                before[second] = asked[first].text
    return before


def _blocks(content: Any) -> Iterator[list[str]]:
    """Ids of the questions of each block, in the order shown."""
    for element in content["SurveyElements"]:
        if element["Element"] == "BL":
            found: Any = element["Payload"]
            listed: list[Any] = list(found.values()) if hasattr(found, "values") else list(found)
            for block in listed:
                yield [str(e.get("QuestionID")) for e in block.get("BlockElements", [])]


def _asked(
    column: _Column, asked: Mapping[str, Asked], before: Mapping[str, str], responses: _Responses
) -> Iterator[tuple[Question, IntArray]]:
    """The question of a column with its answers; one for each scenario; none for what is not closed."""
    item = asked[column.question]
    if column.name.endswith(("_TEXT", "_DO")) or "_DO_" in column.name:
        return
    name = f"twin_{column.name.replace(' ', '_')}"
    if item.several:
        yield from _ticked(name, column, item)
    elif item.kind == "Slider":
        text = item.text.replace(
            "How trustworthy (from 0-100%) do you think",
            "How trustworthy, from 0 to 100 percent, do you think",
        )
        yield Question(name=name, text=_filled(text, column), options=BANDS), _banded(column.values)
    elif item.kind in ("MC", "Matrix"):
        options = list((item.answers if item.kind == "Matrix" else item.choices).values())
        kept = [o for o in options if o.label and not NO_OPTION.search(o.label)]
        text, labels = _scaled(_text(column, item, before), [o.label for o in kept], item, column.item)
        scale = "nominal" if column.name in UNORDERED and len(labels) > 2 else scale_of(labels)
        answers = chosen(column.values, [o.code for o in kept])
        if column.name != "fair1":
            yield Question(name=name, text=text, options=labels, scale=scale), answers
            return
        shown = np.array(responses.others["target"])
        for target, scenario in SCENARIOS.items():
            whole = f"{asked[scenario].text} {text}"
            question = Question(name=f"{name}_{target}", text=whole, options=labels, scale=scale)
            yield question, np.where(shown == target, answers, NO_ANSWER)


def _ticked(name: str, column: _Column, item: Asked) -> Iterator[tuple[Question, IntArray]]:
    label = item.choices[column.item].label if column.item in item.choices else ""
    if not label or NO_OPTION.search(label):
        return
    stem = re.sub(r"\s*[\[(]?(Please )?check all that apply\.?[\])]?", "", item.text, flags=re.I)
    answers = np.array([0 if v == "1" else 1 for v in column.values], dtype=np.int64)
    text = _filled(f"{stem} Would you choose this answer: {label.rstrip('.')}?", column)
    yield Question(name=name, text=text, options=YES_NO), answers


def _filled(text: str, column: _Column) -> str:
    return _FIELD.sub(PLATFORMS.get(column.loop, "the platform"), spoken(text))


def _text(column: _Column, item: Asked, before: Mapping[str, str]) -> str:
    article = _ARTICLE.search(item.text)
    if article:
        return SHARE.format(*article.groups())
    statement = (
        item.choices[column.item].label if item.kind == "Matrix" and column.item in item.choices else ""
    )
    if ":" in statement:
        statement = ""
    introduction = before.get(column.question, "")
    text = " ".join(part for part in (introduction, item.text, statement) if part)
    text = text.replace(
        " Based on the scenario described above, ... ...", " Based on this scenario, how much"
    )
    return _filled(text, column)


def _scaled(text: str, labels: Sequence[str], item: Asked, statement: str) -> tuple[str, tuple[str, ...]]:
    """Text and options; ends of a scale that stand elsewhere than in the options are put into them."""
    ends: tuple[str, str] | None = None
    if "extremely" in text and "not at all" in text and labels[0] == "1":
        ends = ("not at all", "extremely")
    elif "not important at all" in text and labels[0] == "1":
        ends = ("not important at all", "extremely important")
    elif item.kind == "Matrix" and statement in item.choices and ":" in item.choices[statement].label:
        left, _, right = item.choices[statement].label.lower().partition(":")
        ends = (left, right)
    text = re.sub(r"\s*Use 1 to represent.*?\"[^\"]*\" and 7 to represent \"[^\"]*\"\.", "", text)
    written = [re.sub(r"^(\D+?)\s+(\d)$", r"\2 - \1", label) for label in labels]
    if ends:
        written = [f"{written[0]} - {ends[0]}", *written[1:-1], f"{written[-1]} - {ends[1]}"]
    return anchored(text, written)


def _banded(values: Sequence[str]) -> IntArray:
    numbers = [float(v) if v.strip() else np.nan for v in values]
    return np.array(
        [NO_ANSWER if np.isnan(n) else int(np.searchsorted((20, 40, 60, 80), n)) for n in numbers]
    )


def _people(file: Path, experiment: str, twins: Sequence[str]) -> Any:
    everybody: Any = pd.read_csv(file, dtype=str, keep_default_na=False).set_index("pid")
    table = everybody.reindex([str(t) for t in twins])
    education = demographics.recoded(table["education_level"], EDUCATION)
    incomes = [INCOME.get(str(v), (None, None)) for v in table["income"]]
    attributes: dict[str, Sequence[str | None]] = {
        "age_group": [None if str(v) == "nan" else _age(str(v)) for v in table["age"]],
        "sex": demographics.recoded(table["gender"], {"Male": "male", "Female": "female"}),
        "race": demographics.recoded(table["race"], RACE),
        "education": education,
        "region": [_region(str(v)) for v in table["geographic_region"]],
        "party": demographics.recoded(table["political_affiliation"], PARTY),
        "religion": demographics.recoded(table["religion"], RELIGION),
        "marital_status": demographics.recoded(table["marital_status"], MARITAL),
        "household_income": [i for i, _ in incomes],
        "work_status": demographics.recoded(table["employment_status"], WORK),
        "political_views": [None if str(v) == "nan" else str(v).lower() for v in table["political_views"]],
        "age_range": demographics.recoded(table["age"], AGES),
        "schooling": demographics.schooling(education),
        "income_level": [level for _, level in incomes],
    }  # fmt: skip
    return survey_people(f"twin-{experiment}", [str(t) for t in twins], attributes, np.ones(len(twins)))


def _age(band: str) -> str:
    return "65 and over" if band == "65+" else band


def _region(text: str) -> str | None:
    first = text.split(" (", 1)[0]
    return (
        {"Pacific": "West"}.get(first, first)
        if first in ("South", "West", "Midwest", "Northeast", "Pacific")
        else None
    )
