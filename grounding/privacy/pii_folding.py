"""Text as a detector of personal data reads it: look-alike characters folded, with the way back."""

import html
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

_CYRILLIC = dict(
    zip("аеорсухіјѕһԁԛԝкмтпгвнАВЕКМНОРСТХУІЈЅЗ", "aeopcyxijshdqwkmtnrbhABEKMHOPCTXYIJS3", strict=True)
)
_GREEK = dict(zip("αορντυικεηχγΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "aopvtuikenxyABEZHIKMNOPTYX", strict=True))
_OTHER = dict(zip("օոսɡɑɩʀʙᴀᴄᴅᴇɢʜᴊᴋʟᴍɴᴏᴘꜱᴛᴜᴠᴡʏᴢ", "onugaiRBacdeghjklmnopstuvwyz", strict=True)) | dict(
    zip("‘’‛′`´“”„‟。․⁄∕⧸−•∙⋅ꓸ＿", "''''''\"\"\"\"..///-···._", strict=True)
)
_LOOK_ALIKES = _CYRILLIC | _GREEK | _OTHER | {"\u2800": " ", "\u3164": "", "\u115f": "", "\u1160": ""}


_ENTITY = re.compile(r"&(?:#\d{1,6}|#[xX][0-9a-fA-F]{1,5}|[A-Za-z]{2,10});")


@dataclass(frozen=True, slots=True)
class Folded:
    """A text for detection, and where each of its characters stood.

    Attributes:
        text: NFKC form without invisible characters and stray combining marks; digits of any script are
            ASCII, Cyrillic and Greek look-alikes are Latin, dashes are ``-``, spaces are plain, HTML
            entities are the characters that they stand for.
        starts: index in the original at which the source of each character begins; None where they are equal.
        ends: index in the original behind the source of each character; None as well.
    """

    text: str
    starts: tuple[int, ...] | None = None
    ends: tuple[int, ...] | None = None

    def original(self, start: int, end: int) -> tuple[int, int]:
        """The span of the original text that ``text[start:end]`` was made from."""
        if self.starts is None or self.ends is None:
            return start, end
        return self.starts[start], self.ends[end - 1]


def fold(text: str) -> Folded:
    """The text folded for detection, with a map back to ``text``."""
    if text.isascii() and "&" not in text:
        return Folded(text)
    characters: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    at = 0
    while at < len(text):
        stop, read = _entity(text, at) if text[at] == "&" else _cluster(text, at)
        for character in read:
            characters.append(character)
            starts.append(at)
            ends.append(stop)
        at = stop
    return Folded("".join(characters), tuple(starts), tuple(ends))


def _cluster(text: str, at: int) -> tuple[int, str]:
    """Where the character at ``at`` with its marks ends, and how it is read."""
    stop = at + 1
    while stop < len(text) and text[stop] > "\u02ff" and _is_mark(text[stop]):
        stop += 1
    return stop, _folded(text[at:stop])


def _entity(text: str, at: int) -> tuple[int, str]:
    """The same for an ampersand, which may begin an HTML entity such as ``&nbsp;`` or ``&#64;``."""
    entity = _ENTITY.match(text, at)
    if entity is None:
        return _cluster(text, at)
    read = html.unescape(entity.group())
    return (entity.end(), "".join(map(_folded, read))) if read != entity.group() else _cluster(text, at)


@lru_cache(maxsize=4096)
def _is_mark(character: str) -> bool:
    return unicodedata.category(character) in ("Mn", "Me", "Cf")


@lru_cache(maxsize=16384)
def _folded(cluster: str) -> str:
    """One character with its combining marks, folded; empty where nothing visible is left."""
    if cluster.isascii():
        return cluster
    visible = "".join(c for c in cluster if unicodedata.category(c) not in ("Cf", "Me"))
    return "".join(_one(c) for c in unicodedata.normalize("NFKC", visible))


def _one(character: str) -> str:
    if character in _LOOK_ALIKES:
        return _LOOK_ALIKES[character]
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category == "Pd":
        return "-"
    if category in ("Zs", "Zl", "Zp"):
        return " "
    return "" if category in ("Mn", "Cf", "Cs") else character
