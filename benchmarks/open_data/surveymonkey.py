"""FiveThirtyEight's SurveyMonkey polls: flying etiquette, food of the world, Thanksgiving. No weights."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.open_data import demographics
from benchmarks.open_data.battery import chosen
from benchmarks.open_data.survey import OpenSurvey, data_folder, survey_answers, survey_people
from personas.answer import NO_ANSWER
from personas.arrays import IntArray
from personas.question import Question

AGES = {
    "18-29": "under 30", "18 - 29": "under 30", "30-44": "30 to 44", "30 - 44": "30 to 44",
    "45-60": "45 to 59", "45 - 59": "45 to 59", "> 60": "60 and over", "60+": "60 and over",
}  # fmt: skip
EDUCATION = {
    "Less than high school degree": demographics.LESS,
    "High school degree": demographics.SCHOOL,
    "Some college or Associate degree": demographics.SOME,
    "Bachelor degree": demographics.BACHELOR,
    "Graduate degree": demographics.GRADUATE,
}
SOURCE = "FiveThirtyEight, SurveyMonkey Audience"
LICENCE = "CC BY 4.0"

RUDE = ("yes, very rude", "yes, somewhat rude", "no, not at all rude")
RUDE_CODES = ("Yes, very rude", "Yes, somewhat rude", "No, not at all rude|No, not rude at all")
MISTYPED = {
    "aretypically": "are typically", "saucedo": "sauce do", "words tothe": "words to the",
    "Will you employer": "Will your employer",
}  # fmt: skip
FLYING = {
    "How often do you travel": (
        "Never", "Once a year or less", "Once a month or less", "A few times per month",
        "A few times per week", "Every day",
    ),
    "recline your seat when you fly": (
        "Never", "Once in a while", "About half the time", "Usually", "Always",
    ),
    "how many times is it acceptable to get up": (
        "It is not okay to get up during flight", "Once", "Twice", "Three times", "Four times",
        "More than five times times",
    ),
}  # fmt: skip
"""Scales of the questions whose text has these words."""

TASTE = (
    "I love this country's traditional cuisine. I think it's one of the best in the world.",
    "I like this country's traditional cuisine. I think it's considerably above average.",
    "I'm OK with this country's traditional cuisine. I think it's about average.",
    "I dislike this country's traditional cuisine. I think it's considerably below average.",
    "I hate this country's traditional cuisine. I think it's one of the worst in the world.",
)
KNOWN = (
    "I know this country's traditional cuisine",
    "I'm unfamiliar with this country's traditional cuisine",
)


def read_flying() -> OpenSurvey:
    """1,040 people on how to behave on a plane."""
    table = _table("flying-etiquette-survey/flying-etiquette.csv")
    questions: list[Question] = []
    columns: list[IntArray] = []
    for column in table.columns[1:-5]:
        if "How tall" in column:
            continue
        text = _wording(column)
        known = next((levels for part, levels in FLYING.items() if part in column), None)
        if str(table[column].dropna().iloc[0]).endswith("rude"):
            options, codes, scale = RUDE, RUDE_CODES, "ordinal"
        else:
            codes = known or _levels(table[column])
            options = tuple(_option(c) for c in codes)
            scale = "ordinal" if known or len(codes) == 2 else "nominal"
        questions.append(
            Question(name=f"flying_{len(questions) + 1}", text=text, options=options, scale=scale)
        )
        columns.append(chosen(table[column], codes))
    people = _people("flying", table, "Location (Census Region)")
    return OpenSurvey(
        "flying", LICENCE, f"{SOURCE}, 2014: flying etiquette", people, survey_answers(questions, columns)
    )


def read_food() -> OpenSurvey:
    """1,373 people on the cuisines of 40 countries; also whether each is known at all."""
    table = _table("food-world-cup/food-world-cup-data.csv")
    lists: Sequence[tuple[str, tuple[str, ...]]] = (
        (table.columns[1], ("Novice", "Intermediate", "Advanced", "Expert")),
        (table.columns[2], ("Not at all", "Not much", "Some", "A lot")),
    )
    questions: list[Question] = []
    columns: list[IntArray] = []
    for column, levels in lists:
        name = f"food_{len(questions) + 1}"
        questions.append(Question(name=name, text=_wording(column), options=tuple(o.lower() for o in levels)))
        columns.append(chosen(table[column], levels))
    for column in table.columns[3:-5]:
        country = re.sub(r"^.*cuisine of\W*|[.:]$", "", _wording(column))
        codes = chosen(table[column], ("5", "4", "3", "2", "1", "N/A"))
        about = f"the traditional cuisine of {country}"
        questions.append(
            Question(
                name=f"food_like_{country}", text=f"Please rate how much you like {about}.", options=TASTE
            )
        )
        columns.append(np.where(codes == 5, NO_ANSWER, codes))
        questions.append(
            Question(name=f"food_know_{country}", text=f"Are you familiar with {about}?", options=KNOWN)
        )
        columns.append(np.where(codes >= 0, (codes == 5).astype(np.int64), NO_ANSWER))
    people = _people("food", table, "Location (Census Region)")
    return OpenSurvey(
        "food", LICENCE, f"{SOURCE}, 2014: world cup of food", people, survey_answers(questions, columns)
    )


def read_thanksgiving() -> OpenSurvey:
    """1,058 people on what they eat and do at Thanksgiving."""
    table = _table("thanksgiving-2015/thanksgiving-2015-poll-data.csv")
    renamed = {
        "What is your gender?": "Gender",
        "How much total combined money did all members of your HOUSEHOLD earn last year?": "Household Income",
    }
    celebrates = (table[table.columns[1]] == "Yes").to_numpy()
    questions: list[Question] = []
    columns: list[IntArray] = []
    for column in table.columns[1:-4]:
        found = _thanksgiving(column, table[column], celebrates)
        if found is not None:
            questions.append(Question(name=f"thanks_{len(questions) + 1}", **found[0]))
            columns.append(found[1])
    people = _people("thanksgiving", table.rename(columns=renamed), "US Region")
    return OpenSurvey(
        "thanksgiving", LICENCE, f"{SOURCE}, 2015: Thanksgiving", people, survey_answers(questions, columns)
    )


AGE_CUTOFF = ("10 or younger", *(str(n) for n in range(11, 21)), "21 or older")
TRAVEL = (
    "Thanksgiving is happening at my home--I won't travel at all",
    "Thanksgiving is local--it will take place in the town I live in",
    "Thanksgiving is out of town but not too far--it's a drive of a few hours or less",
    "Thanksgiving is out of town and far away--I have to drive several hours or fly",
)
TRAVEL_OPTIONS = tuple(t.replace("--", ": ") for t in TRAVEL)


def _thanksgiving(column: str, values: Any, celebrates: Any) -> tuple[dict[str, Any], IntArray] | None:
    """The parts of a question and its answers; ``None`` for open ends."""
    text = _wording(column)
    if "specify" in column or column.endswith("- None"):
        return None
    if "select all that apply" in column:
        stem, item = re.split(r"\s*Please select all that apply\.\s*-\s*", text)
        selected = np.where(values.notna(), 0, 1)
        answered = np.where(celebrates, selected, NO_ANSWER).astype(np.int64)
        return {"text": f"{_single(stem)} {item}", "options": ("yes", "no")}, answered
    if "age cutoff" in column:
        return {"text": text, "options": AGE_CUTOFF}, chosen(values, AGE_CUTOFF)
    if "How far will you travel" in column:
        return {"text": text, "options": TRAVEL_OPTIONS}, chosen(values, TRAVEL)
    codes = _levels(values)
    scale = "ordinal" if len(codes) == 2 else "nominal"
    return {"text": text, "options": tuple(_option(c) for c in codes), "scale": scale}, chosen(values, codes)


def _single(stem: str) -> str:
    return (
        stem.replace("Which of these side dishes are typically served", "Is this side dish typically served")
        .replace("Which type of pie is typically served", "Is this type of pie typically served")
        .replace("Which of these desserts do you typically have", "Do you typically have this dessert")
        .replace("Will you watch any of the following programs", "Will you watch the following program")
    )


def _table(path: str) -> Any:
    file: Path = data_folder() / "fivethirtyeight" / path
    try:
        table: Any = pd.read_csv(file, dtype=str, encoding="utf-8", keep_default_na=False)
    except UnicodeDecodeError:
        table = pd.read_csv(file, dtype=str, encoding="mac_roman", keep_default_na=False)
    table = table.map(_plain)
    return table.mask(table == "")


def _plain(value: object) -> str:
    return str(value).replace("\xa0", " ").strip()


def _wording(column: str) -> str:
    """The question with spaces where the file has lost them."""
    text = re.sub(r"\s+", " ", column.replace("\xa0", " ")).strip()
    text = re.sub(r"\bis itrude\b", "is it rude", text, flags=re.I) if "itrude" in text else text
    for wrong, right in MISTYPED.items():
        text = text.replace(wrong, right)
    return text[:1].upper() + text[1:]


def _option(code: str) -> str:
    text = code.replace("times times", "times").replace("More than five", "five or more")
    return text[:1].lower() + text[1:] if not text.startswith("I ") else text


def _levels(values: Any) -> tuple[str, ...]:
    """The values that stand for an option, yes first, without "other" and "don't know"."""
    found = [str(v) for v in values.value_counts().index]
    kept = [v for v in found if not re.match(r"Other|I don't know|Doesn't apply", v)]
    return tuple(sorted(kept, key=lambda v: {"Yes": 0, "No": 1}.get(v, 2)))


def _people(name: str, table: Any, region: str) -> Any:
    education = demographics.recoded(table["Education"], EDUCATION) if "Education" in table else None
    ages = demographics.recoded(table["Age"], AGES)
    attributes: Mapping[str, Sequence[str | None]] = {
        "sex": demographics.recoded(table["Gender"], {"Male": "male", "Female": "female"}),
        **({"education": education, "schooling": demographics.schooling(education)} if education else {}),
        "region": demographics.recoded(table[region], demographics.REGIONS),
        "age_range": ages,
        **demographics.surveymonkey_income(table["Household Income"]),
    }
    ids = [str(v) for v in table["RespondentID"]]
    return survey_people(name, ids, attributes, np.ones(len(ids)))
