"""General Social Survey of 2016 and 2018: 4,215 people and 606 questions."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.open_data import demographics
from benchmarks.open_data.survey import OpenSurvey, data_folder, survey_people
from benchmarks.open_data.wording import labelled, scale_of, spoken
from personas.answer import NO_ANSWER, Answers
from personas.arrays import IntArray
from personas.question import Question

ATTRIBUTES = (
    "age_group", "sex", "race", "education", "region", "party", "religion", "marital_status",
    "household_income", "work_status",
)  # fmt: skip
_PARADATA = """phase spaneng respond rhlthend incuspop rlooks rgroomed rweight huclean fbaccess barate
spbarate gradtounder form phone coop comprend whoelse1 whoelse2 whoelse3 whoelse4 whoelse5 whoelse6"""
PARADATA = frozenset(_PARADATA.split())
"""What interviewers noted, and what is known of the sample and of colleges."""

_NOMINAL = """reg16 famdif16 helpful fair trust aged agedpar agedchld union1 hunt hunt1 whywkhme sethrs
ownstock scitext discwk5 relgeneq relatsex sexornt posslq posslqy prvdhlth prvdold prvdschl vote12
vote16 workfor1 dipged res16 decidwrk knwmw1 knwmw2 famgen hlphome hlpsick hlpdown hlpadvce hlpsococ
hlploan hlpjob hlppaper hlpresde hlpsickr abfelegl abmelegl abmoral genegoo2 courts finalter abstate2
reliten othlang1 sexsex sexsex5 dwelown dwelown16 feeused solarrev kidssol evstray"""
NOMINAL = frozenset(_NOMINAL.split())
"""Questions of three and more options that are no scale, beside those that say so themselves."""

NO_OPINION = frozenset(
    {
        "refused",
        "refused phone number",
        "r pays no income tax",
        "interviewer never saw interior of the respondent's hu",
    }
)
PARTY = {
    "strong democrat": "strong Democrat",
    "not very strong democrat": "Democrat, not strong",
    "independent, close to democrat": "independent, leaning Democrat",
    "independent (neither, no response)": "independent",
    "independent, close to republican": "independent, leaning Republican",
    "not very strong republican": "Republican, not strong",
    "strong republican": "strong Republican",
    "other party": "another party",
}
EDUCATION = {
    "less than high school": demographics.LESS,
    "high school": demographics.SCHOOL,
    "bachelor's": demographics.BACHELOR,
    "graduate": demographics.GRADUATE,
}
RELIGION = {
    "protestant": "Protestant", "catholic": "Catholic", "jewish": "Jewish", "none": "none",
    "christian": "Christian, no denomination", "inter-nondenominational": "Christian, no denomination",
    "orthodox-christian": "Orthodox Christian", "buddhism": "Buddhist", "hinduism": "Hindu",
    "other": "another religion", "other eastern religions": "another religion",
    "native american": "another religion",
}  # fmt: skip
WORK = {
    "working full time": "working full-time", "working part time": "working part-time", "retired": "retired",
    "keeping house": "keeping house", "in school": "in school", "other": "other",
    "unemployed, laid off, looking for work": "unemployed",
    "with a job, but not at work because of temporary illness, vacation, strike": "temporarily not working",
}  # fmt: skip
MARITAL = {v: v for v in ("married", "never married", "divorced", "widowed", "separated")}
RACE = {"white": "white", "black": "Black", "other": "another race"}


def read(retest: bool = False) -> OpenSurvey:
    """The survey; with ``retest`` the answers that part of the people gave again in 2020."""
    folder = data_folder() / "gss20"
    people: Any = pd.read_parquet(folder / "people.parquet")
    entries: list[dict[str, Any]] = json.loads((folder / "questions.json").read_text(encoding="utf-8"))
    panel = survey_people(
        "gss20", [str(i) for i in people["person_id"]], _attributes(people), people["weight"].to_numpy(float)
    )
    file = folder / ("answers_retest.parquet" if retest else "answers.parquet")
    answers = _answers(entries, file)
    if retest:
        again: Any = pd.read_parquet(file, columns=["person_id"])
        rows = pd.Index(people["person_id"]).get_indexer(again["person_id"])
        panel = panel.take(np.asarray(rows, dtype=np.int64))
    return OpenSurvey(
        "gss20",
        "public-use file; do not redistribute",
        "NORC, General Social Survey 2016 and 2018 (reinterviewed 2020)",
        panel,
        answers,
        paradata=PARADATA,
    )


def _attributes(people: Any) -> dict[str, list[str | None]]:
    ages = [_years(v) for v in people["age"]]
    incomes = [_dollars(v) for v in people["income16"]]
    education = demographics.recoded(people["degree"], EDUCATION)
    return {
        "age_group": [demographics.age_group(a) for a in ages],
        "sex": demographics.recoded(people["sex"], {"male": "male", "female": "female"}),
        "race": demographics.recoded(people["race"], RACE),
        "education": education,
        "region": [None if pd.isna(v) else str(v).capitalize() for v in people["region"]],
        "party": demographics.recoded(people["partyid"], PARTY),
        "religion": demographics.recoded(people["relig"], RELIGION),
        "marital_status": demographics.recoded(people["marital"], MARITAL),
        "household_income": [demographics.income_group(v) for v in incomes],
        "work_status": demographics.recoded(people["wrkstat"], WORK),
        "age_range": [demographics.age_range(a) for a in ages],
        "schooling": demographics.schooling(education),
        "income_level": [demographics.income_level(v) for v in incomes],
    }


def _answers(entries: Sequence[dict[str, Any]], file: Path) -> Answers:
    table: Any = pd.read_parquet(file)
    questions: list[Question] = []
    columns: list[IntArray] = []
    for entry in entries:
        labels = [labelled(o) for o in entry["options"]]
        kept = [i for i, label in enumerate(labels) if label not in NO_OPINION]
        place = np.full(len(labels) + 1, NO_ANSWER)
        place[kept] = np.arange(len(kept))
        options = tuple(labels[i] for i in kept)
        name = entry["id"]
        questions.append(
            Question(name=name, text=spoken(entry["text"]), options=options, scale=_scale(name, options))
        )
        if name in table:
            codes = table[name].to_numpy(dtype=float, na_value=-1).astype(int)
        else:
            codes = np.full(len(table), NO_ANSWER)
        columns.append(place[codes])
    return Answers(tuple(questions), np.stack(columns, axis=1).astype(np.int64))


def _scale(name: str, options: tuple[str, ...]) -> Any:
    return "nominal" if name in NOMINAL and len(options) > 2 else scale_of(options)


def _years(value: object) -> float | None:
    digits = re.match(r"\d+", str(value))
    return float(digits.group()) if digits else None


def _dollars(value: object) -> float | None:
    """Middle of an income band such as ``$12,500 to $14,999``."""
    numbers = [float(n.replace(",", "")) for n in re.findall(r"\$([\d,]+)", str(value))]
    return sum(numbers) / len(numbers) if numbers else None
