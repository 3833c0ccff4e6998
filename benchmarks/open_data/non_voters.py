"""FiveThirtyEight and Ipsos, 2020: why many Americans do not vote.

The texts stand in ``non_voters.yaml``, as the codebook (PDF) words them.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.open_data import demographics
from benchmarks.open_data.battery import collect, load
from benchmarks.open_data.survey import OpenSurvey, data_folder, survey_answers, survey_people

BATTERIES = Path(__file__).with_name("non_voters.yaml")
INCOME = {
    "Less than $40k": ("under $40,000", "lower income"),
    "$40-75k": ("$40,000 to $74,999", "middle income"),
    "$75-125k": ("$75,000 to $124,999", "middle income"),
    "$125k or more": ("$125,000 or more", "higher income"),
}
EDUCATION = {
    "High school or less": "high school or less",
    "Some college": demographics.SOME,
    "College": "bachelor's degree or more",
}
RACE = {"White": "white", "Black": "Black", "Hispanic": "Hispanic", "Other/Mixed": "another race"}
STRONG = {1: ("strong Republican", "Republican, not strong"), 2: ("strong Democrat", "Democrat, not strong")}
LEANING = {1: "independent, leaning Republican", 2: "independent, leaning Democrat"}


def read() -> OpenSurvey:
    """The survey."""
    table: Any = pd.read_csv(data_folder() / "fivethirtyeight" / "non-voters" / "nonvoters_data.csv")
    education = demographics.recoded(table["educ"], EDUCATION)
    attributes: dict[str, list[str | None]] = {
        "age_group": [demographics.age_group(a) for a in table["ppage"]],
        "sex": [str(v).lower() for v in table["gender"]],
        "race": demographics.recoded(table["race"], RACE),
        "education": education,
        "party": [_identified(*row) for row in table[["Q30", "Q31", "Q32", "Q33"]].to_numpy()],
        "household_income": [INCOME[v][0] for v in table["income_cat"]],
        "age_range": [demographics.age_range(a) for a in table["ppage"]],
        "schooling": demographics.schooling(education),
        "income_level": [INCOME[v][1] for v in table["income_cat"]],
    }
    ids = [str(i) for i in table["RespId"]]
    return OpenSurvey(
        "non_voters",
        "CC BY 4.0",
        "FiveThirtyEight and Ipsos, Why Many Americans Don't Vote, September 2020",
        survey_people("non_voters", ids, attributes, table["weight"].to_numpy(float)),
        survey_answers(*collect(table, load(BATTERIES))),
    )


def _identified(party: float, republican: float, democrat: float, closer: float) -> str | None:
    """Party on the seven-step scale that the General Social Survey uses."""
    if party in STRONG:
        strength = republican if party == 1 else democrat
        return STRONG[int(party)][int(strength) - 1] if strength in (1, 2) else None
    if closer in LEANING:
        return LEANING[int(closer)]
    return "another party" if party == 4 else "independent" if party in (3, 5) else None
