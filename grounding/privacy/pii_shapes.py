"""What a capitalised run of words looks like: a person's name, a noun, a brand, a firm, a street."""

import re

from grounding.privacy import pii_words as W
from grounding.privacy.pii_tokens import Line, Token

_SURNAME_ENDS = (
    "ski",
    "ska",
    "sky",
    "czyk",
    "wicz",
    "witz",
    "ić",
    "ović",
    "ov",
    "ova",
    "ev",
    "eva",
    "enko",
    "oğlu",
    "oglu",
    "sen",
    "sson",
    "son",
    "mann",
    "berg",
    "stein",
    "poulos",
    "idis",
    "akis",
    "ez",
    "escu",
    "ani",
    "yan",
    "ian",
    "dze",
    "shvili",
    "bauer",
    "meier",
    "meyer",
    "hofer",
    "ner",
)

_NOUN_ENDS = (
    "ung",
    "ungen",
    "heit",
    "keit",
    "schaft",
    "tion",
    "tät",
    "dienst",
    "service",
    "center",
    "shop",
    "app",
    "karte",
    "produkt",
    "creme",
    "öl",
    "nummer",
    "preis",
    "ness",
    "ment",
)


def surname_shape(word: str) -> bool:
    """Whether a word ends as many surnames do."""
    return len(word) >= 5 and word.endswith(_SURNAME_ENDS)


def noun_shape(word: str) -> bool:
    """Whether an unknown capitalised word ends as common nouns and no surnames do."""
    return word.endswith(_NOUN_ENDS) or len(word) < 3


def is_thing(line: Line, i: int, end: int) -> bool:
    """Whether a run of words is a brand, a public figure, a firm, a street or a saint."""
    if i in line.allowed:
        return True
    if end < len(line.tokens) and line.joined(end - 1) and line.tokens[end].lower in W.THINGS_BEHIND:
        return True
    if any(t.lower in W.THINGS_BEHIND for t in line.tokens[i + 1 : end]):
        return True
    return i > 0 and line.tokens[i - 1].lower in W.SAINTS and line.joined(i - 1)


def comma_order(line: Line, i: int, firmly: bool = False) -> int:
    """Index behind "Surname, First name" from ``i``; 0 where that is not how it goes on.

    ``firmly`` takes any capitalised word for the first name.
    """
    if i + 1 >= len(line.tokens) or i + 1 in line.allowed or not re.fullmatch(r",\s?", line.gap(i)):
        return 0
    second = line.tokens[i + 1]
    if (
        not (line.tokens[i].capital and second.capital and (second.first or firmly))
        or second.lower in W.NOT_NAMES
    ):
        return 0
    return line.run(i + 1, 2)


def may_be_given(token: Token) -> bool:
    """Whether a word that is not in the gazetteer could be a first name: no shop, no firm, no noun."""
    return token.first > 0 or not (
        token.lower in W.NOT_NAMES or token.lower in W.BUSINESSES or noun_shape(token.lower)
    )


def may_be_part(line: Line, i: int) -> bool:
    """Whether a capitalised word could be part of a name that the gazetteer does not know."""
    token = line.tokens[i]
    if not token.capital or token.upper or i in line.allowed:
        return False
    return not (
        token.lower in W.NOT_NAMES
        or token.lower in W.BUSINESSES
        or token.lower in W.ROLES
        or noun_shape(token.lower)
    )
