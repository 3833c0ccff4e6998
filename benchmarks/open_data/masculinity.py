"""FiveThirtyEight, WNYC and SurveyMonkey, 2018: what 1,615 American men think it means to be a man.

Texts of the questions are those of the file of weighted results; items to tick became yes/no questions.
"""

import re
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.open_data import demographics
from benchmarks.open_data.battery import chosen
from benchmarks.open_data.survey import OpenSurvey, data_folder, survey_answers, survey_people
from personas.answer import NO_ANSWER
from personas.arrays import IntArray
from personas.question import Question

LEFT_OUT = ("", "NA", "Not selected", "Other (please specify)", "No answer")
AGES = {"18 - 34": "18-34", "35 - 64": "35-64", "65 and up": "65 and over"}
EDUCATION = {
    "Did not complete high school": demographics.LESS, "High school or G.E.D.": demographics.SCHOOL,
    "Some college": demographics.SOME, "Associate's degree": "associate's degree",
    "College graduate": demographics.BACHELOR, "Post graduate degree": demographics.GRADUATE,
}  # fmt: skip
RACE = {"White": "white", "Black": "Black", "Hispanic": "Hispanic", "Asian": "Asian", "Other": "another race"}
WORK = {
    "Employed, working full-time": "working full-time", "Employed, working part-time": "working part-time",
    "Not employed-retired": "retired", "Not employed, student": "in school",
    "Not employed, looking for work": "unemployed", "Not employed, NOT looking for work": "other",
}  # fmt: skip


QUESTIONS = {
    "q0001": 'In general, how masculine or "manly" do you feel?',
    "q0002": "How important is it to you that others see you as masculine?",
    "q0005": "Do you think that society puts pressure on men in a way that is unhealthy or bad for them?",
    "q0013": "Which is the main reason you did not respond to a sexual harassment incident at your work?",
    "q0014": "How much have you heard about the #MeToo movement?",
    "q0015": "As a man, would you say you think about your behavior at work differently "
    "in the wake of #MeToo?",
    "q0017": "Do you typically feel as though you're expected to make the first move "
    "in romantic relationships?",
    "q0018": "How often do you try to be the one who pays when on a date?",
    "q0022": "Have you changed your behavior in romantic relationships in the wake of #MeToo movement?",
}
ORDER: dict[str, tuple[str, ...]] = {
    "q0001": ("Very masculine", "Somewhat masculine", "Not very masculine", "Not at all masculine"),
    "q0002": ("Very important", "Somewhat important", "Not too important", "Not at all important"),
    "q0007": ("Often", "Sometimes", "Rarely", "Never, but open to it", "Never, and not open to it"),
    "q0014": ("A lot", "Some", "Only a little", "Nothing at all"),
    "q0018": ("Always", "Often", "Sometimes", "Rarely", "Never"),
    "q0013": (
        "You didn't think it was your place", "You weren't sure it was sexual harassment",
        "You didn't want to get involved",
    ),
}  # fmt: skip
HABITS = (
    "Ask a friend for professional advice", "Ask a friend for personal advice",
    "Express physical affection to male friends, like hugging, rubbing shoulders", "Cry",
    "Get in a physical fight with another person",
    "Have sexual relations with women, including anything from kissing to sex",
    "Have sexual relations with men, including anything from kissing to sex", "Watch sports of any kind",
    "Work out", "See a therapist", "Feel lonely or isolated",
)  # fmt: skip
CHOICES = {
    "q0004": "Have you gotten your ideas about what it means to be a good man from the following?",
    "q0008": "Do you worry about the following on a daily or near daily basis?",
    "q0010": "Would you say this is a way in which it is an advantage to be a man at your work right now?",
    "q0011": "Would you say this is a way in which it is a disadvantage to be a man at your work right now?",
    "q0012": "Have you seen or heard of a sexual harassment incident at your work, "
    "and if so, did you respond like this?",
    "q0019": "Is this a reason why you try to pay on dates?",
    "q0020": "When you want to be physically intimate with someone, is this how you gauge their interest?",
    "q0021": "Over the past 12 months, when it comes to sexual boundaries, have you done the following?",
    "q0025": "Do you have any children?",
}


def read() -> OpenSurvey:
    """The survey."""
    folder = data_folder() / "fivethirtyeight" / "masculinity-survey"
    table: Any = pd.read_csv(
        folder / "raw-responses.csv", dtype=str, encoding="latin-1", keep_default_na=False
    )
    table = table.map(_apostrophes)
    questions: list[Question] = []
    columns: list[IntArray] = []
    for column in [
        c for c in table.columns if c.partition("_")[0] in (QUESTIONS.keys() | CHOICES.keys() | {"q0007"})
    ]:
        found = _question(column, table[column])
        if found is not None:
            questions.append(found[0])
            columns.append(found[1])
    ids = [str(i) for i in table[table.columns[0]]]
    people = survey_people("masculinity", ids, _attributes(table), table["weight"].to_numpy(float))
    source = (
        "FiveThirtyEight, WNYC Studios and SurveyMonkey, What Do Men Think It Means To Be A Man?, May 2018"
    )
    return OpenSurvey("masculinity", "CC BY 4.0", source, people, survey_answers(questions, columns))


def _apostrophes(value: object) -> str:
    """The text with apostrophes where the file has question marks."""
    return re.sub(r"(?<=\w)\?(?=[a-z])", "'", str(value))


def _question(column: str, values: Any) -> tuple[Question, IntArray] | None:
    """The question of a column and its answers; ``None`` for "other" and "none of the above"."""
    stem, _, item = column.partition("_")
    if stem in CHOICES:
        label = next((v for v in values.unique() if v not in LEFT_OUT), None)
        if label is None or label.startswith("None of"):
            return None
        asked = (values != "NA").to_numpy() & (values != "").to_numpy()
        answered = np.where(asked, (values != label).to_numpy(), NO_ANSWER).astype(np.int64)
        return Question(name=column, text=f"{CHOICES[stem]} {label}", options=("yes", "no")), answered
    codes = ORDER.get(stem, ("Yes", "No"))
    text = f"How often do you do the following? {HABITS[int(item) - 1]}" if item else QUESTIONS[stem]
    options = tuple(c[:1].lower() + c[1:] for c in codes)
    scale = "nominal" if stem == "q0013" else "ordinal"
    return Question(name=column, text=text, options=options, scale=scale), chosen(values, codes)


def _attributes(table: Any) -> dict[str, list[str | None]]:
    education = demographics.recoded(table["q0029"], EDUCATION)
    marital = {v: v.lower() for v in ("Married", "Never married", "Divorced", "Widowed", "Separated")}
    return {
        "age_group": demographics.recoded(table["age3"], AGES),
        "sex": ["male"] * len(table),
        "race": demographics.recoded(table["q0028"], RACE),
        "education": education,
        "region": demographics.recoded(table["q0035"], demographics.REGIONS),
        "marital_status": demographics.recoded(table["q0024"], marital),
        "work_status": demographics.recoded(table["q0009"], WORK),
        "schooling": demographics.schooling(education),
        **demographics.surveymonkey_income(table["q0034"]),
    }
