"""Names that are written in other ways than once and in one piece: spelt out, and named again."""

import re
from collections.abc import Iterable, Iterator

from grounding.privacy import pii_words as W
from grounding.privacy.pii_tokens import NAME, Line, Token, tokens_of

_SPELT = re.compile(r"(?<!\w)[^\W\d_](?:[ .-][^\W\d_]){2,}(?!\w)")
_LEAST = 4


def again(line: Line, spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Other places of the words of names found in the same text: "Herr Krüger ... Krügers Filiale"."""
    places = sorted(set(spans))
    if not places:
        return
    known = {word for start, end in places for word in _parts(line, start, end)}
    for token in line.tokens:
        inside = any(start <= token.start < end for start, end in places)
        if not inside and token.capital and _bare(token.lower, known) in known:
            yield token.start, token.end


def _parts(line: Line, start: int, end: int) -> Iterator[str]:
    for i in range(line.index_at(start), len(line.tokens)):
        token = line.tokens[i]
        if token.start >= end:
            return
        if len(token.lower) >= _LEAST and i not in line.allowed and not _is_common(token):
            yield token.lower


def _is_common(token: Token) -> bool:
    words = (W.TITLES, W.MORE_TITLES, W.PARTICLES, W.NOT_NAMES, W.ROLES)
    return any(token.lower in some for some in words) or not token.capital


def _bare(word: str, known: set[str]) -> str:
    """The word without the ending of a genitive where that makes it known."""
    for ending in ("'s", "s", "'"):
        if word.endswith(ending) and word.removesuffix(ending) in known:
            return word.removesuffix(ending)
    return word


def spelt(line: Line) -> Iterator[tuple[int, int]]:
    """Names of which every letter stands alone: M a r i a  S c h u l z."""
    matches = [m for m in _SPELT.finditer(line.text) if len(m.group()) >= 2 * _LEAST - 1]
    for at, match in enumerate(matches):
        word = tokens_of("".join(c for c in match.group() if c.isalpha()).capitalize())
        if not any(t.first >= NAME or t.last >= NAME for t in word):
            continue
        behind = matches[at + 1] if at + 1 < len(matches) else None
        end = match.end()
        if behind and not line.text[end : behind.start()].strip() and behind.start() - end <= _LEAST:
            end = behind.end()
        yield match.start(), end
