"""Multi-response sets and batteries: columns that belong to one question."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from grounding.sources import inspection_words as words
from grounding.sources.inspection_findings import Finding, Option
from grounding.sources.inspection_values import Profile
from grounding.sources.table import ResponseSet

_NUMBERED = re.compile(r"(.+?)[_.\-]?\[?(?:SQ|A|c|r)?0*(\d+)\]?(?:\[.*\])?", re.DOTALL)
_LETTERED = re.compile(r"(.*\d)[_.\-]?([a-zA-Z])")
_BRACKETED = re.compile(r"(.+?)\s*\[([^\[\]]+)\]")
_DASH = re.compile(r"\s+[-–]\s+")
_SELECTED = re.compile(r"\s*[-–]\s*selected choice\b", re.IGNORECASE)
_EXCLUSIVE = re.compile(
    r"(none|none of (these|the above)|keine?[rs]?( davon| der genannten)?|nichts davon|other"
    r"|andere[rs]?|sonstige[rs]?"
    r"|weder noch|i do not have.*|other .*)",
)
NOT_CHOSEN, CHOSEN = "not chosen", "chosen"


@dataclass(frozen=True)
class Item:
    """A column as one item of a multi-response set.

    Attributes:
        set: name of the set.
        text: the set's question and the item.
        chosen: codes that mean that it was chosen.
        not_chosen: codes that mean that it was not; an empty code for an empty cell.
        sure: from 0 to 1.
        reason: in one line.
    """

    set: str
    text: str
    chosen: tuple[str, ...]
    not_chosen: tuple[str, ...]
    sure: float
    reason: str


def stem_of(column: Profile) -> tuple[str, str, int]:
    """Key of the battery that a column's name or text puts it in, the item's own part, and its number."""
    text = _SELECTED.sub("", column.text or (column.name if " " in column.name else ""))
    parts = _DASH.split(text)
    if len(parts) > 1 and len(" - ".join(parts[:-1])) >= 12:
        return "text:" + " ".join(" - ".join(parts[:-1]).lower().split()), parts[-1], 0
    for pattern in (_BRACKETED, _NUMBERED, _LETTERED):
        match = pattern.fullmatch(column.name.strip())
        if match and match[1].strip("_. -"):
            number = int(match[2]) if match[2].isdigit() else ord(match[2][0].lower()) - 96
            item = match[2] if pattern is _BRACKETED and not re.fullmatch(r"(SQ)?\d+", match[2]) else ""
            return f"name:{match[1]}", item if item and not column.text else text, number
    return f"own:{column.name}", text, 0


def batteries(columns: Sequence[Profile]) -> list[list[Profile]]:
    """Runs of neighbouring columns with one name prefix or one question text."""
    keys = {c.name: stem_of(c)[0] for c in columns}
    return [list(run) for _, run in groupby(columns, key=lambda c: keys[c.name])]


def shared_values(run: Sequence[Profile], missing: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """Values that a battery's columns have in common; empty where the columns have little in common.

    Items that nobody rated lowest still have that option, as their neighbours show.
    """
    own = [frozenset(v for v in c.counts if v not in missing[c.name]) for c in run]
    own = [values for values in own if values]
    if len(own) < 3 or max(map(len, own)) > 15 or not _consecutive(run):
        return frozenset()
    every = frozenset[str]().union(*own)
    full = sum(values == every for values in own)
    nearly = all(len(values) >= len(every) - 1 - len(every) // 4 for values in own)
    alike = full >= 0.5 * len(own) and nearly and (len(every) > 3 or full == len(own))
    return every if alike and len(every) <= 15 else frozenset()


def counts(run: Sequence[Profile]) -> bool:
    """Whether a battery's columns hold counts: whole numbers, mostly from 0, that reach differently far."""
    numbers = [c.numbers for c in run if c.numbers is not None and c.whole and not c.labels]
    ranges = [(min(n.values()), max(n.values())) for n in numbers]
    several = [r for r in ranges if r[1] > 1]
    from_zero = sum(low == 0 for low, _ in ranges)
    return len(several) >= 3 and len({high for _, high in several}) >= 3 and from_zero * 2 >= len(ranges)


