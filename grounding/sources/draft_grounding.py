"""A grounding file's first draft: everything that the data say, and a note where people have to decide."""

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from grounding.sources import draft
from grounding.sources import inspection_roles as roles
from grounding.sources.inspection import Inspection
from grounding.sources.inspection_findings import Finding

_COUNTED = ("weight", "number")
_AGES = ((18, 29), (30, 44), (45, 59))
_ENGLISH = ("under 18", "60 and over", "5 or more")
_GERMAN = re.compile(r"\b(alter|wie alt|geschlecht|männlich|weiblich|haushalt|haushaltsgröße|personen)\b")


@dataclass(frozen=True)
class Placed:
    """How the grounding file names the data.

    Attributes:
        panel: proposed name of the panel.
        where: lines that say where the rows lie, such as ``file: survey.sav``, and how they are read.
        codebook: the drafted codebook's path; empty where there is none.
    """

    panel: str
    where: tuple[str, ...]
    codebook: str = ""


def grounding(inspection: Inspection, placed: Placed) -> str:
    """A grounding file that is ready to be edited; it loads as it stands."""
    return (
        _HEAD.format(panel=draft.scalar(placed.panel), consent=_consent(inspection))
        + "survey:\n"
        + textwrap.indent("\n".join(_survey(inspection, placed)) + "\n", "  ")
        + _tail(inspection)
    )


def _tail(inspection: Inspection) -> str:
    """Official tables as an example, the German one first where the attributes have German words."""
    found = roles.attributes(inspection.findings).values()
    table, other = reversed(_TABLES) if any(_german(f) for f in found) else _TABLES
    return _TAIL.format(table=table, other=other)


_HEAD = """\
# Grounding file drafted by mirrorpanel. It is a proposal: settle each line marked "decide".
panel: {panel}
persons: 1000  # decide: how many persons are drawn
seed: 1
population: ""  # decide: whom the panel stands for, such as "adults in Germany, 2024"
frame: ""  # decide: whom the survey could reach, such as "members of an online panel"

protection:  # decide: under the GDPR, every source needs these four
  controller: ""  # who decides on purposes and means
  legal_basis: ""  # such as "consent, Art. 6(1)(a)"
  purpose: ""
  retention:  # last day on which the data may be used, as 2027-12-31
  # anonymous: public-use file, ids are row numbers  # in place of the four, where rows are no personal data
{consent}
"""
_TAIL = """
# decide: official tables that the weights must meet; "mirrorpanel data margins" lists what there is.
# margins:
#   - table: {table}  # or {other}, or one of your own
#     attributes: {{age: age, sex: sex}}
"""
_TABLES = ("us_age_sex_2022", "de_land_sex_age_2021")


def _consent(inspection: Inspection) -> str:
    """The line that lets in only who agreed, where a column seems to hold that; else what to write there."""
    found = next((f for f in inspection.findings if roles.consents(f)), None)
    if found is None:
        return "  # consent: {column: , values: []}  # who agreed; needed where the legal basis is consent\n"
    yes = draft.codes(found.options[-1].codes) if found.options else ""
    listed = yes if yes.startswith("[") else f"[{yes}]"
    column = draft.scalar(found.column)
    return f"  consent: {{column: {column}, values: {listed}}}  # decide: nobody else comes in\n"


def _survey(inspection: Inspection, placed: Placed) -> list[str]:
    lines = _read(inspection, placed.where)
    if placed.codebook:
        lines.append(f"codebook: {draft.scalar(placed.codebook)}")
    lines += _id(inspection)
    weights = sorted(inspection.of_type("weight"), key=lambda f: -f.sure)
    if weights:
        more = f"  # also: {_listed(weights[1:])}" if len(weights) > 1 else ""
        lines.append(f"weight: {draft.scalar(weights[0].column)}{more}")
    else:
        lines.append("# weight:  # no column looks like a design weight")
    took = next((f for f in inspection.findings if roles.lasts(f)), None)
    if took is not None:
        lines.append(f"duration: {draft.scalar(took.column)}  # decide: only where it counts seconds")
    lines += ['source: ""  # decide: who made the data', 'licence: ""', 'vintage: ""']
    return [*lines, *_attributes(inspection)]


