"""Which columns say who somebody is: attributes of persons, and those that data protection singles out."""

import re
from collections.abc import Sequence

from grounding.sources.inspection_findings import Finding

_ROLES: tuple[tuple[str, str], ...] = (
    (
        "age",
        r"age|alter|age ?(group|cat|band|range|class|klasse)?\d*|ppage|altersgruppe\w*|altersklasse\w*"
        r"|.*\b(what is your age|your age|how old are you|age in years|age group|respondent'?s? age"
        r"|wie alt sind sie"
        r"|alter (in jahren|der person|des befragten)|geburtsjahr|year of birth|year were you born)\b.*"
        r"|(\w{1,6}[ .:]+)?(age|alter)",
    ),
    (
        "sex",
        r"sex|gender|geschlecht|\w{0,4}gender|sexe|(\w{1,6}[ .:]+)?(gender|sex|geschlecht)"
        r"|.*\b(your (gender|sex)|ihr geschlecht|what is your gender|respondent'?s? sex"
        r"|geschlecht der\w*)\b.*|are you",
    ),
    (
        "region",
        r"region|bundesland|land|state|census ?region|(us|uk) region|(\w{1,6}[ .:]+)?(region"
        r"|bundesland|state)|bland|bundesland\b.*"
        r"|.*\b(census region|in which (state|region|bundesland)|which (state|region) do you"
        r"|geographic region"
        r"|in welchem bundesland|state of residence|50 states)\b.*|.*(-|_| )(state|region)"
        r"|(\w{1,6}[ .:]+)location"
        r"|location",
    ),
    (
        "education",
        r"educ\w{0,8}\d?|education( level)?|bildung\w*|schulabschluss|hoechster \w*abschluss|degree"
        r"|.*\b(highest (level of )?(education|degree|school)|education level"
        r"|schulabschluss|bildungsabschluss"
        r"|level of education)\b(?!.*\b(father|mother|parent|vater|mutter|members))(?!.*\bparents).*"
        r"|.*[-_ ]education"
        r"|pped\w*|isced\d*",
    ),
    (
        "income",
        r"income\w{0,4}\d*|\w{0,8}einkommen\w*|hhincome|(household|personal|family|gross|net) income"
        r"|(\w{1,6}[ .:]+)?(household )?income( cat)?|.*\b((household|personal|family|gross|annual) income"
        r"|haushaltseinkommen"
        r"|nettoeinkommen|income range|members of your household earn)\b.*|.*[-_ ]income|income cat",
    ),
    (
        "employment",
        r"employ\w{0,6}|(employment|work|labou?r) ?(status)?|wrkstat|beruf\w*|erwerbs\w*"
        r"|occupation"
        r"|.*\b(employment status|work status|berufstaetig\w*|erwerbsstatus|erwerbstaetig\w*)\b.*",
    ),
    (
        "marital_status",
        r"marital\w*|marital ?status|familienstand|.*\b(marital status"
        r"|familienstand)\b.*|ppmarit",
    ),
    (
        "household_size",
        r"\w{0,3}h+ ?size|household ?size|haushaltsgroesse|.*[-_ ]hh[-_ ]size"
        r"|hhgr\w*|haushaltsgr\w*"
        r"|.*\b((people|persons) (are )?in your household|personen (leben )?i(n ihre)?m haushalt"
        r"|household size)\b.*",
    ),
    (
        "urbanity",
        r"urban\w*|urbanicity|ortsgroesse|gemeindegroesse\w*|settype"
        r"|.*\b(describe where you live)\b.*",
    ),
)
_SPECIAL: tuple[tuple[str, str], ...] = (
    ("ethnicity", r"race\w{0,5}\d?|ethnic\w*|racethn\d?|ppethm|hisp\w*|herkunft|.*\b(race|ethnicity"
                  r"|hispanic|latino"
     r"|ethnische|migrationshintergrund|einwanderungsgeschichte)\b.*|.*[-_ ](race|hispanic)"),
    ("religion", r"relig\w*|konfession|.*\b(religion|religious|konfession|church|kirche)\b.*"),
    ("political opinion", r"party\w{0,3}|partei\w*|.*\b(political|party (id\w*|affiliation)|vote[dr]?"
                          r"|politisch\w*"
     r"|partei\w*|wahlabsicht|gewaehlt)\b.*|polviews|vote\d*"),
    ("sexual orientation", r"orientation|.*\bsexual orientation\b.*|.*sexuelle orientierung.*"),
    ("health", r"health|gesundheit\w*|.*\b(disease|illness|diabetes|wheelchair|disab\w*|diagnos\w*|krank\w*"
     r"|behinder\w*|gesundheit\w*|(your|own) health|medical condition)\b.*"),
    ("trade union membership", r"union|.*\b(trade|labou?r) union\b.*|.*gewerkschaft.*"),
)  # fmt: skip
_ROLE = tuple((name, re.compile(pattern)) for name, pattern in _ROLES)
_SPECIALS = tuple((name, re.compile(pattern)) for name, pattern in _SPECIAL)
_CONSENT = re.compile(
    r"\b(einwilligung|eingewilligt|datenschutz\w*|consent(ed)?|opt ?in|(agreed?|zugestimmt) to (the )?use)\b"
)
_DURATION = re.compile(
    r"((total|gesamt|interview|survey|befragungs)[ ]?)?(dauer|duration|duration time)"
    r"( \(?(in )?(s|sec|seconds|sek|sekunden)\)?)?|interviewtime|bearbeitungszeit"
)
_SPELLING = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "’": "'"})
_GROUPS = ("scale", "choice", "yes_no")


def _phrases(finding: Finding) -> tuple[str, ...]:
    named = re.sub(r"[_.\-]+", " ", finding.column.lower().translate(_SPELLING)).strip()
    text = finding.text.lower().translate(_SPELLING).strip().rstrip("?:. ")
    return tuple(dict.fromkeys(p for p in (finding.column.lower(), named, text) if p))


def role(finding: Finding) -> str:
    """The attribute of persons that a column holds, such as ``age``; empty for all others."""
    if finding.type not in (*_GROUPS, "number") or finding.personal or finding.set:
        return ""
    phrases = _phrases(finding)
    found = next((name for name, p in _ROLE if any(p.fullmatch(x) for x in phrases)), "")
    if finding.type == "number" and found not in ("age", "household_size"):
        return ""
    return found


def consents(finding: Finding) -> bool:
    """Whether a column seems to say who consented to the use of their data."""
    return finding.type == "yes_no" and any(_CONSENT.search(x) for x in _phrases(finding))


def lasts(finding: Finding) -> bool:
    """Whether a column of numbers seems to say how many seconds a person took to answer."""
    return bool(finding.decimal) and any(_DURATION.fullmatch(x) for x in _phrases(finding))


def special(finding: Finding) -> str:
    """The special category of data (GDPR Art. 9) that a column seems to hold; empty for all others."""
    phrases = _phrases(finding)
    return next((name for name, p in _SPECIALS if any(p.fullmatch(x) for x in phrases)), "")


def attributes(findings: Sequence[Finding]) -> dict[str, Finding]:
    """Role -> the column that serves it best: the surest, and of equals the first."""
    best: dict[str, Finding] = {}
    for finding in findings:
        name = role(finding)
        if name and (name not in best or finding.sure > best[name].sure):
            best[name] = finding
    return {name: best[name] for name, _ in _ROLE if name in best}