def _consecutive(run: Sequence[Profile]) -> bool:
    """Whether the columns are numbered in steps of one, from 0 or 1; letters and texts count as such."""
    numbers = [stem_of(c)[2] for c in run]
    if not any(numbers):
        return True
    steps = sum(b - a == 1 for a, b in pairwise(numbers))
    return numbers[0] <= 2 and steps >= 0.7 * (len(numbers) - 1)


def items(
    columns: Sequence[Profile], declared: Sequence[ResponseSet], missing: Mapping[str, Sequence[str]]
) -> dict[str, Item]:
    """Profile -> item, for every column of a multi-response set, declared by the file or recognised."""
    by_name = {c.name: c for c in columns}
    found: dict[str, Item] = {}
    for one in declared:
        for name in one.columns:
            if one.chosen and name in by_name:
                found[name] = _declared(one, by_name[name], missing[name])
    for run in batteries(columns):
        rest = [c for c in run if c.name not in found and not words.is_metadata(c.name, c.text)]
        for column, item in _recognised(rest, missing):
            found[column.name] = item
    return found


def _declared(one: ResponseSet, column: Profile, missing: Sequence[str]) -> Item:
    others = tuple(v for v in (column.labels or column.counts) if v != one.chosen and v not in missing)
    text = joined(one.text, column.text)
    return Item(one.name, text, (one.chosen,), others or ("",), 0.97, f"multi-response set {one.name}")


def joined(stem: str, item: str) -> str:
    """Question and item in one text; the item alone where it repeats the question or its number."""
    numbered = re.match(r"\w*\d+\w*[.:)]", stem)
    repeats = item.lower().startswith(stem.lower()) or (numbered and item.startswith(numbered[0]))
    return item or stem if not stem or not item or repeats else f"{stem} – {item}"


def _recognised(run: list[Profile], missing: Mapping[str, Sequence[str]]) -> list[tuple[Profile, Item]]:
    """The items among the columns of one battery."""
    answers = {c.name: [v for v in c.counts if v not in missing[c.name]] for c in run}
    ticked = [(c, _ticked(c, answers[c.name])) for c in run]
    marked = [(c, codes) for c, codes in ticked if codes is not None]
    if len(marked) >= 2 or (len(marked) == 1 and _names_itself(marked[0][0], answers)):
        kept = [(c, codes) for c, codes in marked if len(run) > 1 or _names_itself(c, answers)]
        return [(c, _item(c, run, codes, 0.85, "one item, chosen or not")) for c, codes in kept]
    coded = [(c, _zero_one(c, answers[c.name])) for c in run]
    binary = [(c, codes) for c, codes in coded if codes is not None]
    if (
        len(binary) >= 3
        and len(binary) >= 0.6 * len(run)
        and _all_that_apply([c for c, _ in binary], run, missing)
    ):
        return [(c, _item(c, run, codes, 0.75, "0 and 1 in a block of items")) for c, codes in binary]
    return []


