"""Names that somebody is addressed or introduced by: titles, greetings, labels, signatures."""

import re
from collections.abc import Iterator

from grounding.privacy import pii_words as W
from grounding.privacy.pii_gazetteer import word_set
from grounding.privacy.pii_shapes import comma_order, is_thing, may_be_given, may_be_part, noun_shape
from grounding.privacy.pii_tokens import FREQUENT, NAME, SURE, Line, Token, key


def titles(line: Line) -> Iterator[tuple[int, int]]:
    """Names behind a title: Herr Dr. Müller, Mrs O'Neill, frau yılmaz."""
    if not W.TITLES & line.lowers:
        return
    for i, token in enumerate(line.tokens):
        if token.lower not in W.TITLES or i in line.allowed:
            continue
        at = i + 1
        while at < len(line.tokens) and line.tokens[at].lower in W.MORE_TITLES and line.joined(at - 1):
            at += 1
        if at >= len(line.tokens) or not line.joined(at - 1) or at in line.allowed:
            continue
        if _follows_title(line, token, at):
            end = max(line.run(at, 3, loose=True), at + 1)
            yield line.tokens[_first_title(line, i)].start, line.tokens[end - 1].end


def _first_title(line: Line, i: int) -> int:
    """Index of the first of the titles before a name (Herr Prof. Dr. ...); a wife ("meine Frau") stays."""
    while i > 0 and line.joined(i - 1) and line.tokens[i - 1].lower in W.TITLES | W.MORE_TITLES:
        i -= 1
    wife = line.tokens[i].lower == "frau" and i > 0 and line.tokens[i - 1].lower.startswith(_POSSESSIVES)
    return i + 1 if wife else i


_POSSESSIVES = ("mein", "dein", "sein", "ihre", "unser", "eure", "eine", "deren", "dessen")


def _follows_title(line: Line, title: Token, at: int) -> bool:
    word = line.tokens[at]
    if word.lower in W.PARTICLES and line.run(at) > at + 1:
        return title.capital or title.lower in W.STRONG_TITLES
    if word.lower in W.NOT_AFTER_TITLE or word.lower in W.NOT_NAMES:
        return False
    if not word.capital:
        return title.lower in W.STRONG_TITLES and (word.first >= NAME or word.last >= 2)
    if title.lower == "mag" and not line.text.startswith("Mag.", title.start):
        return False
    if title.lower in ("fr", "ms", "ra", "sr", "pan", "ing", "father", "lady", "dame", "miss", "bay", "mag"):
        known = word.first >= NAME or word.last >= 2
        written = line.text[title.start : title.end]
        addressed = written == "Ms" or (written == "Miss" and title.start > 0)
        return known or (addressed and may_be_part(line, at))
    return title.capital or word.first >= NAME or word.last >= 2


_INTRODUCTION = re.compile(rf"(?<!\w)(?:{W.INTRODUCTIONS})\s*[:,]?\s*[\"']?(?=[^\W\d_])", re.IGNORECASE)

_INTRODUCTION_HINTS = word_set(
    "name name's called call goes signed heiße heisse vorname nachname familienname "
    "geburtsname m'appelle nom llamo nombre chiamo nazywam imię adım heißt nennt née c hd "
    "händen attn attention namens namen geborene"
)


def introductions(line: Line) -> Iterator[tuple[int, int]]:
    """Names that somebody introduces: my name is ..., ich heiße ..., c/o ..."""
    if not _INTRODUCTION_HINTS & line.lowers:
        return
    for match in _INTRODUCTION.finditer(line.text):
        i = line.index_at(match.end())
        end = line.run(i, 4, loose=True)
        if (
            i < len(line.tokens)
            and not line.tokens[i].capital
            and _stands_for_name(line, i, match.group().lower())
        ):
            end = _lower_run(line, i)
        end = max(
            end,
            comma_order(
                line,
                i,
                firmly=end == i + 1
                and (line.tokens[i].last > 0 or match.group().lower().startswith("signed")),
            ),
        )
        if end > i and not _thing_named(line, match.start()):
            yield line.tokens[i].start, line.tokens[end - 1].end


def _lower_run(line: Line, i: int) -> int:
    """Index behind at most three words in lower case up to one that no name has, such as "and"."""
    end, count = i + 1, 1
    while (
        end < len(line.tokens)
        and count < 3
        and line.joined(end - 1)
        and line.tokens[end].lower not in W.NOT_NAMES
    ):
        count += line.tokens[end].lower not in W.PARTICLES
        end += 1
    return end


