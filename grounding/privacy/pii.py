"""Personal data masked in text that a model will read or learn."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Protocol

from grounding.privacy import (
    pii_births,
    pii_contact,
    pii_money,
    pii_names,
    pii_network,
    pii_numbers,
    pii_phone,
    pii_places,
    pii_tokens,
    pii_vehicles,
)
from grounding.privacy.pii_context import Found, as_digits
from grounding.privacy.pii_folding import fold

KINDS = (
    "email", "phone", "iban", "card number", "bank account", "bank code", "tax number",
    "social security number", "health insurance number", "identity document number", "personal number",
    "ip address", "mac address", "postal address", "date of birth", "licence plate", "vehicle number",
    "name", "handle", "profile", "password",
)  # fmt: skip
_PLACEHOLDER = re.compile(r"\[(?:" + "|".join(sorted(KINDS, key=len, reverse=True)) + r")\]")
_ROUNDS = 6


@dataclass(frozen=True, slots=True)
class Find:
    """Where personal data stood in a text; never the data.

    Attributes:
        kind: one of ``KINDS``.
        start: first character.
        end: behind the last character.
    """

    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Masked:
    """A text without personal data.

    Attributes:
        text: the text, each find replaced by a typed placeholder such as ``[email]``.
        finds: what was found, with places in the text as it came, in their order.
    """

    text: str
    finds: tuple[Find, ...]


class Recogniser(Protocol):
    """Something else that recognises personal data, such as Presidio."""

    def find(self, text: str) -> Iterable[Find]:
        """Finds in ``text``; kinds outside ``KINDS`` are masked as ``name``."""
        ...


def mask(text: str, public_names: Sequence[str] = (), recogniser: Recogniser | None = None) -> Masked:
    """The text with personal data replaced by typed placeholders, and what was found.

    Masking a masked text changes nothing.

    Args:
        text: any text, English or German.
        public_names: names that a text may be about without being anybody's data, such as the politicians
            of a questionnaire, beside the shipped list of office holders. Somebody who introduces herself
            with such a name ("my name is ...") is masked all the same.
        recogniser: a further recogniser, asked after the built-in ones.
    """
    names = (*_shipped(), *(n.lower() for n in public_names))
    pieces: list[_Piece] = [_Piece(text, 0)]
    finds: list[Find] = []
    for turn in range(_ROUNDS):
        current = "".join(p.text for p in pieces)
        spans = _spans(current, names)
        if turn == 0 and recogniser is not None:
            spans = _merged([*spans, *_foreign(recogniser, current)])
        spans = _outside_placeholders(current, spans)
        if not spans:
            break
        pieces, found = _cut(pieces, spans)
        finds.extend(found)
    return Masked("".join(p.text for p in pieces), tuple(sorted(finds, key=lambda f: f.start)))


@lru_cache(maxsize=1)
def _shipped() -> tuple[str, ...]:
    return pii_tokens.public_names()


_DIGIT = re.compile(r"\d")


def _spans(text: str, names: tuple[str, ...]) -> list[Find]:
    """Finds of the built-in detectors, none overlapping, with places in ``text``.

    What placeholders say is blanked, so that "[licence plate]" is no word about cars to its neighbours.
    """
    folded = fold(_PLACEHOLDER.sub(lambda m: f"[{'_' * (len(m.group()) - 2)}]", text))
    found = list(_detect(folded.text, names))
    return [Find(f.kind, *folded.original(f.start, f.end)) for f in _resolved(found)]


def _detect(text: str, names: tuple[str, ...]) -> Iterator[Found]:
    digits = len(_DIGIT.findall(text))
    yield from pii_contact.find(text)
    if digits >= 1:
        yield from _with_digits(text, digits)
        alternative = as_digits(text)
        if digits >= 4 and alternative != text:
            yield from pii_phone.find(alternative)
            yield from pii_money.find(alternative)
            yield from pii_numbers.find(alternative)
    elif pii_money.names_bank(text):
        yield from pii_money.find(text)
    yield from pii_phone.find_spoken(text)
    if digits >= 4 or text.count(":") >= 2 or text.count("-") >= 5:
        yield from pii_network.find(text)
    yield from pii_names.find(text, names)


def _with_digits(text: str, digits: int) -> Iterator[Found]:
    yield from pii_places.find(text)
    yield from pii_vehicles.find(text)
    if digits >= 3:
        yield from pii_births.find(text)
    if digits >= 5 or pii_money.names_bank(text):
        yield from pii_phone.find(text)
        yield from pii_money.find(text)
        yield from pii_numbers.find(text)


def _resolved(found: Sequence[Found]) -> list[Found]:
    """Overlapping finds joined to the union, named by the one of the highest rank."""
    resolved: list[Found] = []
    for one in sorted(found, key=lambda f: (f.start, f.end)):
        if resolved and one.start < resolved[-1].end:
            last = resolved[-1]
            winner = max((last, one), key=lambda f: (f.rank, f.end - f.start))
            resolved[-1] = Found(winner.kind, last.start, max(last.end, one.end), winner.rank)
        elif one.end > one.start:
            resolved.append(one)
    return resolved


def _foreign(recogniser: Recogniser, text: str) -> list[Find]:
    return [
        Find(f.kind if f.kind in KINDS else "name", f.start, f.end)
        for f in recogniser.find(text)
        if 0 <= f.start < f.end <= len(text)
    ]


def _merged(finds: Sequence[Find]) -> list[Find]:
    """Finds from two sources without overlaps; the longer gives its kind."""
    merged: list[Find] = []
    for one in sorted(finds, key=lambda f: (f.start, f.end)):
        if merged and one.start < merged[-1].end:
            last = merged[-1]
            longer = max((last, one), key=lambda f: f.end - f.start)
            merged[-1] = Find(longer.kind, last.start, max(last.end, one.end))
        else:
            merged.append(one)
    return merged


def _outside_placeholders(text: str, finds: Sequence[Find]) -> list[Find]:
    """The finds without what overlaps a placeholder that already stands in the text."""
    if "[" not in text:
        return list(finds)
    taken = [m.span() for m in _PLACEHOLDER.finditer(text)]
    kept: list[Find] = []
    for one in finds:
        edges = [(s, e) for s, e in taken if s < one.end and e > one.start]
        at = one.start
        for start, end in [*edges, (one.end, one.end)]:
            piece = text[at:start]
            if any(c.isalnum() for c in piece):
                lead = len(piece) - len(piece.lstrip())
                kept.append(Find(one.kind, at + lead, start - (len(piece) - len(piece.rstrip()))))
            at = max(at, end)
    return kept


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of the text while it is masked; ``at`` is its place in the original, -1 for a placeholder."""

    text: str
    at: int