def _read(inspection: Inspection, where: Sequence[str]) -> list[str]:
    """Where the rows lie, and the decimal comma that a column was read with."""
    numbers = [f for f in inspection.findings if f.decimal == "," and (f.type in _COUNTED or roles.lasts(f))]
    text = any(re.fullmatch(r"file: .*\.(csv|tsv|txt|tab|dat)(\.gz)?['\"]?", line) for line in where)
    if not numbers or not text or any(line.strip().startswith("decimal:") for line in where):
        return [*where]
    lines = [*where] if "read:" in where else [*where, "read:"]
    at = lines.index("read:") + 1
    return [*lines[:at], f'  decimal: ","  # as in column {draft.scalar(numbers[0].column)}', *lines[at:]]


def _listed(findings: Sequence[Finding]) -> str:
    shown = ", ".join(" ".join(f.column.split())[:40] for f in findings[:6])
    return shown + (f" and {len(findings) - 6} more" if len(findings) > 6 else "")


def _id(inspection: Inspection) -> list[str]:
    ids = [f for f in inspection.of_type("id") if not f.personal]
    distinct = [f for f in ids if f.distinct == inspection.rows]
    if distinct:
        best = max(distinct, key=lambda f: f.sure)
        return [f"id: {draft.scalar(best.column)}"]
    column = (ids or list(inspection.findings))[0].column
    return [
        f"id: {draft.scalar(column)}  # decide: no column is distinct in every row; each person needs an id"
    ]


def _attributes(inspection: Inspection) -> list[str]:
    special = [f for f in inspection.findings if roles.special(f) and f.type in ("scale", "choice", "yes_no")]
    held_back = {f.column for f in special}
    ordinary = [f for f in inspection.findings if f.column not in held_back]
    chosen = roles.attributes(ordinary)
    lines = ["attributes:  # decide: what is known of each person, and how it is grouped"]
    if not chosen:
        stand_in = next((f for f in ordinary if f.options and not f.personal), None)
        if stand_in is None:
            return [*lines, *_whole_column(inspection)]
        lines.append("  # no column looks like age, sex, region or the like; this one only stands in")
        chosen = {"attribute": stand_in}
    for name, finding in chosen.items():
        lines += textwrap.indent("\n".join(_recode(name, finding)), "  ").split("\n")
        others = [f for f in ordinary if roles.role(f) == name and f is not finding]
        if others:
            lines.append(f"    # also: {_listed(others)}")
    if special:
        lines.append(f"  # special categories (GDPR Art. 9), left out unless you say why: {_listed(special)}")
    return lines


def _whole_column(inspection: Inspection) -> list[str]:
    return [
        "  attribute:  # decide: no column has options; take one as it stands",
        f"    column: {draft.scalar(inspection.findings[-1].column)}",
    ]


def _recode(name: str, finding: Finding) -> list[str]:
    lines = [f"{name}:", f"  column: {draft.scalar(finding.column)}"]
    if finding.type == "number":
        lines += [
            "  bins:",
            *(f"    {label}: [{low}, {high}]" for label, low, high in _bins(name, _german(finding))),
        ]
    else:
        unnamed = all(option.codes == (option.label,) for option in finding.options) and finding.sure < 0.7
        lines.append("  values:" + ("  # decide: name the groups behind these codes" if unnamed else ""))
        lines += [f"    {draft.code(_flat(o.label))}: {draft.codes(o.codes)}" for o in finding.options]
    if finding.missing:
        lines.append(f"  missing: {draft.codes(finding.missing)}")
    return lines


def _flat(label: str) -> str:
    return " ".join(label.split())


def _german(finding: Finding) -> bool:
    """Whether the column speaks German, by words that only German has for what describes people."""
    said = " ".join((finding.column, finding.text, *(o.label for o in finding.options)))
    return _GERMAN.search(said.lower().replace("_", " ")) is not None


def _bins(name: str, german: bool) -> list[tuple[str, str, str]]:
    under, over, more = ("unter 18", "60 und älter", "5 und mehr") if german else _ENGLISH
    if name == "age":
        middle = [(f"{low}-{high}", f"{low}", f"{high}") for low, high in _AGES]
        return [(under, "0", "17"), *middle, (over, "60", "120")]
    sizes = [(f"'{n}'", f"{n}", f"{n}") for n in (1, 2, 3, 4)]
    return [*sizes, (more, "5", "30")]
