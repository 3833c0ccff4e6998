"""A codebook's first draft, as YAML that people read and correct."""

import re
import textwrap
from collections.abc import Collection, Sequence

import yaml

from grounding.sources import inspection_roles as roles
from grounding.sources.codebook import canonical
from grounding.sources.inspection import Inspection
from grounding.sources.inspection_findings import Finding, Option

_PLAIN_NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d{0,9}[1-9])?")
_LEADING_ZERO = re.compile(r"[-+]?0\d+")
_WIDTH = 100
_LONGEST_NAME = 40


def asks(finding: Finding) -> bool:
    """Whether a column becomes a question of the codebook; attributes of persons and consent do not."""
    kinds = ("yes_no", "choice", "scale", "multi")
    of_person = roles.role(finding) or roles.consents(finding)
    return finding.type in kinds and len(finding.options) >= 2 and not of_person


def scalar(text: str) -> str:
    """The text as one YAML value, quoted only where it has to be."""
    written = yaml.safe_dump(text, allow_unicode=True, width=10**9, default_flow_style=True)
    line = written.removesuffix("\n...\n").removesuffix("\n")
    if line == text and _LEADING_ZERO.fullmatch(text):
        return f"'{text}'"  # 01 is a number to YAML 1.1, 08 to YAML 1.2 only
    return line if "\n" not in line else yaml.safe_dump(text, default_style='"', width=10**9).strip()


def code(value: str) -> str:
    """A code as one YAML value: numbers bare, all else as text."""
    if _PLAIN_NUMBER.fullmatch(value) and value != "-0" and canonical(value) == value:
        return value
    return scalar(value)


def names(findings: Sequence[Finding], taken: Collection[str] = ()) -> dict[str, str]:
    """Column -> name of the question: the column's own, or for long headers their first words."""
    used = set(taken)
    found: dict[str, str] = {}
    for finding in findings:
        name = finding.column
        if len(name) > _LONGEST_NAME or len(name.split()) > 3:
            words = re.findall(r"\w+", name.lower())
            name = textwrap.shorten(" ".join(words), _LONGEST_NAME, placeholder="").replace(" ", "_")
            name = name or re.sub(r"\W+", "_", finding.column)[:_LONGEST_NAME]
        number, free = 2, name
        while free in used:
            free, number = f"{name}_{number}", number + 1
        used.add(free)
        found[finding.column] = free
    return found


def question(finding: Finding, name: str) -> str:
    """The entry of a question, with the evidence as a comment above it."""
    lines = [_evidence(finding), f"- name: {scalar(name)}"]
    if name != finding.column:
        lines.append(f"  column: {scalar(finding.column)}")
    lines += _text("text", finding.text or finding.column)
    lines.append(f"  scale: {'nominal' if finding.type == 'choice' else 'ordinal'}")
    lines += _options(finding.options)
    lines += _details(finding)
    return "\n".join(lines) + "\n"


def variable(finding: Finding) -> str:
    """The entry of a column that is no question."""
    lines = [_evidence(finding), f"- name: {scalar(finding.column)}"]
    if finding.text and finding.text != finding.column:
        lines += _text("text", finding.text)
    lines.append(f"  type: {finding.type}")
    lines += _options(finding.options) if finding.options else []
    lines += _details(finding)
    return "\n".join(lines) + "\n"


def _evidence(finding: Finding) -> str:
    reason = " ".join(finding.reason.split())
    texts = "" if finding.text else "; the file has no text for it"
    return f"# {finding.answers:,} answers; sure {finding.sure:g}: {reason}{texts}"


def _text(key: str, text: str) -> list[str]:
    joined = " ".join(text.split())
    line = f"  {key}: {scalar(joined)}"
    if len(line) <= _WIDTH:
        return [line]
    wrapped = textwrap.wrap(joined, _WIDTH - 4, break_long_words=False, break_on_hyphens=False)
    return [f"  {key}: >-", *(f"    {part}" for part in wrapped)]


def _options(options: Sequence[Option]) -> list[str]:
    if all(option.codes == (option.label,) for option in options):
        return ["  options:", *(f"    - {code(option.label)}" for option in options)]
    listed: list[str] = []
    for option in options:
        label = " ".join(option.label.split()) or option.codes[0]
        listed.append(f"    {code(label)}: {codes(option.codes)}")
    return ["  options:", *listed]


def codes(values: Sequence[str]) -> str:
    """One code, or several in brackets."""
    return code(values[0]) if len(values) == 1 else f"[{', '.join(map(_flow, values))}]"


def _flow(value: str) -> str:
    """A code within brackets, where a comma would end it."""
    written = code(value)
    return f'"{value}"' if written == value and re.search(r"[,\[\]{}]", value) else written


def _details(finding: Finding) -> list[str]:
    lines = [f"  missing: [{', '.join(map(_flow, finding.missing))}]"] if finding.missing else []
    if finding.set:
        lines.append(f"  set: {scalar(finding.set)}")
    lines.append(f"  sure: {finding.sure:g}")
    note = _note(finding)
    return [*lines, *_text("note", note)] if note else lines


def _note(finding: Finding) -> str:
    role, special = roles.role(finding), roles.special(finding)
    parts = [
        "looks like a direct identifier of people; keep it out" if finding.personal else "",
        f"attribute of persons: {role}" if role else "",
        "says who consented" if roles.consents(finding) else "",
        f"may be a special category of personal data: {special}" if special else "",
        "codes fall while the scale rises" if finding.falling else "",
        "split it into one column for each item" if finding.type == "multi" and not finding.options else "",
    ]
    return "; ".join(p for p in parts if p)


def codebook(inspection: Inspection, source: str) -> str:
    """A whole codebook; without questions it is not yet one, see ``asks``."""
    asked = [f for f in inspection.findings if asks(f)]
    rest = [f for f in inspection.findings if not asks(f)]
    called = names(asked)
    head = (
        f"# Codebook drafted by mirrorpanel: {len(inspection.findings):,} columns, "
        f"{inspection.rows:,} rows.\n"
        "# Edit it freely: inspecting the file again changes nothing here, only new columns are added.\n"
        "# Options run from low to high where the scale is ordinal. Check what is least sure first.\n"
        f"source: {scalar(source)}  # say who asked whom, and when\n"
    )
    body = "questions:\n" + "\n".join(_indented(question(f, called[f.column])) for f in asked)
    others = "\nvariables:\n" + "\n".join(_indented(variable(f)) for f in rest) if rest else ""
    return head + body + others


def _indented(entry: str, by: int = 2) -> str:
    return textwrap.indent(entry, " " * by)


def indented(entries: Sequence[str], by: int) -> str:
    """Entries of a list, one below the other, ``by`` spaces in."""
    return "\n".join(_indented(entry, by) for entry in entries)
