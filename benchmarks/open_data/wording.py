"""Question texts and options as people read or heard them, and whether the options are a scale."""

import re
from collections.abc import Sequence
from typing import Literal

_INSTRUCTIONS = re.compile(
    r"\[?\(?HAND\s?CARD[^\]\).]*[\]\).]?|READ EACH[^.]*\.|\(?CIRCLE (ONE|ONLY|ALL)[^.)]*[.)]|"
    r"CODE (ALL|ONE)[^.]*\.?|(PLEASE )?CHECK (ONE|ALL)[^.]*\.|As of 20\d\d, [A-Z].*|IF (YES|ASKED):?|"
    r"ENTER NAME AND.*|SAY, \"THIS CARD.*|HAND SCALE AND.*|\(IN PART E[^)]*\)|Now look at CARD \w+\.|"
    r"READ (FIRST THREE )?CATEGORIES( ONLY)?\.?|First \(READ ITEM A\)\s*|\(READ ITEM A\)|"
    r"READ (STATEMENT|ITEM|LIST|CATEGORIES)S?[^a-z.]*\.|\((IF|READ|PROBE|INTERVIEWER)[^)]*\)|PROBE[^.]*\.|"
    r"\(?PLEASE TICK[^.)]*[.)]+",
)
_BROKEN = (("ï¿½", "…"), ("�", " "), ("''", "'"), (" ", " "), ("’", "'"), ("‘", "'"), ("“", '"'), ("”", '"'))
_LETTER = re.compile(r"(^|[.?:)…]\s+|[?…:)])[A-Z]\d?\. *(?=[A-Z(\"'])")
_UNORDERED = re.compile(r"^(other\b|others\b|none of|no one$|someone else$|another\b|something else)", re.I)

Scale = Literal["ordinal", "nominal"]


def spoken(text: str) -> str:
    """The text without instructions to interviewers, letters of items and broken characters."""
    for wrong, right in _BROKEN:
        text = text.replace(wrong, right)
    text = _LETTER.sub(r"\1", _INSTRUCTIONS.sub(" ", text))
    text = re.sub(r" on \(ITEM\)\?\s*(.*?)[.?]?$", r" on \1?", text)
    text = re.sub(r"(\. ?){3,}|…", "… ", text)
    return re.sub(r"\s+", " ", text).replace(" ?", "?").replace(" ,", ",").strip(" -")


def labelled(option: str) -> str:
    """The option without codes in front and remarks such as ``(vol.)`` and ``(please specify)``."""
    text = re.sub(
        r"\((if )?vol(unteered|\.)?\)|\(?please specify[^)]*\)?|\[[^\]]*\]", "", spoken(option), flags=re.I
    )
    return re.sub(r"\s+", " ", text).strip(" :-")


def scale_of(options: Sequence[str]) -> Scale:
    """``nominal`` where an option such as "other" says that the options are no scale; two are always one."""
    return "nominal" if len(options) > 2 and any(_UNORDERED.match(o) for o in options) else "ordinal"


_NUMBERED = re.compile(r"^(\d+)\s*(?:[-:.]\s*(.*\S)|\s+([A-Za-z].*))?$")


def anchored(text: str, options: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """A numbered scale with what its ends mean in the question too; other options as they are, in lower case.

    ``anchored("Agree?", ("1 Strongly disagree", "2", "3 Strongly agree"))`` is ``("Agree? (1 means strongly
    disagree, 3 means strongly agree.)", ("1, strongly disagree", "2", "3, strongly agree"))``.
    """
    parts = [_NUMBERED.match(o.strip()) for o in options]
    if not all(parts) or len(options) < 3:
        return text, tuple(_lower(labelled(o)) for o in options)
    named = [(m[1], _lower(m[2] or m[3] or "")) for m in parts if m]
    means = ", ".join(f"{n} means {label}" for n, label in named if label)
    asked = f"{text} ({means}.)" if means else text
    return asked, tuple(f"{n}, {label}" if label else n for n, label in named)


def _lower(option: str) -> str:
    """The option with a small first letter, unless it begins with "I" or capitals, or is a name."""
    words = option.split()
    if "agree" in option.lower() and len(words) < 6:
        return option.lower()
    if not words or words[0] in ("I", "I'm", "I've") or words[0][1:] != words[0][1:].lower():
        return option
    if len(words) > 1 and all(w[:1].isupper() for w in words):
        return option
    return option[:1].lower() + option[1:]