def _stands_for_name(line: Line, i: int, introduction: str) -> bool:
    """Whether a word in lower case is a name: only right behind "my name is" and its like."""
    token = line.tokens[i]
    firmly = (
        ("name" in introduction and " " in introduction.strip())
        or "heiß" in introduction
        or "appelle" in introduction
    )
    return (
        token.start >= 0
        and firmly
        and token.lower not in W.NOT_NAMES
        and (token.first > 0 or token.last > 0 or len(token.lower) > 3)
    )


def _thing_named(line: Line, position: int) -> bool:
    i = line.index_at(position)
    return i > 0 and line.tokens[i - 1].lower in W.NAMED_THINGS


_WEAK_INTRODUCTION = re.compile(rf"(?<!\w)(?:{W.INTRODUCTIONS_WEAK})\s+(?=[^\W\d_])", re.IGNORECASE)


def weak_introductions(line: Line) -> Iterator[tuple[int, int]]:
    """Names from the gazetteer behind "I am", "spoke to", "gesprochen mit"."""
    for match in _WEAK_INTRODUCTION.finditer(line.text):
        i = line.index_at(match.end())
        if i >= len(line.tokens) or i in line.allowed:
            continue
        token = line.tokens[i]
        end = line.run(i, 3)
        several = end > i + 1
        sure = token.first >= NAME or (
            several and line.tokens[end - 1].last >= (2 if token.first else 3) and may_be_given(token)
        )
        sure = sure or (several and _personal(line, match.group(), i, end))
        if token.capital and end > i and sure and (several or not token.upper) and not is_thing(line, i, end):
            yield token.start, line.tokens[end - 1].end
        elif not token.capital and token.first == FREQUENT and token.lower not in W.NOT_NAMES:
            yield token.start, token.end


_PERSONAL = re.compile(W.PERSONAL, re.IGNORECASE)
_SPEAKING = re.compile(r"\s(?:from|calling|speaking|here|again|aus|vom|von)(?!\w)", re.IGNORECASE)


def _personal(line: Line, introduction: str, i: int, end: int) -> bool:
    """Whether two or three unknown words stand where only a person can, as behind "I spoke with"."""
    if not all(may_be_part(line, n) for n in range(i, end)):
        return False
    speaking = _SPEAKING.match(line.text, line.tokens[end - 1].end) is not None
    this = re.match(r"this|it|hier|here", introduction, re.IGNORECASE) is not None
    return _PERSONAL.match(introduction) is not None or (this and speaking)


_LABEL = re.compile(r"(?<![^\W_])(?P<label>[^\W\d_]+)(?:\s?\([^)]{1,12}\)|/\w+)?\s?[:=]\s*[\"']?(?=[^\W\d_])")


_INITIALLED = re.compile(r"(?:[A-ZÄÖÜ]\.[\s-]?){1,3}(?P<last>[A-ZÄÖÜ][^\W\d_]{2,})")


def labels(line: Line) -> Iterator[tuple[int, int]]:
    """Names in forms: Name: ..., Kundin: ..., Ansprechpartner: ..."""
    if ":" not in line.text and "=" not in line.text:
        return
    for match in _LABEL.finditer(line.text):
        label = key(match["label"])
        if label not in W.LABELS or (
            _thing_named(line, match.start())
            and label == "name"
            and not re.search(r"(?:first|last)\s*$", line.text[: match.start()], re.IGNORECASE)
        ):
            continue
        initialled = _INITIALLED.match(line.text, match.end())
        if initialled and not noun_shape(initialled["last"].lower()):
            yield initialled.span()
            continue
        i = line.index_at(match.end())
        end = comma_order(line, i, label in W.NAME_LABELS) or line.run(i, 4, loose=True)
        if end <= i or (i in line.allowed and label not in W.NAME_LABELS):
            continue
        known = any(t.first or t.last >= 2 for t in line.tokens[i:end]) or _unknown_pair(line, i, end)
        if label in W.NAME_LABELS or (known and not is_thing(line, i, end)):
            yield line.tokens[i].start, line.tokens[end - 1].end


def _unknown_pair(line: Line, i: int, end: int) -> bool:
    """Whether two or three unknown words fill a field, or stand before an address or a number."""
    rest = line.text[line.tokens[end - 1].end :]
    reachable = "@" in rest or sum(c.isdigit() for c in rest) >= 6 or "[_" in rest
    if not 2 <= end - i <= 3 or any(noun_shape(t.lower) for t in line.tokens[i:end]):
        return False
    return reachable or (not rest.strip(" .") and all(may_be_part(line, n) for n in range(i, end)))


