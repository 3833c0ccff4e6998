"""A first look at a table: what each column holds, drafted for a codebook that people then correct."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from grounding.sources import inspection_sets as sets
from grounding.sources import inspection_words as words
from grounding.sources.inspection_columns import describe
from grounding.sources.inspection_findings import Finding, Surroundings
from grounding.sources.inspection_values import Profile, clearly_negative, missing_codes, profile
from grounding.sources.table import Table


@dataclass(frozen=True)
class Inspection:
    """What was found out about a table.

    Attributes:
        name: of the table, for messages.
        rows: how many it has.
        findings: one for each column, in the table's order.
    """

    name: str
    rows: int
    findings: tuple[Finding, ...]

    def of_type(self, *types: str) -> tuple[Finding, ...]:
        """The findings of these types, in the table's order."""
        return tuple(f for f in self.findings if f.type in types)

    def counts(self) -> Mapping[str, int]:
        """Type -> number of columns, the most frequent first."""
        return dict(Counter(f.type for f in self.findings).most_common())


def inspect(table: Table) -> Inspection:
    """What each column of a table holds: type, question, options in scale order, missing codes, how sure.

    Only distinct values are looked at, so that time grows with columns and rows but hardly with either's
    content.
    """
    questions = {name: one.text for one in table.sets if not one.chosen for name in one.columns}
    columns = [_asked(profile(table, name), questions) for name in table.columns]
    negative = sum(clearly_negative(c) for c in columns) >= 2
    counted = {c.name for run in sets.batteries(columns) if sets.counts(run) for c in run}
    missing = {c.name: missing_codes(c, negative, c.name in counted) for c in columns}
    items = sets.items(columns, table.sets, missing)
    around = _surroundings(columns, missing, counted)
    findings = [
        _weight(describe(c, missing[c.name], around[c.name]))
        if c.name == table.weight
        else sets.finding(c, items[c.name], missing[c.name])
        if c.name in items
        else describe(c, missing[c.name], around[c.name])
        for c in columns
    ]
    return Inspection(table.name, len(table), tuple(findings))


def _weight(finding: Finding) -> Finding:
    """What a column that the file itself declares to hold the weights is, whatever it looks like."""
    return replace(finding, type="weight", options=(), sure=0.99, reason="the file weights its rows by it")


def _asked(column: Profile, questions: Mapping[str, str]) -> Profile:
    """The column with the question of the declared block that it belongs to."""
    if column.name not in questions:
        return column
    return replace(column, text=sets.joined(questions[column.name], column.text))


def _surroundings(
    columns: Sequence[Profile], missing: Mapping[str, Sequence[str]], counted: Collection[str]
) -> dict[str, Surroundings]:
    software = sum(words.is_metadata(c.name, c.text) for c in columns) >= 2
    from_zero = _counts_codes_from_zero(columns)
    first = columns[0].name if columns else ""
    found: dict[str, Surroundings] = {}
    for run in sets.batteries(columns):
        shared = sets.shared_values(run, missing)
        for one in run:
            battery = len(run) if shared else 1
            is_count = one.name in counted
            found[one.name] = Surroundings(one.name == first, software, shared, battery, from_zero, is_count)
    return found


def _counts_codes_from_zero(columns: Sequence[Profile]) -> bool:
    """Whether nearly all short runs of unlabelled whole numbers in a file start at 0, as positions do."""
    short = [
        min(c.numbers.values())
        for c in columns
        if c.numbers is not None and c.whole and not c.labels and 3 <= len(c.numbers) <= 11
    ]
    named = any(c.labels for c in columns)
    return not named and len(short) >= 10 and sum(low == 0 for low in short) >= 0.8 * len(short)
