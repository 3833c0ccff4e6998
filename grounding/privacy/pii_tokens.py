"""Words of a text as the names recogniser sees them: their place, and what the gazetteer says of each."""

import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

from grounding.privacy import pii_words as W
from grounding.privacy.pii_gazetteer import entries, lines

_WORD = re.compile(r"(?<!\w)[^\W\d_]+(?:['-][^\W\d_]+)*(?!\w)")

_TRANSLITERATED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})

_PLAIN = str.maketrans({"ı": "i", "ł": "l", "ø": "o", "đ": "d", "ß": "ss", "æ": "ae", "œ": "oe"})

SURE, FREQUENT, NAME, WEAK = 4, 3, 2, 1

_ARABIC = ("al-", "el-", "abou-", "abu-", "ben-", "ait-", "bin-")


@dataclass(frozen=True, slots=True)
class Token:
    """A word of the text.

    Attributes:
        start: its first character.
        end: behind its last.
        lower: as the gazetteer spells it.
        capital: whether it starts with a capital.
        upper: whether it is all capitals.
        first: grade as a first name: 0 none, 1 also a word, 2 a name, 3 frequent.
        last: grade as a surname: 0 none, 1 also a word, 2 a frequent word, 3 a noun or place, 4 nothing else.
    """

    start: int
    end: int
    lower: str
    capital: bool
    upper: bool
    first: int
    last: int


def key(word: str) -> str:
    """A word as the gazetteer spells it: lower case, without the dot that Turkish İ leaves."""
    return word.lower().replace("\u0307", "")


@lru_cache(maxsize=1)
def _first_names() -> dict[str, int]:
    marks = {"?": WEAK, "!": FREQUENT}
    return _spellings({w.rstrip("?!"): marks.get(w[-1], NAME) for w in entries("first_names.txt")})


@lru_cache(maxsize=1)
def _surnames() -> dict[str, int]:
    """Surname -> grade."""
    grades: dict[str, int] = {}
    for word in entries("surnames.txt"):
        bare = word.rstrip("?~!")
        mark = word[len(bare) :]
        grades[bare] = {"": SURE, "~": 3, "~!": 3, "?!": 2, "?": WEAK}[mark]
    return _spellings(grades)


def _spellings(grades: dict[str, int]) -> dict[str, int]:
    """The names with and without accents, and with umlauts written out."""
    spelt: dict[str, int] = {}
    for name, grade in grades.items():
        if not name.isascii():
            spelt.setdefault(without_accents(name), grade)
            spelt.setdefault(name.translate(_TRANSLITERATED), grade)
    return spelt | grades


def without_accents(name: str) -> str:
    """The name with its letters' accents removed."""
    parted = unicodedata.normalize("NFKD", name.translate(_PLAIN))
    return "".join(c for c in parted if unicodedata.category(c) != "Mn")


def _by_first_word(phrases: Collection[str]) -> dict[str, tuple[tuple[str, ...], ...]]:
    found: dict[str, list[tuple[str, ...]]] = {}
    for phrase in phrases:
        words = tuple(key(w) for w in _WORD.findall(phrase))
        if words:
            found.setdefault(words[0], []).append(words)
    return {first: tuple(sorted(ways, key=len, reverse=True)) for first, ways in found.items()}


def public_names() -> tuple[str, ...]:
    """Names of public figures that are left in the text unless somebody introduces herself with one."""
    return lines("public_names.txt")


@lru_cache(maxsize=16)
def allowed_phrases(extra: tuple[str, ...]) -> dict[str, tuple[tuple[str, ...], ...]]:
    """First word -> the phrases that are no person's name: brands, characters, and ``extra``."""
    return _by_first_word((*lines("not_names.txt"), *extra))


def _grade(word: str, grades: dict[str, int]) -> int:
    """Grade of a name; of the weakest known part of a double name."""
    known = grades.get(word)
    if known is None and not word.isascii():
        known = grades.get(without_accents(word))
    if known is None and grades is _surnames() and word.startswith(_ARABIC):
        return SURE
    if known is None and grades is _surnames():
        known = _of_a_woman(word, grades)
    if known is None and "-" in word:
        parts = [grades.get(part, 0) for part in word.split("-")]
        double = grades is _surnames() and max(parts) >= FREQUENT
        return max(parts) if all(parts) or double else 0
    if known is None and word.endswith("'s"):
        return grades.get(word[:-2], 0)
    return known or 0


