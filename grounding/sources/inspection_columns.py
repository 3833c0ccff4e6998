"""What a single column holds: its type, its options in the order of the scale, and how sure that is."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from grounding.sources import inspection_scales as scales
from grounding.sources import inspection_words as words
from grounding.sources.inspection_findings import Finding, Option, Surroundings
from grounding.sources.inspection_values import Profile, looks_like_dates
from reference_data import countries


def describe(column: Profile, missing: Sequence[str], around: Surroundings) -> Finding:
    """What a column that is no item of a multi-response set holds."""
    answered = {v: n for v, n in column.counts.items() if v not in missing}
    base = Finding(
        column=column.name,
        text=column.text or (column.name if " " in column.name.strip() else ""),
        type="constant",
        missing=tuple(v for v in missing if v in column.counts or v in column.labels or v in column.declared),
        answers=sum(answered.values()),
        distinct=len(answered),
        decimal="" if column.numbers is None else "," if any("," in v for v in answered) else ".",
        sure=0.95,
        reason="one value in every row" if answered else "no answers",
    )
    steps = (_by_name, _as_area_code, _as_date, _as_weight, _as_id, _as_labelled, _as_number, _as_words)
    for step in steps:
        found = step(column, answered, around, base)
        if found is not None:
            return found
    return base


_Answers = Mapping[str, int]
_GENERIC = {"status", "progress", "mode", "quality", "missing", "tester", "ref", "started", "browser", "seed"}


def _by_name(column: Profile, answered: _Answers, around: Surroundings, base: Finding) -> Finding | None:
    known = words.is_metadata(column.name, column.text)
    if column.name.lower() in _GENERIC and not around.software:
        known = False
    personal = words.is_personal(column.name, column.text) or _mostly(_EMAIL.fullmatch, answered)
    if known:
        return replace(
            base, type="metadata", personal=personal, sure=0.9, reason="written by survey software"
        )
    if _mostly(_EMAIL.fullmatch, answered) or _mostly(_IP.fullmatch, answered):
        return replace(base, type="id", personal=True, sure=0.97, reason="e-mail or internet addresses")
    if personal and not column.labels and (not answered or len(answered) > 0.5 * base.answers):
        kind = "id" if len(answered) == column.rows else "metadata"
        return replace(base, type=kind, personal=True, sure=0.8, reason="named like a direct identifier")
    worded = not column.labels and column.numbers is None and not any(map(_yes_or_no, answered))
    worded = worded and not _mostly(_is_country, answered)
    if worded and words.names_people(column.name, column.text):
        reason = "named like a direct identifier, whose values recur"
        return replace(base, type="metadata", personal=True, sure=0.7, reason=reason)
    return None


def _yes_or_no(value: str) -> bool:
    return words.yes_or_no(value) is not None


def _is_country(value: str) -> bool:
    try:
        return bool(countries.name(value))
    except KeyError:
        return False


def _as_area_code(column: Profile, answered: _Answers, around: Surroundings, base: Finding) -> Finding | None:
    """Postcodes, which are no numbers: sums mean nothing and leading zeros count."""
    if column.labels or not words.is_area_code(column.name, column.text):
        return None
    if not _mostly(_AREA_CODE.fullmatch, answered):
        return None
    reason = "postcodes, which are no numbers; beside a street or a birth date they tell who it is"
    return replace(base, type="text", sure=0.9, reason=reason)


_AREA_CODE = re.compile(
    r"([A-Z]{1,2}-)?\d{2,5}(-\d{4})?|[A-Z]{1,2}\d[A-Z\d]?( ?\d[A-Z]{2})?|\d{4} ?[A-Z]{2}", re.IGNORECASE
)


_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
_IP = re.compile(r"\d{1,3}(\.\d{1,3}){3}|[0-9a-f]{0,4}(:[0-9a-f]{0,4}){5,7}")


def _mostly(test: Callable[[str], object], values: Collection[str]) -> bool:
    tried = list(values)[:200]
    return bool(tried) and sum(bool(test(v)) for v in tried) >= 0.9 * len(tried)


def _tokens(values: Collection[str]) -> bool:
    return _mostly(lambda v: " " not in v, values)


def _as_date(column: Profile, answered: _Answers, around: Surroundings, base: Finding) -> Finding | None:
    if not answered:
        return None
    if column.kind == "date" or (not column.labels and looks_like_dates(column)):
        software = around.software and len(answered) > 1 and bool(re.search(r"\d:\d", next(iter(answered))))
        named = words.is_metadata(column.name, column.text) or software
        return replace(base, type="metadata" if named else "date", sure=0.95, reason="dates")
    return None


def _as_weight(column: Profile, answered: _Answers, around: Surroundings, base: Finding) -> Finding | None:
    numbers = column.numbers
    if numbers is None or column.labels or len(numbers) < 2 or min(numbers.values()) < 0:
        return None
    total = sum(numbers[v] * n for v, n in answered.items() if v in numbers)
    mean = total / max(1, base.answers)
    if column.whole and not (mean > 300 and len(numbers) > 100 and words.names_only_a_weight(column.name)):
        return None
    if words.names_a_weight(column.name, column.text) and not _of_bodies(column, mean):
        near = 0.7 <= mean <= 1.4
        return replace(
            base, type="weight", sure=0.95 if near else 0.8, reason=f"named like a weight, mean {mean:.3g}"
        )
    alike = abs(mean - 1) <= 0.002 and base.answers == column.rows and min(numbers.values()) > 0
    if alike and len(numbers) >= max(5, 0.1 * column.rows):
        return replace(base, type="weight", sure=0.6, reason="positive fractions with mean 1 in every row")
    return None


def _of_bodies(column: Profile, mean: float) -> bool:
    """Whether numbers are those of bodies: in kilograms or pounds, rounded, and of one magnitude."""
    numbers = column.numbers or {}
    rounded = all(len(v.replace(",", ".").partition(".")[2]) <= 2 for v in numbers)
    near = min(numbers.values()) >= mean / 4 and max(numbers.values()) <= mean * 4
    return rounded and near and 35 <= mean <= 220 and words.names_a_plain_weight(column.name, column.text)


def _as_id(column: Profile, answered: _Answers, around: Surroundings, base: Finding) -> Finding | None:
    if column.labels or not _tokens(answered) or (column.numbers is not None and not column.whole):
        return None
    complete, distinct = base.answers == column.rows, len(answered) == column.rows
    named = words.names_an_id(column.name, column.text)
    counted = words.asks_for_a_count(column.name, column.text)
    alone = column.rows >= 10 and (around.first or column.ascending) and not counted
    if complete and distinct and (named or alone):
        reason = "named like an id, distinct in every row" if named else "distinct in every row"
        return replace(base, type="id", sure=0.97 if named else 0.85, reason=reason)
    if complete and distinct and column.rows >= 50 and column.numbers is None and _alike(answered):
        return replace(base, type="id", sure=0.85, reason="tokens of one form, distinct in every row")
    many = len(answered) > max(20, 0.05 * column.rows)
    if many and (named or (column.ascending and complete and not counted)):
        return replace(
            base, type="id", sure=0.7, reason="an id that several rows share; persons need one each"
        )
    return None


def _alike(values: Collection[str]) -> bool:
    lengths = {len(v) for v in values}
    return len(lengths) == 1 and lengths >= {max(lengths)} and max(lengths) >= 6


def _as_labelled(column: Profile, answered: _Answers, around: Surroundings, base: Finding) -> Finding | None:
    labels = {c: label.strip() for c, label in column.labels.items() if c not in base.missing}
    strangers = [v for v in answered if v not in labels and v not in labels.values()]
    if not labels or not answered:
        return None
    if strangers and (len(strangers) > len(labels) or len(labels) < 3):
        return _labelled_ends(column, labels, answered, base)
    # A single value is still an answer where the file names at least one other.
    if len(answered) == 1 and around.battery == 1 and len(labels) > 2:
        return None
    codes = _sorted(labels, column)
    options = [Option(labels[c], (c,)) for c in codes] + [Option(v, (v,)) for v in sorted(strangers)]
    found = judge(_merged(options), True, replace(base, options=()))
    return found if found.type != "choice" or len(found.options) > 1 else None


def _sorted(codes: Mapping[str, str], column: Profile) -> list[str]:
    try:
        return sorted(codes, key=float)
    except ValueError:
        return list(codes)


def _merged(options: Sequence[Option]) -> list[Option]:
    """Options of one label made into one."""
    merged: dict[str, tuple[str, ...]] = {}
    for option in options:
        merged[option.label] = (*merged.get(option.label, ()), *option.codes)
    return [Option(label, codes) for label, codes in merged.items()]


def _labelled_ends(
    column: Profile, labels: Mapping[str, str], answered: _Answers, base: Finding
) -> Finding | None:
    """A scale of numbers of which only the ends, or the ends and the middle, are labelled."""
    if column.numbers is None or not column.whole:
        return None
    try:
        known = {float(c): label for c, label in labels.items()}
    except ValueError:
        return None
    low, high = min(known), max(known)
    inside = all(low <= n <= high for v, n in column.numbers.items() if v in answered)
    if len(known) < 2 or not inside or not 2 <= high - low <= 10 or not low.is_integer():
        return None
    steps = [float(i) for i in range(int(low), int(high) + 1)]
    options = [Option(f"{n:g} {known[n]}" if n in known else f"{n:g}", (f"{n:g}",)) for n in steps]
    leaning = scales.leaning(known[low], known[high])
    ordered = tuple(reversed(options)) if leaning < 0 else tuple(options)
    reason = f"scale of {len(options)} steps with labelled ends"
    sure = 0.9 if leaning else 0.8
    falling = leaning < 0 if leaning else None
    return replace(base, type="scale", options=ordered, falling=falling, sure=sure, reason=reason)


def judge(options: Sequence[Option], coded: bool, base: Finding) -> Finding:
    """Yes or no, scale or choice: what the labels of the options say.

    Args:
        options: as the file lists them; ``coded`` says whether that order means something.
        coded: whether the data hold codes with labels.
        base: the finding so far.
    """
    labels = [option.label for option in options]
    if len(options) == 2:
        answers = [words.yes_or_no(label) for label in labels]
        if set(answers) == {True, False}:
            ordered = tuple(sorted(options, key=lambda o: words.yes_or_no(o.label) is True))
            return replace(base, type="yes_no", options=ordered, sure=0.97, reason="yes and no")
    numbered = _numbered(options, coded, base)
    if numbered is not None:
        return numbered
    found = scales.order(labels, coded) if len(options) >= 2 else None
    if found is None:
        sure = 0.9 if coded else 0.85 if len(options) <= 12 else 0.75
        return replace(
            base,
            type="choice",
            options=tuple(options),
            sure=sure,
            reason=f"{len(options)} labels without an order",
        )
    ordered = tuple(options[i] for i in found.places)
    sure = (0.95 if coded else 0.9) if found.complete else 0.7
    reason = f"{found.kind}, {len(ordered)} steps" + ("" if found.complete else "; check the order")
    return replace(base, type="scale", options=ordered, falling=_falling(ordered), sure=sure, reason=reason)


_STEP = re.compile(r"\[?(-?\d{1,2})\]?(?:\s*[-–:.=)]*\s*(?=[^\W\d])(.+))?", re.DOTALL)


def _numbered(options: Sequence[Option], coded: bool, base: Finding) -> Finding | None:
    """A scale whose inner steps are bare numbers, such as ``1 - not at all``, ``2``, ``3``, ``4 - very``."""
    steps = [_STEP.fullmatch(option.label) for option in options]
    inner = steps[1:-1]
    bare = sum(s is not None and s[2] is None for s in inner)
    if not inner or None in inner or not bare or bare * 2 < len(inner) or len(options) > 12:
        return None
    if None in steps and not coded:
        return None
    places = [int(s[1]) for s in steps if s is not None]
    if len(places) == len(options):
        if sorted(places) != list(range(min(places), max(places) + 1)):
            return None
        options = [o for _, o in sorted(zip(places, options, strict=True), key=lambda pair: pair[0])]
    if all(s is not None and s[2] is None for s in steps):
        return None
    leaning = scales.leaning(options[0].label, options[-1].label)
    ordered = tuple(reversed(options)) if leaning < 0 else tuple(options)
    return replace(
        base,
        type="scale",
        options=ordered,
        falling=_falling(ordered) if leaning else None,
        sure=0.9 if leaning else 0.75,
        reason=f"scale of {len(ordered)} steps with labelled ends",
    )


def _falling(options: Sequence[Option]) -> bool | None:
    try:
        codes = [float(option.codes[0]) for option in options]
    except ValueError:
        return None
    return True if codes == sorted(codes, reverse=True) else False if codes == sorted(codes) else None


def _as_number(column: Profile, answered: _Answers, around: Surroundings, base: Finding) -> Finding | None:
    if column.numbers is None or len(answered) < 2:
        return None
    numbers = {float(v) for v in around.shared if _is_whole(v)} if column.whole else set[float]()
    numbers |= {n for v, n in column.numbers.items() if v in answered}
    low, high = min(numbers), max(numbers)
    counted = around.counted or words.asks_for_a_count(column.name, column.text)
    kinds = words.asks_for_a_kind(column.name, column.text)
    if not column.whole or high - low > 10 or counted or (low < 0 and low != -high):
        return replace(
            base, type="number", sure=0.9 if len(answered) > 10 or counted else 0.6, reason="numbers"
        )
    steps = [f"{n:g}" for n in sorted(numbers)]
    if len(numbers) == 2 and not kinds:
        return _two_codes([] if around.from_zero else steps, tuple(Option(s, (s,)) for s in steps), base)
    options = tuple(Option(s, (s,)) for s in steps)
    if kinds:
        return replace(base, type="choice", options=options, sure=0.5, reason="codes without labels")
    positions = around.battery >= 3 or around.from_zero or _ends_full(column, answered)
    if low == 0 and high < 10 and not positions:
        return replace(base, type="number", sure=0.45, reason="small whole numbers from 0, as counts have")
    whole_range = high - low + 1 - len(numbers) <= (1 if len(numbers) > 5 else 0)
    if low > 1 or not whole_range or len(numbers) < 3:
        return replace(base, type="number", sure=0.4, reason="whole numbers with gaps")
    full = tuple(Option(f"{i}", (f"{i}",)) for i in range(int(low), int(high) + 1))
    sure = 0.55 if around.battery >= 3 or (low, high) in ((1, 5), (1, 7), (0, 10), (1, 10)) else 0.4
    reason = f"codes {low:g} to {high:g} without labels; which end is high is not known"
    return replace(base, type="scale", options=full, sure=sure, reason=reason)


def _ends_full(column: Profile, answered: _Answers) -> bool:
    """Whether the highest number is about as frequent as others: counts thin out, steps of a scale do not."""
    known = sorted((n, answered[v]) for v, n in (column.numbers or {}).items() if v in answered)
    rows = sum(count for _, count in known)
    without_gaps = known[-1][0] - known[0][0] == len(known) - 1
    days = known[-1][0] - known[0][0] == 7  # of a week, which many answer with "every day"
    full = known[-1][1] * len(known) >= 0.5 * rows
    return without_gaps and full and not days and len(known) >= 3 and rows >= 100


def _is_whole(value: str) -> bool:
    return bool(re.fullmatch(r"-?\d{1,3}", value))


def _two_codes(steps: list[str], codes: tuple[Option, ...], base: Finding) -> Finding:
    """Yes and no as surveys mostly code them; in a file of positions, 0 may as well be yes."""
    if steps == ["0", "1"]:
        options = (Option("no", ("0",)), Option("yes", ("1",)))
        return replace(base, type="yes_no", options=options, sure=0.7, reason="0 and 1, taken for no and yes")
    if steps == ["1", "2"]:
        options = (Option("no", ("2",)), Option("yes", ("1",)))
        return replace(
            base, type="yes_no", options=options, sure=0.45, reason="1 and 2, taken for yes and no: check it"
        )
    return replace(base, type="choice", options=codes, sure=0.4, reason="two codes without labels")


def _as_words(column: Profile, answered: _Answers, around: Surroundings, base: Finding) -> Finding | None:
    if not answered or (len(answered) == 1 and base.answers > 1 and not around.shared - set(answered)):
        return None
    values = sorted(set(answered) | set(around.shared), key=lambda v: -answered.get(v, 0))
    if column.numbers is not None and len(answered) == 1 and len(values) > 1:
        return _as_number(column, {v: 1 for v in values}, around, base)
    if words.asks_for_text(column.name, column.text) and not any(map(words.yes_or_no, values)):
        return _text(base, "named as a field for people's own words")
    several = several_in_one(answered)
    if several:
        return replace(
            base, type="multi", sure=0.8, reason=f"several answers in one cell, separated by {several!r}"
        )
    if _is_free(answered, base.answers):
        return _text(base, f"{len(answered):,} different texts")
    return judge([Option(v, (v,)) for v in values], False, base)


def _text(base: Finding, reason: str) -> Finding:
    return replace(base, type="text", missing=(), sure=0.9, reason=reason)


def _is_free(answered: _Answers, answers: int) -> bool:
    distinct = len(answered)
    if distinct == 1:
        return True
    if distinct == 2:
        return answers == 2 or (answers < 4 * distinct and max(map(len, answered)) > 12)
    repeated = answers / distinct
    return distinct > 80 or repeated < (2.0 if distinct <= 8 else 4.0 if distinct <= 20 else 8.0)


def several_in_one(answered: _Answers) -> str:
    """The sign that separates several answers within one cell; empty where cells hold one answer each."""
    for sign in (";", "|", ","):
        joined = [v for v in answered if sign in v]
        parts = {p.strip() for v in joined for p in v.split(sign) if p.strip()}
        alone = {v.strip() for v in answered if sign not in v}
        if len(joined) >= 3 and len(parts) >= 3 and len(parts & alone) >= 0.7 * len(parts) and alone:
            return sign
    return ""
