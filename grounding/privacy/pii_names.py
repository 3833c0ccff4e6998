"""Names of people: a gazetteer, and the words that stand around names."""

import re
from collections.abc import Iterator, Sequence

from grounding.privacy import pii_addressed as addressed
from grounding.privacy import pii_repeats as repeats
from grounding.privacy import pii_roles as roles
from grounding.privacy import pii_words as W
from grounding.privacy.pii_context import Found
from grounding.privacy.pii_shapes import comma_order, is_thing, may_be_part, noun_shape, surname_shape
from grounding.privacy.pii_tokens import FREQUENT, NAME, SURE, WEAK, Line, Token, allowed_phrases, tokens_of


def find(text: str, allowed: tuple[str, ...]) -> Iterator[Found]:
    """Names of people in folded text; ``allowed`` are left, except where somebody introduces herself."""
    tokens = tokens_of(text)
    if not tokens:
        return
    line = Line(text, tokens, allowed_phrases(allowed))
    found: list[tuple[int, int]] = []
    for rank, ways in ((56, _BY_INTRODUCTION), (50, _BY_SHAPE)):
        for way in ways:
            for start, end in way(line):
                found.append((start, end))
                yield Found("name", start, end, rank)
    for start, end in repeats.again(line, found):
        yield Found("name", start, end, 50)


def _pairs(line: Line) -> Iterator[tuple[int, int]]:
    """First name and surname, in this order; "Surname, First name"; "SCHMIDT Anna"."""
    i = 0
    while i < len(line.tokens) - 1:
        end = _pair_end(line, i)
        if end > i and not is_thing(line, i, end):
            yield line.tokens[i].start, line.tokens[end - 1].end
            i = end
        else:
            i += 1


def _pair_end(line: Line, i: int) -> int:
    token = line.tokens[i]
    if not token.capital:
        return _lower_pair(line, i)
    if i in line.allowed:
        return i
    sure = token.last >= 2 or surname_shape(token.lower) or (token.last == 0 and "-" in token.lower)
    if comma_order(line, i) and sure and line.tokens[i + 1].first >= NAME and token.first != FREQUENT:
        return comma_order(line, i)
    if line.gap(i) == "\n" and _broken(token, line.tokens[i + 1]):
        return i + 2
    if not line.joined(i) or token.lower in W.NOT_NAMES:
        return i
    if not token.first:
        return _surname_first(line, i) if _surname_first(line, i) > i else _before_surname(line, i)
    end = line.run(i, 4)
    if end < i + 2:
        return i
    return end if _is_pair(line.tokens[i:end], line.tokens[i].upper) else _surname_first(line, i)


def _broken(token: Token, following: Token) -> bool:
    """Whether a line breaks between a frequent first name and a surname."""
    written = following.capital and not following.upper
    return token.first == FREQUENT and written and following.last >= FREQUENT


def _before_surname(line: Line, i: int) -> int:
    """An unknown capitalised word before a surname that is nothing else."""
    following = line.tokens[i + 1]
    known = (
        following.capital and following.last == SURE and following.first < NAME and len(following.lower) > 3
    )
    if not known or following.upper or i + 1 in line.allowed or len(line.tokens[i].lower) < 3:
        return i
    return line.run(i + 1, 2) if may_be_part(line, i) and line.tokens[i].last == 0 else i


def _is_pair(words: Sequence[Token], shouted: bool) -> bool:
    """Whether a capitalised run is a person's name, by its first word and the rest."""
    first, rest = words[0], [w for w in words[1:] if len(w.lower) > 1 and w.lower not in W.PARTICLES]
    if first.lower.endswith("'s"):
        return False
    if not rest:
        return first.first >= NAME and not shouted
    known = max(w.last for w in rest)
    given = any(w.first >= NAME for w in rest)
    if shouted:
        return (first.first >= NAME and known >= 2) or known == SURE
    if first.first == FREQUENT:
        return True
    if first.first == NAME:
        return known >= 1 or given or not noun_shape(rest[-1].lower)
    return known >= 2 or (given and known >= 1)


def _surname_first(line: Line, i: int) -> int:
    """SCHMIDT Anna, or Nguyen Thi Linh: a sure surname before a sure first name."""
    token, following = line.tokens[i], line.tokens[i + 1]
    if not line.joined(i) or not following.capital or i + 1 in line.allowed or line.gap(i).startswith("."):
        return i
    parted = token.upper and not following.upper
    if token.first == FREQUENT or token.lower in W.NOT_NAMES or token.lower in W.TITLES:
        return i
    if parted and following.first == FREQUENT and len(token.lower) > 3:
        return line.run(i + 1, 2)
    if token.last >= (2 if parted else SURE) and following.first >= (
        FREQUENT if token.first > WEAK else NAME
    ):
        return line.run(i + 1, 2)
    return i


_LEADS = frozenset({"under", "unter", "named", "called", "namens", "mr", "mrs", "herr", "frau", "attn"})


