"""Invented figures in the shape of a report: never read by anything but tests."""

import math

from grounding.population.weights import MarginFit, Weighting
from grounding.provenance import Provenance, Source
from mirrorpanel.render.data import ModelLine, ReportData, SplitLine
from personas.measures.estimate import Estimate
from validation.results import (
    AgreementResult,
    Claim,
    Comparison,
    Measure,
    QuestionResult,
    SegmentResult,
    Status,
    StatusResult,
)

LEAD = "Are we spending too much, too little, or about the right amount on"
OPTIONS = ("too little", "about the right amount", "too much")
TOPICS = {
    "natspac": "the space exploration program?",
    "natenvir": "improving and protecting the environment?",
    "natheal": "improving and protecting the nation's health?",
    "natcity": "solving the problems of the big cities?",
    "natcrime": "halting the rising crime rate?",
    "natdrug": "dealing with drug addiction?",
    "nateduc": "improving the nation's education system?",
    "natrace": "improving the conditions of Blacks?",
    "natarms": "the military, armaments and defense?",
    "nataid": "foreign aid?",
    "natfare": "welfare?",
    "natroad": "highways and bridges?",
    "natsoc": "Social Security?",
    "natmass": "mass transportation?",
    "natpark": "parks and recreation?",
    "natchld": "assistance for childcare?",
    "natsci": "supporting scientific research?",
    "natenrgy": "developing alternative energy sources?",
}
UNSEEN = ("natenrgy", "natroad", "natrace", "natsci")
HASH = "9f2c4e6a8b0d1f3e5a7c9b1d3f5e7a9c0b2d4f6e8a1c3e5b7d9f0a2c4e6b8d1f"


def estimate(value: float, half: float) -> Estimate:
    return Estimate(value=value, low=value - half, high=min(1.0, value + half))


def question(index: int, name: str) -> QuestionResult:
    unseen = name in UNSEEN
    status: Status = "unseen_both" if unseen else "unseen_people"
    first = 0.25 + 0.5 * abs(math.sin(index))
    last = (1 - first) * (0.25 + 0.1 * math.cos(index))
    real = (first, 1 - first - last, last)
    shift = (0.14 if unseen else 0.02) + 0.012 * math.sin(3 * index)
    simulated = (first - shift, real[1] + shift * 0.8, last + shift * 0.2)
    baselines = {
        "uniform": 1 - 0.5 * sum(abs(r - 1 / 3) for r in real),
        "empty_persona": 1 - shift - 0.01,
        "shuffled_persona": 1 - shift - 0.006,
        "untuned": 0.61,
    }
    if not unseen:
        baselines["item_share"] = 1 - shift + 0.002
    return QuestionResult(
        name=name,
        text=f"{LEAD} {TOPICS[name]}",
        options=OPTIONS,
        status=status,
        people=470 - index,
        effective_base=352.4 - index,
        real=real,
        real_low=tuple(r - 0.04 for r in real),
        real_high=tuple(r + 0.04 for r in real),
        simulated=simulated,
        drawn=simulated,
        agreement=estimate(1 - shift, 0.018),
        ceiling=estimate(0.967, 0.015),
        baselines=baselines,
        skill=0.9 - shift,
        outside_support=name == "natrace",
    )


def segment(attribute: str, level: str, status: Status, index: int) -> SegmentResult:
    if level == "less than high school":
        return SegmentResult(
            attribute=attribute, level=level, status=status, people=17, persons=104, suppressed=True
        )
    value = (0.93 if status == "unseen_people" else 0.82) - 0.008 * index
    return SegmentResult(
        attribute=attribute,
        level=level,
        status=status,
        people=60 + 13 * index,
        persons=140 + 10 * index,
        suppressed=False,
        agreement=estimate(value, 0.03),
        ceiling=0.94,
        baselines={"uniform": 0.68, "empty_persona": value - 0.012, "item_share": value - 0.009},
    )


def claims(seen: bool) -> tuple[Claim, ...]:
    plain = Claim(
        measure="agreement",
        baseline="item_share" if seen else "empty_persona",
        outcome="no better",
        difference=Estimate(value=0.001, low=-0.005, high=0.007),
        sentence="It is no better than the best baseline.",
    )
    single = Claim(
        measure="log_score",
        baseline="empty_persona",
        outcome="better" if seen else "worse",
        difference=Estimate(value=0.035, low=0.029, high=0.041),
        sentence="Single answers are predicted better than by the empty persona.",
    )
    return plain, single


def differences(lead: float) -> tuple[tuple[Measure, float], ...]:
    return ("agreement", lead), ("segment_agreement", lead + 0.01), ("log_score", 0.035)


