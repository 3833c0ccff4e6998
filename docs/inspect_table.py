"""Writes into docs/data.md how much of each drafted codebook was right unedited, for a folder of data.

    python docs/inspect_table.py ../shared/data

The truth was checked by hand against codebooks, questionnaires and value labels; it stands in
tests/grounding/sources/inspection_truth.csv: file, columns (numbers from 1), type (alternatives by ``|``),
order (``up`` or ``down``: codes rise or fall with the scale; for cells that are labels, their places in the
alphabet from low to high), missing codes (``?`` where nothing says).
"""

import csv
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from grounding.sources import reading
from grounding.sources.inspection import inspect
from grounding.sources.inspection_findings import Finding
from grounding.sources.place import Place, ReadOptions

ROOT = Path(__file__).parent.parent
TRUTH = ROOT / "tests" / "grounding" / "sources" / "inspection_truth.csv"
PAGE = ROOT / "docs" / "data.md"
START, END = "<!-- drafts: begin -->", "<!-- drafts: end -->"
_NAMED = 8


@dataclass(frozen=True)
class Truth:
    """What a column of a file really holds."""

    column: int
    types: tuple[str, ...]
    order: str
    missing: frozenset[str] | None


@dataclass(frozen=True)
class Score:
    """How many columns of a file were judged, and how many were right.

    Attributes:
        variables: columns of the file, of which ``judged`` were.
        right: columns with the right type, missing codes, and options from low to high where they have an
            order.
        types: columns with the right type.
        turned: names of scales that begin with the high end.
        shuffled: names of scales whose options are out of order.
        missing: names of columns where missing codes were overlooked, or answers taken for them.
        wrong: type -> names of the columns for which it is wrong.
    """

    file: str
    variables: int
    judged: int
    right: int
    types: int
    turned: tuple[str, ...]
    shuffled: tuple[str, ...]
    missing: tuple[str, ...]
    wrong: dict[str, list[str]]


def truths() -> dict[str, list[Truth]]:
    """File -> its columns, as checked by hand."""
    found: dict[str, list[Truth]] = {}
    with TRUTH.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            codes = None if row["missing"] == "?" else frozenset(filter(None, row["missing"].split("|")))
            for number in _numbers(row["columns"]):
                types = tuple(row["type"].split("|"))
                found.setdefault(row["file"], []).append(Truth(number, types, row["order"], codes))
    return found


def _numbers(columns: str) -> range:
    first, _, last = columns.partition("-")
    return range(int(first), int(last or first) + 1)


def place(file: Path) -> Place:
    """A file with the Qualtrics definition beside it, where there is one."""
    definition = file.with_name("survey.qsf")
    found = definition if definition.exists() and file.name == "response.csv" else None
    return Place(path=file, options=ReadOptions(repeated_names="number"), definition=found)


def score(file: str, data: Path, truth: Sequence[Truth]) -> Score:
    """How right the draft of one file is."""
    findings = inspect(reading.read(place(data / file))).findings
    pairs = [(t, findings[t.column - 1]) for t in truth]
    scales = [(t, f) for t, f in pairs if t.order and f.type == "scale"]
    turned = [f for t, f in scales if _order(f) == _reversed(t.order)]
    shuffled = [f for t, f in scales if _order(f) not in (t.order, _reversed(t.order))]
    missing = [f for t, f in pairs if not _same_missing(t, f)]
    wrong: dict[str, list[str]] = {}
    for t, f in pairs:
        if f.type not in t.types:
            wrong.setdefault(f.type, []).append(f.column)
    bad = {f.column for f in (*turned, *shuffled, *missing)} | {c for names in wrong.values() for c in names}
    return Score(
        file=file,
        variables=len(findings),
        judged=len(pairs),
        right=sum(f.column not in bad for _, f in pairs),
        types=sum(f.type in t.types for t, f in pairs),
        turned=tuple(f.column for f in turned),
        shuffled=tuple(f.column for f in shuffled),
        missing=tuple(f.column for f in missing),
        wrong=wrong,
    )


def _same_missing(truth: Truth, finding: Finding) -> bool:
    return truth.missing is None or finding.type == "text" or frozenset(finding.missing) == truth.missing


def _order(finding: Finding) -> str:
    codes = [option.codes[0] for option in finding.options]
    try:
        numbers = [float(code) for code in codes]
    except ValueError:
        alphabet = sorted(codes)
        return "-".join(str(alphabet.index(code)) for code in codes)
    if numbers == sorted(numbers):
        return "up"
    return "down" if numbers == sorted(numbers, reverse=True) else "mixed"


def _reversed(order: str) -> str:
    return {"up": "down", "down": "up"}.get(order, "-".join(reversed(order.split("-"))))


def scores(data: Path) -> Iterator[Score]:
    """The score of each file that is there."""
    for file, truth in truths().items():
        if (data / file).exists():
            yield score(file, data, truth)


def table(found: Sequence[Score]) -> str:
    """The scores as Markdown."""
    lines = [
        "| file | variables | judged | right unedited | type right | what was wrong |",
        "|---|---:|---:|---:|---:|---|",
    ]
    lines += [
        f"| {_shown(s.file)} | {s.variables} | {s.judged} | {_share(s.right, s.judged)} "
        f"| {_share(s.types, s.judged)} | {_faults(s)} |"
        for s in found
    ]
    variables, judged = sum(s.variables for s in found), sum(s.judged for s in found)
    right, types = sum(s.right for s in found), sum(s.types for s in found)
    total = f"| all | {variables:,} | {judged:,} | {_share(right, judged)} | {_share(types, judged)} | |"
    return "\n".join([*lines, total])


def _shown(file: str) -> str:
    """The file, or its folder where that was made for this one file."""
    path = PurePosixPath(file)
    return str(path.parent) if len(path.parts) > 2 else file


def _share(count: int, of: int) -> str:
    return f"{count:,} ({math.floor(100 * count / of)} %)"


def _faults(found: Score) -> str:
    parts = [f"taken for {kind}: {_listed(names)}" for kind, names in found.wrong.items()]
    parts += [f"high end first: {_listed(found.turned)}"] if found.turned else []
    parts += [f"options out of order: {_listed(found.shuffled)}"] if found.shuffled else []
    parts += [f"missing codes: {_listed(found.missing)}"] if found.missing else []
    return "; ".join(parts) or "nothing"


def _listed(names: Sequence[str]) -> str:
    short = [n if len(n) <= 30 else f"{n[:27]}..." for n in (" ".join(name.split()) for name in names)]
    return ", ".join(short[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")


def written(page: str, content: str) -> str:
    """The page with the table between its two marks. Raises: ValueError if they are not there."""
    before, start, rest = page.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise ValueError(f"{PAGE} has no lines {START} and {END}")
    return f"{before}{START}\n{content}\n{END}{after}"


if __name__ == "__main__":
    made = table(list(scores(Path(sys.argv[1]))))
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), made), encoding="utf-8")
    print(made)