def _lower_pair(line: Line, i: int) -> int:
    """Anna schmidt: a frequent first name and a surname that is no ordinary word, both in lower case."""
    token, following = line.tokens[i], line.tokens[i + 1]
    if token.first < NAME or following.capital or line.gap(i) != " " or following.last < 2:
        return i
    led = i > 0 and line.tokens[i - 1].lower in _LEADS and line.joined(i - 1)
    if (
        following.last == SURE
        or token.first == FREQUENT
        or (led and not token.last and following.first < FREQUENT)
    ):
        return (
            i + 2
            if following.lower not in W.NOT_NAMES and token.lower not in W.NOT_NAMES and len(token.lower) > 2
            else i
        )
    return i


_INITIALS = re.compile(r"(?<![\w.&])(?:[A-ZÄÖÜ]\.\s?){1,3}(?=[A-ZÄÖÜ][^\W\d_]{2})")

_TRAILING_INITIAL = re.compile(r"\s[A-ZÄÖÜ]\.(?!\s?[A-Za-z]\.)")


def _initials(line: Line) -> Iterator[tuple[int, int]]:
    """A. Schmidt, J. R. Miller; Anna S."""
    if "." not in line.text:
        return
    for match in _INITIALS.finditer(line.text):
        i = line.index_at(match.end())
        if i < len(line.tokens) and line.tokens[i].start == match.end() and _has_initials(line, i, match):
            yield match.start(), line.tokens[i].end
    for i, token in enumerate(line.tokens):
        if token.capital and token.first >= NAME and i not in line.allowed:
            match = _TRAILING_INITIAL.match(line.text, token.end)
            if match:
                yield token.start, match.end()


def _has_initials(line: Line, i: int, initials: re.Match[str]) -> bool:
    """Whether a word behind initials is a surname: one initial needs one that is no ordinary word."""
    token = line.tokens[i]
    known = token.last >= (2 if initials.group().count(".") > 1 else 3)
    abbreviated = re.search(r"[a-z]\.\s?$", line.text[: initials.start()])
    return known and not (token.upper or i in line.allowed or abbreviated or is_thing(line, i, i + 1))


def _frequent(line: Line) -> Iterator[tuple[int, int]]:
    """A frequent first name alone; another one only where it helped, told or rang somebody."""
    for i, token in enumerate(line.tokens):
        if (
            not token.capital
            or token.upper
            or token.first < NAME
            or len(token.lower) < 3
            or i in line.allowed
        ):
            continue
        if is_thing(line, i, i + 1) or _in_name_of_thing(line, i):
            continue
        if token.first == FREQUENT or (len(token.lower) > 3 and token.last != WEAK and _acts(line, i)):
            yield token.start, token.end


def _two(line: Line) -> Iterator[tuple[int, int]]:
    """Two first names that did something together: Trevor und Emre haben geholfen."""
    for i, joiner in enumerate(line.tokens[1:-2], 1):
        if joiner.lower not in W.JOINERS or line.tokens[i + 2].lower not in W.SPEECH_OF_TWO:
            continue
        pair = (i - 1, i + 1)
        named = all(line.tokens[n].first >= WEAK and may_be_part(line, n) for n in pair)
        if named and max(line.tokens[n].first for n in pair) >= NAME and line.gap(i - 1) == " ":
            for n in pair:
                yield line.tokens[n].start, line.tokens[n].end


_STATES = frozenset({"is", "was", "has", "hat", "war", "ist"})


def _acts(line: Line, i: int) -> bool:
    """Whether a verb of saying or helping follows the word; "is" and "was" follow things as well."""
    if i + 1 >= len(line.tokens) or not line.joined(i):
        return False
    verb = line.tokens[i + 1]
    if line.tokens[i].lower.endswith("'s"):
        return verb.lower in W.POSSESSED and not verb.capital
    return verb.lower in W.SPEECH and verb.lower not in _STATES and not verb.capital


def _in_name_of_thing(line: Line, i: int) -> bool:
    """Whether what touches the word makes it part of something else, as in ``@anna`` or ``Anna/2``."""
    token = line.tokens[i]
    before, behind = line.text[max(0, token.start - 1) : token.start], line.text[token.end : token.end + 1]
    if token.lower.endswith("'s") and not re.match(r"\s[a-zäöü]", line.text[token.end :]):
        return True
    return before in ("@", "/", "_", "#", "-", "®") or behind in ("@", "_", "-", "®", "™", "/")


_BY_INTRODUCTION = (addressed.introductions,)
_BY_SHAPE = (
    addressed.titles,
    addressed.labels,
    addressed.greetings,
    addressed.closings,
    addressed.signatures,
    addressed.weak_introductions,
    roles.known_by_role,
    roles.behaving,
    roles.households,
    roles.in_office,
    repeats.spelt,
    _pairs,
    _initials,
    _frequent,
    _two,
)