def status(name: Status) -> StatusResult:
    seen = name == "unseen_people"
    value = 0.968 if seen else 0.846
    baselines = {"uniform": 0.712, "empty_persona": 0.96, "shuffled_persona": 0.961, "untuned": 0.598}
    if seen:
        baselines["item_share"] = 0.967
    else:
        baselines |= {"empty_persona": 0.848, "shuffled_persona": 0.847}
    best = "item_share" if seen else "empty_persona"
    signal = {"model": 0.287 if seen else 0.11, "shuffled_persona": 0.004}
    return StatusResult(
        status=name,
        questions=14 if seen else 4,
        people=470,
        agreement=estimate(value, 0.0065),
        ceiling=estimate(0.971, 0.005),
        baselines=baselines,
        skill=0.987 if seen else 0.52,
        segment_agreement=estimate(value - 0.04, 0.01),
        segment_ceiling=0.94,
        segment_baselines={k: v - 0.05 for k, v in baselines.items()},
        log_score={"model": -0.916, "uniform": -1.0986, "empty_persona": -0.951, "shuffled_persona": -0.972},
        person_signal=signal,
        comparisons=tuple(
            Comparison(baseline=b, measure=m, difference=Estimate(value=d, low=d - 0.006, high=d + 0.006))
            for b, v in baselines.items()
            for m, d in (
                ("agreement", value - v),
                ("segment_agreement", value - v + 0.01),
                ("log_score", 0.035),
            )
            if not (m == "log_score" and b == "untuned")
        ),
        best_baseline=best,
        claims=claims(seen),
        beats_best_baseline=False,
        verdict=(
            "On people never trained on, the persona model agrees with real shares about as well as the item "
            "share does, and better than every other baseline."
            if seen
            else "On questions never asked before, the persona model does not beat the empty persona: what "
            "it knows of persons does not help here."
        ),
    )


def agreement() -> AgreementResult:
    levels = {
        "age_group": ("18-24", "25-34", "35-44", "45-54", "55-64", "65 and over"),
        "sex": ("female", "male"),
        "education": ("less than high school", "high school", "junior college", "bachelor", "graduate"),
    }
    names: tuple[Status, Status] = ("unseen_people", "unseen_both")
    return AgreementResult(
        statuses=tuple(status(n) for n in names),
        questions=tuple(question(i, name) for i, name in enumerate(TOPICS)),
        segments=tuple(
            segment(a, level, n, i) for n in names for a, ls in levels.items() for i, level in enumerate(ls)
        ),
        persons=1000,
        people=470,
        replicates=1000,
        seed=7,
        notes=("The untuned language model was scored on 60 of 1,000 persons.",),
    )


def provenance() -> tuple[Provenance, ...]:
    gss = {"source": "General Social Survey 2018", "vintage": "2018", "licence": "public use", "sha256": HASH}
    return (
        Provenance(attribute="age_group", kind="observed", method="column age, in six groups", **gss),
        Provenance(attribute="education", kind="observed", method="column degree, recoded", **gss),
        Provenance(
            attribute="region",
            kind="imputed",
            source="American Community Survey",
            vintage="2022",
            licence="public domain",
            method="drawn from the margin us_region_2022, independent of everything else",
            sha256="",
        ),
        Provenance(
            attribute="spend_level",
            kind="matched",
            source="Complete Journey",
            vintage="2017",
            licence="CC0",
            method="nearest household in age group and income, distance hot deck",
            sha256=HASH,
        ),
    )


def weighting() -> Weighting:
    cells = (
        (("age_group", "sex"), ("18-24", "female"), 0.058),
        (("age_group", "sex"), ("18-24", "male"), 0.061),
    )
    more = ((("education",), ("less than high school",), 0.102), (("education",), ("graduate",), 0.134))
    return Weighting(
        people=2348,
        design_effect=1.366,
        effective_base=1718.9,
        largest_weight=4.21,
        largest_margin_error=3.2e-10,
        margins=tuple(
            MarginFit(
                attributes=a, cell=c, official=s, unweighted=s * 0.8, weighted=s, base=int(2348 * s * 0.8)
            )
            for a, c, s in cells + more
        ),
    )


def sources() -> tuple[Source, ...]:
    return (
        Source(
            name="stevedata/gss_spending",
            source="General Social Survey 2018, NORC; https://gss.norc.org",
            licence="public use",
            vintage="2018",
            sha256=HASH,
        ),
        Source(
            name="us_region_2022",
            source="U.S. Census Bureau",
            licence="public domain",
            vintage="2022",
            sha256=HASH,
        ),
    )


def report() -> ReportData:
    return ReportData(
        title="Public spending, 2018",
        created="2026-11-21T10:02:00+00:00",
        fielded="2026-11-21T10:00:00+00:00",
        version="0.1.0",
        study="spending",
        panel="spending",
        model=ModelLine(
            name="factored persona model",
            fingerprint=HASH[:32],
            base="smollm2-135m (SmolLM2-135M-Instruct, 135 million parameters)",
            licence="Apache-2.0",
            processor="CPU, AVX2, fp32, 2 cores",
            adapter=HASH[32:],
        ),
        persons=1000,
        answers=18000,
        seconds=2.34,
        answers_per_second=7692.3,
        refused=0,
        repaired=0,
        agreement=agreement(),
        smallest_base=30,
        population="residents of the United States aged 18 and over, 2022",
        weighting=weighting(),
        provenance=provenance(),
        split=SplitLine(
            people=2348,
            training_people=1878,
            held_out_people=470,
            training_questions=14,
            held_out_questions=4,
            description="People by hash of their id, one in five held out; four questions held out whole.",
            benchmark="General Social Survey 2018, fielded April to November 2018",
            sha256=HASH,
            overlap_people=0,
            overlap_questions=0,
        ),
        sources=sources(),
        legal_basis="published anonymous microdata",
        prompts=(
            "Survey respondent: education: bachelor.",
            "Question: Are we spending too much, too little, or about the right amount on welfare?\nAnswer:",
        ),
        option_order="Each option is scored on its own, so the order of the options cannot matter.",
        draws="Each answer is drawn from its distribution, keyed by seed, person and question.",
        seed=2018,
        limits=(
            "Forecasts of elections or of change over time are not supported.",
            "Statements about a single customer are not supported.",
        ),
        reproduce=("mirrorpanel demo --out demo-out", "mirrorpanel report demo-out/run"),
    )