def _ticked(column: Profile, answers: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Chosen and not-chosen codes of a column that holds an item or nothing, or says "not selected"."""
    labels = {v: column.labels.get(v, v) for v in {*answers, *column.labels}}
    no = tuple(v for v in labels if words.chosen_or_not(labels[v]) is False)
    yes = tuple(v for v in labels if v not in no and not words.means_no_answer(labels[v]))
    if no and len(yes) == 1:
        return yes, no
    if len(yes) == 2 and set(yes) == {"-1", "1"} and not column.labels:
        return ("1",), ("-1",)
    empty = sum(column.counts.get(v, 0) for v in answers) < column.rows
    tick = len(yes) == 1 and (yes[0] in ("1", "Y") or words.yes_or_no(yes[0]) or words.chosen_or_not(yes[0]))
    if len(yes) == 1 and empty and (tick or column.counts.get(yes[0], 0) > 1) and yes[0] in answers:
        return yes, ("",)
    return None


def _names_itself(column: Profile, answers: Mapping[str, Sequence[str]]) -> bool:
    values = answers[column.name]
    labels = [words.chosen_or_not(column.labels.get(v, v)) for v in {*values, *column.labels}]
    _, item, _ = stem_of(column)
    own = [v for v in values if words.chosen_or_not(v) is None]
    return False in labels or (len(own) == 1 and words.plain(own[0]) == words.plain(item))


def _zero_one(column: Profile, answers: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    said = {words.yes_or_no(v): v for v in answers}
    if answers and set(said) == {True, False} and len(answers) == 2 and not column.labels:
        return (said[True],), (said[False],)
    if not answers or not set(answers) <= {"0", "1"}:
        return None
    names = [words.yes_or_no(column.labels[v]) for v in ("0", "1") if v in column.labels]
    return (("1",), ("0",)) if names in ([], [False, True]) else None


def _all_that_apply(
    run: Sequence[Profile], whole: Sequence[Profile], missing: Mapping[str, Sequence[str]]
) -> bool:
    """Whether a block of two values is one question: nobody skipped single items.

    Where the values are called yes and no, only an item such as "none of these" or "other" tells it from a
    list of yes-no questions.
    """
    answered = {sum(n for v, n in c.counts.items() if v not in missing[c.name]) for c in run}
    skipped = any(v in c.counts for c in run for v in missing[c.name])
    if len(answered) > 1 or (skipped and run[0].labels) or not _consecutive(run):
        return False
    texts = [words.plain(stem_of(c)[1]) for c in whole]
    labelled = any(c.labels or not set(c.counts) <= {"0", "1", *missing[c.name]} for c in run)
    return not labelled or any(_EXCLUSIVE.fullmatch(t) for t in texts if t)


def _item(
    column: Profile,
    run: Sequence[Profile],
    codes: tuple[tuple[str, ...], tuple[str, ...]],
    sure: float,
    reason: str,
) -> Item:
    key, item, _ = stem_of(column)
    chosen, not_chosen = codes
    name = key.partition(":")[2]
    stem = ""
    if key.startswith("text:"):
        whole = _SELECTED.sub("", column.text or column.name)
        stem, name = " - ".join(_DASH.split(whole)[:-1]).strip(), _set_name(run, name)
    own = chosen[0] if not re.fullmatch(r"-?\d+|[YyXx]", chosen[0]) else ""
    own = "" if words.yes_or_no(own) or words.chosen_or_not(own) else own
    own = "" if column.labels else own
    return Item(name, joined(stem, item or own), chosen, not_chosen, sure, reason)


def _set_name(run: Sequence[Profile], stem: str) -> str:
    match = _NUMBERED.fullmatch(run[0].name)
    if match and " - " not in run[0].name:
        return match[1]
    return "_".join(re.findall(r"\w+", stem)[:6])


def finding(column: Profile, item: Item, missing: Sequence[str]) -> Finding:
    """What was found out about an item of a multi-response set."""
    kept = tuple(v for v in missing if v not in (*item.chosen, *item.not_chosen))
    answered = {v: n for v, n in column.counts.items() if v not in kept}
    no, yes = _labels(column, item)
    return Finding(
        column=column.name,
        text=item.text,
        type="multi",
        options=(Option(no, item.not_chosen), Option(yes, item.chosen)),
        missing=tuple(v for v in kept if v in column.counts or v in column.labels),
        set=item.set,
        sure=item.sure,
        reason=item.reason,
        answers=sum(answered.values()),
        distinct=len(answered),
    )


def _labels(column: Profile, item: Item) -> tuple[str, str]:
    """The file's own words for not chosen and chosen, where it has some for both."""
    own = [column.labels.get(codes[0], codes[0]).strip() for codes in (item.not_chosen, item.chosen)]
    bare = any(re.fullmatch(r"-?\d*|[YyXx]", label) for label in own)
    return (NOT_CHOSEN, CHOSEN) if bare or own[0] == own[1] else (own[0], own[1])