_WOMEN = (("ska", "ski"), ("cka", "cki"), ("ová", ""), ("ova", "ov"), ("eva", "ev"), ("ina", "in"))


def _of_a_woman(word: str, grades: dict[str, int]) -> int | None:
    """Grade of a Slavic surname by the form that the men of the family bear."""
    for woman, man in _WOMEN:
        if word.endswith(woman) and len(word) > len(woman) + 2:
            stem = word[: -len(woman)] + man
            known = grades.get(stem) or grades.get(without_accents(stem))
            return known if known == SURE else None
    return None


def tokens_of(text: str) -> list[Token]:
    """The words of a folded text, in their order."""
    firsts, lasts = _first_names(), _surnames()
    found: list[Token] = []
    for match in _WORD.finditer(text):
        word = match.group()
        lower = key(word)
        capital = word[0].isupper()
        found.append(
            Token(
                match.start(),
                match.end(),
                lower,
                capital,
                capital and word.isupper() and len(word) > 1,
                _grade(lower, firsts),
                _grade(lower, lasts),
            )
        )
    return found


class Line:
    """One text with its words, and which of them belong to brands and public figures."""

    def __init__(
        self, text: str, tokens: Sequence[Token], allowed: dict[str, tuple[tuple[str, ...], ...]]
    ) -> None:
        self.text = text
        self.tokens = tokens
        self.lowers = frozenset(t.lower for t in tokens)
        self.allowed = self._protected(allowed)

    def _protected(self, phrases: dict[str, tuple[tuple[str, ...], ...]]) -> frozenset[int]:
        """Indices of words that stand in an allowed phrase."""
        covered: set[int] = set()
        words = [t.lower for t in self.tokens]
        for i, word in enumerate(words):
            bare = word[:-2] if word.endswith("'s") and word not in phrases else word
            for phrase in phrases.get(bare, ()):
                n = len(phrase)
                if n == 1 and self._full_name(i):
                    continue
                if n == 1 or [w.removesuffix("'s") for w in words[i + 1 : i + n]] == [
                    w.removesuffix("'s") for w in phrase[1:]
                ]:
                    covered.update(range(i, i + n))
                    break
        return frozenset(covered)

    def _full_name(self, i: int) -> bool:
        """Whether a brand of one word stands before a surname, as in Chloe Bennett."""
        following = self.tokens[i + 1] if i + 1 < len(self.tokens) and self.joined(i) else None
        named = self.tokens[i].first >= NAME and self.tokens[i].capital
        return named and following is not None and following.capital and following.last >= FREQUENT

    def gap(self, i: int) -> str:
        """What stands between word ``i`` and the next."""
        if i + 1 >= len(self.tokens):
            return "\n"
        return self.text[self.tokens[i].end : self.tokens[i + 1].start]

    def joined(self, i: int) -> bool:
        """Whether the next word belongs to the same run: a space or a dot with a space between."""
        return self.gap(i) in (" ", "  ", ". ", ".", ".-", "\xa0")

    def index_at(self, position: int) -> int:
        """Index of the first word at or behind a position."""
        for i, token in enumerate(self.tokens):
            if token.start >= position:
                return i
        return len(self.tokens)

    def run(self, i: int, most: int = 4, loose: bool = False) -> int:
        """Index behind the name-like run of words that starts at ``i``; ``i`` where none does.

        Capitalised words, particles between them and initials count; with ``loose``, words of the
        gazetteer in lower case too.
        """
        at, count = i, 0
        while at < len(self.tokens) and count < most:
            token = self.tokens[at]
            if token.lower in W.PARTICLES and not token.capital and self._leads_on(at):
                at += 1
                continue
            named = token.capital or (loose and (token.first >= NAME or token.last >= 2))
            if not named or (token.lower in W.NOT_NAMES and not (count and token.upper)):
                break
            at, count = at + 1, count + 1
            if not self.joined(at - 1) or (self.gap(at - 1) in (". ", ".") and len(token.lower) > 2):
                break
        return at

    def _leads_on(self, i: int) -> bool:
        following = self.tokens[i + 1 : i + 3]
        return self.joined(i) and any(t.capital for t in following) and bool(following)