def _cut(pieces: Sequence[_Piece], finds: Sequence[Find]) -> tuple[list[_Piece], list[Find]]:
    """The pieces with placeholders at the finds, and the finds with places in the original text."""
    result: list[_Piece] = []
    placed: list[Find] = []
    offset, todo = 0, list(finds)
    for piece in pieces:
        done = 0
        while piece.at >= 0 and todo and todo[0].start < offset + len(piece.text):
            find = todo.pop(0)
            start, end = find.start - offset, min(find.end - offset, len(piece.text))
            result += [_Piece(piece.text[done:start], piece.at + done), _Piece(f"[{find.kind}]", -1)]
            placed.append(Find(find.kind, piece.at + start, piece.at + end))
            done = end
        result.append(_Piece(piece.text[done:], piece.at + done if piece.at >= 0 else -1))
        offset += len(piece.text)
    return [p for p in result if p.text], placed


class Gate:
    """The door that every text passes on its way to a model; counts what it holds back.

    Attributes:
        public_names: as in ``mask``.
        recogniser: as in ``mask``.
    """

    def __init__(self, public_names: Sequence[str] = (), recogniser: Recogniser | None = None) -> None:
        self.public_names = tuple(public_names)
        self.recogniser = recogniser
        self._counts: dict[str, dict[str, int]] = {}
        self._texts = 0
        self._known: dict[str, Masked] = {}

    def clean(self, text: str, where: str) -> str:
        """The masked text; each find is counted under ``where``, such as ``questions`` or ``comment``."""
        self._texts += 1
        masked = self._known.get(text)
        if masked is None:
            masked = mask(text, self.public_names, self.recogniser)
            if len(self._known) >= _CACHED:
                self._known.clear()
            self._known[text] = masked
        for find in masked.finds:
            kinds = self._counts.setdefault(where, {})
            kinds[find.kind] = kinds.get(find.kind, 0) + 1
        return masked.text

    def look(self, text: str) -> tuple[Find, ...]:
        """What would be masked, uncounted."""
        return mask(text, self.public_names, self.recogniser).finds

    @property
    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """Where -> kind -> finds so far; a frozen copy, sorted."""
        return MappingProxyType(
            {w: MappingProxyType(dict(sorted(k.items()))) for w, k in sorted(self._counts.items())}
        )

    @property
    def texts(self) -> int:
        """How many texts have passed."""
        return self._texts

    @property
    def total(self) -> int:
        """How many finds there were in all."""
        return sum(n for kinds in self._counts.values() for n in kinds.values())


_CACHED = 50_000