_GREETING = re.compile(
    r"(?:^|[\n.!?,;:\"'(>-])\s*(?:dear|hi|hello|hey|hallo|liebe[rs]?|moin|servus|bonjour|"
    r"ch[eè]re?|salut|hola|guten\s(?:tag|morgen|abend)|"
    r"sehr\sgeehrte[rs]?|good\s(?:morning|evening|afternoon)|merhaba|hej)\s+(?=[^\W\d_])",
    re.IGNORECASE,
)


def greetings(line: Line) -> Iterator[tuple[int, int]]:
    """Names that are greeted: Dear Anna, Hallo Herr ..., Liebe Fatma."""
    for match in _GREETING.finditer(line.text):
        i = line.index_at(match.end())
        end = line.run(i, 3, loose=True)
        if end <= i or i in line.allowed or line.tokens[i].lower in W.TITLES:
            continue
        token = line.tokens[i]
        followed = line.text[line.tokens[end - 1].end :].lstrip(" ")[:1]
        ended = followed in (",", "!", "", "\n", "-")
        unknown = ended and followed in (",", "!", "\n") and all(may_be_part(line, n) for n in range(i, end))
        known = token.first >= NAME or token.last == SURE or (token.first and ended) or unknown
        if known and not is_thing(line, i, end):
            yield token.start, line.tokens[end - 1].end


_CLOSING = re.compile(
    rf"(?<!\w)(?:(?P<strong>{W.CLOSINGS_STRONG})|(?P<weak>{W.CLOSINGS_WEAK}))(?:\s(?:aus|from)\s(?-i:[A-ZÄÖÜ])\w+)?"
    rf"(?P<gap>[\s,.!:;*~|/-]+)(?=[^\W\d_])",
    re.IGNORECASE,
)

_CLOSING_HINTS = word_set(
    "regards wishes sincerely yours grüßen grüssen gruß gruss gruessen grüße grüsse gruesse "
    "mfg lg vg hochachtungsvoll cordialement vous amicalement signed gezeichnet gez "
    "unterschrift i ppa best thanks thank thx ta cheers love ciao danke dank bye tschüss xx "
    "xoxo merci"
)


def closings(line: Line) -> Iterator[tuple[int, int]]:
    """Names in signatures: Best regards, ...; LG ..."""
    if not _CLOSING_HINTS & line.lowers:
        return
    for match in _CLOSING.finditer(line.text):
        i = line.index_at(match.end())
        end = line.run(i, 4)
        if match["strong"]:
            end = max(end, comma_order(line, i, firmly=end == i + 1))
        if match["strong"] and end == i and i < len(line.tokens):
            end = _lower_signature(line, i)
        if end <= i or i in line.allowed:
            continue
        at_end = _ends_line(line.text, line.tokens[end - 1].end)
        known = any(t.first >= NAME or t.last == SURE for t in line.tokens[i:end])
        marked = re.search(r"[,\n]", match["gap"]) is not None and line.tokens[i].lower not in W.BUSINESSES
        sure = at_end and (known or marked) if match["weak"] else at_end or known
        if match["weak"] and not re.search(r"[,\n.!-]", match["gap"]) and not (known and at_end):
            continue
        if sure and not is_thing(line, i, end):
            yield line.tokens[i].start, line.tokens[end - 1].end


def _lower_signature(line: Line, i: int) -> int:
    end = i
    while end < len(line.tokens) and end < i + 3 and (line.tokens[end].first or line.tokens[end].last >= 2):
        end += 1
        if not line.joined(end - 1):
            break
    return end if end > i and _ends_line(line.text, line.tokens[end - 1].end) else i


def _ends_line(text: str, at: int) -> bool:
    return (
        re.match(r"[\s.!)\"'*]*(?:$|\n|,|;|\||/|-|\(|\[|tel|mobil|phone)", text[at:], re.IGNORECASE)
        is not None
    )


_DASHED = re.compile(r"(?:^|[\s.!?])(?:-|--|~|/)\s?(?=[^\W\d_])")


def signatures(line: Line) -> Iterator[tuple[int, int]]:
    """A known name behind a dash or on a line of its own at the end."""
    last_line = line.text.rstrip().rfind("\n") + 1
    starts = [m.end() for m in _DASHED.finditer(line.text)] + ([last_line] if last_line else [])
    for start in starts:
        i = line.index_at(start)
        end = line.run(i, 3)
        if end > i and re.fullmatch(r"[\s.!]*", line.text[line.tokens[end - 1].end :]):
            words = line.tokens[i:end]
            if words[0].first >= NAME and (
                len(words) == 1 or any(t.last for t in words[1:]) or words[0].first == FREQUENT
            ):
                yield words[0].start, words[-1].end
