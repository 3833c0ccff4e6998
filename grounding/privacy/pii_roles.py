"""Names behind what somebody is, and before what only people do."""

import re
from collections.abc import Iterator

from grounding.privacy import pii_words as W
from grounding.privacy.pii_gazetteer import word_set
from grounding.privacy.pii_shapes import comma_order, is_thing, may_be_part, noun_shape
from grounding.privacy.pii_tokens import NAME, WEAK, Line, Token


def known_by_role(line: Line) -> Iterator[tuple[int, int]]:
    """A name behind what somebody is: my husband Peter, Kundin Yılmaz, Familie Öztürk."""
    if not W.ROLES & line.lowers:
        return
    for i, token in enumerate(line.tokens[:-1]):
        at = i + 1
        if token.lower not in W.ROLES or line.gap(i) not in (" ", ", ", " (", ": ") or at in line.allowed:
            continue
        end = max(line.run(at, 3), comma_order(line, at, _firmly(line, token, at)))
        if _lower_relative(line, i):
            yield line.tokens[at].start, line.tokens[at].end
            continue
        named = line.tokens[at].capital and end > at and _named_by_role(line, token, at, end)
        if named and not is_thing(line, at, end):
            yield line.tokens[at].start, line.tokens[end - 1].end


_OWN = word_set("my our his her mein meine meinem meiner meinen unser unsere unserem")


def _lower_relative(line: Line, i: int) -> bool:
    """Whether a first name in lower case stands behind "my friend" or "meine freundin"."""
    name = line.tokens[i + 1]
    if i == 0 or name.capital or line.gap(i) != " " or line.tokens[i - 1].lower not in _OWN:
        return False
    return name.first >= NAME and len(name.lower) > 2 and name.lower not in W.NOT_NAMES and name.last != WEAK


def _firmly(line: Line, role: Token, at: int) -> bool:
    """Whether any word may follow "Customer Surname,": in English always, else behind a surname."""
    english = role.lower in ("customer", "client") and may_be_part(line, at)
    return english or (role.lower in W.STRANGERS and line.tokens[at].last > 0)


def _shouted_pair(line: Line, at: int, end: int) -> bool:
    """Whether two or three words, the first in capitals, stand where a customer's name would."""
    words = line.tokens[at:end]
    unknown = all(
        w.lower not in W.NOT_NAMES and w.lower not in W.BUSINESSES and len(w.lower) > 3 for w in words
    )
    return words[0].upper and 2 <= len(words) <= 3 and unknown


def _named_by_role(line: Line, role: Token, at: int, end: int) -> bool:
    """Whether a capitalised run behind a role is a name and not the noun of a German sentence."""
    words = line.tokens[at:end]
    if any(w.first >= NAME for w in words) or (words[0].first and words[-1].last >= 2 and end > at + 1):
        return True
    if role.lower in W.STRANGERS and len(words) == 2 and "," in line.gap(at) and words[1].first:
        return True
    if role.lower in W.STRANGERS and _shouted_pair(line, at, end):
        return True
    if words[0].lower in W.NOT_NAMES or words[0].upper:
        return False
    if (role.lower in W.FAMILIES and role.capital) or role.lower in W.NAMERS:
        return True
    if role.lower in W.STRANGERS and words[0].last >= 2:
        return True
    english = role.lower in W.ENGLISH_RELATIVES and line.gap(at - 1) == " "
    german = role.lower in W.GERMAN_RELATIVES and line.gap(at - 1) == " "
    return (english or (german and not words[0].lower.endswith(W.GERMAN_NOUNS))) and not noun_shape(
        words[0].lower
    )


def _adjoins(line: Line, start: int, stop: int) -> bool:
    """Whether the word before ``start`` belongs to the run; the last of a run has none behind it."""
    return start == stop or line.joined(start - 1)


_OFFICES = word_set(
    "bürgermeister bürgermeisterin kommissar kommissarin pfarrer pfarrerin schwester pfleger pflegerin coach "
    "officer sergeant inspector mayor senator councillor detective nurse principal headteacher bishop "
    "rabbi imam"
)


def in_office(line: Line) -> Iterator[tuple[int, int]]:
    """Surnames behind an office: Bürgermeister Kleinhans, Coach Daniels."""
    if not _OFFICES & line.lowers:
        return
    for i, token in enumerate(line.tokens[:-1]):
        name = line.tokens[i + 1]
        if token.lower not in _OFFICES or not token.capital or not line.joined(i) or i + 1 in line.allowed:
            continue
        unknown = not token.lower.isascii() and name.last == 0 and may_be_part(line, i + 1)
        named = name.capital and not name.upper and (name.last >= 2 or unknown)
        if named and not is_thing(line, i + 1, i + 2):
            yield name.start, line.tokens[line.run(i + 1, 2) - 1].end


_HOUSEHOLD = re.compile(
    r"(?<!\w)(?:[Tt]he|[Dd]ie|[Bb]ei|[Bb]ei den|[Dd]en) (?P<name>[^\W\d_]{3,}?)(?:e?s)?"
    r"(?= (?:next door|from next door|across the (?:road|street)|von nebenan|nebenan|gegenüber|upstairs|"
    r"downstairs)(?!\w))"
)


def households(line: Line) -> Iterator[tuple[int, int]]:
    """Families by their surname: the Hendersons next door, die Meiers von nebenan."""
    for match in _HOUSEHOLD.finditer(line.text):
        i = line.index_at(match.start("name"))
        token = line.tokens[i]
        if token.capital and not noun_shape(token.lower) and token.lower not in W.ROLES | W.NOT_NAMES:
            yield token.start, token.end


_BEHAVES = re.compile(rf"\s(?:{W.BEHAVIOUR})(?!\w)", re.IGNORECASE)


def behaving(line: Line) -> Iterator[tuple[int, int]]:
    """A known first name, or two or three unknown capitalised words, before what only people do."""
    for match in _BEHAVES.finditer(line.text):
        stop = line.index_at(match.start())
        start = stop
        while start > 0 and stop - start < 3 and may_be_part(line, start - 1) and _adjoins(line, start, stop):
            start -= 1
        alone = stop - start == 1 and line.tokens[start].first >= NAME and line.tokens[start].last != WEAK
        if (
            (stop - start >= 2 or alone)
            and not is_thing(line, start, stop)
            and line.tokens[stop - 1].end == match.start()
        ):
            yield line.tokens[start].start, line.tokens[stop - 1].end
