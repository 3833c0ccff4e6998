"""Known answer scales in English and German: where a label stands between the low and the high end."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from grounding.sources import inspection_bands as bands
from grounding.sources import inspection_ladders as ladders
from grounding.sources.inspection_words import listed, plain


@dataclass(frozen=True)
class Order:
    """An order found among labels.

    Attributes:
        places: index of each label from low to high.
        kind: in words, such as ``frequency``.
        complete: whether every label was recognised by itself; otherwise the codes decided.
    """

    places: tuple[int, ...]
    kind: str
    complete: bool


# How far a label goes from the middle: 6 completely, 5 very, 4 plainly so, 3 rather, 2 slightly.
_STRENGTH: dict[float, str] = {
    -6.0: (
        "not at all|ueberhaupt nicht|ganz und gar nicht|gar nicht|in no way|keineswegs|not a bit|"
        "not in the least|ueberhaupt kein|gar kein|gar keine"
    ),
    -2.0: (
        "not very|not too|not so|not particularly|not that|not much|hardly|nicht so|nicht sehr|"
        "nicht besonders|weniger|kaum|only a little"
    ),
    -3.0: "eher nicht|probably not|wahrscheinlich nicht|rather not|not really|eher kein",
    -5.0: "definitely not|certainly not|bestimmt nicht|auf keinen fall|sicher nicht",
    6.0: (
        "volles|vollstes|"
        "voll und ganz|extremely|completely|totally|absolutely|fully|entirely|exceptionally|voellig|"
        "vollkommen|vollstaendig|aeusserst|absolut|voll|ausserordentlich|total|ganz|uneingeschraenkt|"
        "auf jeden fall|extrem|sehr stark|very strongly|very much so|groesstes|sehr hoch|very high"
    ),
    5.0: (
        "very much|a great deal|very|strongly|firmly|fest|strikt|entschieden|strong|highly|definitely|really|"
        "grosses|grosse|grosser|"
        "wesentlich|erheblich|greatly|much|considerably|sehr|stark|bestimmt|deutlich|"
        "viel|certainly|a lot|sicher|significantly|exactly|hoch|high"
    ),
    4.2: "pretty|pretty well",
    3.0: (
        "more or less|mehr oder weniger|somewhat|moderately|fairly|rather|tend to|tend|partly|probably|"
        "reasonably|generally|eher|teilweise|einigermassen|wahrscheinlich|bedingt|some|mildly|"
        "to some extent|teils|moderate|lean"
    ),
    3.5: "ziemlich",
    2.6: "mittelmaessig|mittelstark",
    4.5: "mostly|largely|ueberwiegend|groesstenteils|weitgehend|quite a bit|quite",
    2.0: (
        "slightly|a little|a bit|etwas|ein wenig|ein bisschen|leicht|weakly|minor|barely|little|wenig|"
        "low|gering"
    ),
}
_STRENGTHS = {word: strength for strength, words in _STRENGTH.items() for word in words.split("|")}
_STRENGTH_WORDS = re.compile(
    r"\b(" + "|".join(sorted((re.escape(w) for w in _STRENGTHS), key=len, reverse=True)) + r")\b"
)
_NOT = re.compile(r"\b(not|dont|doesnt|isnt|cant|wont|nicht|no|nein|kein|keine|never)\b")
_MIDDLE = re.compile(
    r".*\b(neither|neutral|weder|unentschieden|undecided|no change|unchanged|unveraendert|half and half)\b.*"
    r"|(about |stayed |stay |remain(ed)? )?(the )?same|(about )?(just )?(right|average|normal)"
    r"|middle( of the road)?"
    r"|(etwa )?gleich( geblieben|bleibend)?|gleichbleibend|gerade richtig|teils[ ,/-]+teils"
    r"|teil[ ,/-]+teil|moderate|mittel|mixed|mitte"
    r"|might or might not.*|maybe|perhaps|vielleicht|may or may not.*|in between|indifferent|depends"
    r"|it depends|kommt darauf an|ok|okay|medium|about right|centre|center|both equally"
    r"|angemessen|genau richtig"
)
# Word -> its opposites, by which a label stands on the other side of the middle.
_OPPOSED = {
    "agree": "disagree",
    "easy": "hard|difficult",
    "like": "dislike",
    "favor": "oppose|against|favour|support|for|opposed",
    "good": "bad|poor",
    "positive": "negative",
    "better": "worse",
    "increased": "decreased",
    "increase": "decrease",
    "more": "less",
    "true": "false",
    "conservative": "liberal",
    "right": "left",
    "rechts": "links",
    "calm": "worried",
    "approve": "disapprove",
    "happy": "unhappy",
    "satisfied": "dissatisfied|disappointed",
    "trust": "distrust",
    "stimme": "lehne",
    "gut": "schlecht",
    "leicht": "schwer",
    "einfach": "schwierig",
    "dafuer": "dagegen",
    "positiv": "negativ",
    "richtig": "falsch",
    "besser": "schlechter",
    "vertraue": "misstraue",
    "mehr": "weniger",
    "zustimmen": "ablehnen",
    "gern": "ungern",
    "expensive": "cheap|inexpensive",
    "teuer": "guenstig|billig|preiswert",
    "schnell": "langsam",
    "fast": "slow",
    "safe": "unsafe|dangerous",
    "secure": "insecure",
    "favorably": "unfavorably",
    "optimistic": "pessimistic",
    "optimistisch": "pessimistisch",
    "strong": "weak",
    "stark": "schwach",
    "smart": "dumb",
    "gestiegen": "gesunken",
}
_OPPOSITES = {word: base for base, words in _OPPOSED.items() for word in words.split("|")}
_EXTREMES = {
    **{
        "love": ("like", 6.0),
        "hate": ("like", -6.0),
        "delighted": ("satisfied", 6.0),
        "terrible": ("good", -6.0),
    },
    **{"excellent": ("good", 6.0), "awful": ("good", -6.0), "begeistert": ("zufrieden", 6.0)},
}
_FILLER = listed(
    "a|ab|all|am|dont|amount|an|and|at|auf|be|bin|das|degree|dem|der|die|do|es|extent|feel|i|ich|im|in|"
    "is|ist|it|ja|kein|keine|life|masse|masze|me|mich|mir|my|nein|nicht|no|not|of|or|own|so|that|"
    "the|this|to|und|was|wirklich|with|would|yes|zu"
)

_ADVERBS = frozenset({"gut", "well"})


@dataclass(frozen=True)
class _Stance:
    score: float
    about: frozenset[str]
    middle: bool = False


def _stance(label: str, known: frozenset[str]) -> _Stance:
    """How far, in which direction, and about what a label goes; ``known`` are the words of all labels."""
    text = re.sub(r"\b(?:not|do not|dont) (\w+) at all\b", r"not at all \1", plain(label))
    if _MIDDLE.fullmatch(text):
        return _Stance(0.0, frozenset(), True)
    strengths = [_STRENGTHS[w] for w in _STRENGTH_WORDS.findall(text)]
    rest = _STRENGTH_WORDS.sub(" ", text)
    words = [w for w in re.findall(r"[^\W\d_]+", rest) if w not in _FILLER]
    sign, about, extreme = 1.0, set[str](), None
    for word in words:
        stem = re.sub(r"^(un|in|im|dis|ir|il)", "", word)
        if word in _EXTREMES and not strengths:
            base, extreme = _EXTREMES[word]
            about.add(base)
        elif word in _OPPOSITES:
            about.add(_OPPOSITES[word])
            sign = -1.0 if word not in ("favour", "support", "for") else sign
        elif stem != word and stem in known:
            about.add(stem)
            sign = -1.0
        else:
            about.add(word)
    if extreme is not None:
        return _Stance(extreme, frozenset(about))
    negative = min((s for s in strengths if s < 0), default=None)
    strength = negative if negative is not None else next(iter(strengths), 4.0)
    if negative is None and _NOT.search(re.sub(r"^(yes|no|ja|nein)\b(?=.)", "", rest)):
        sign = -sign
    if negative is not None and sign < 0 and strengths:
        # "eher nicht unzufrieden" is rare; "lehne eher nicht ab" means a weak yes.
        return _Stance(-negative, frozenset(about))
    return _Stance(sign * strength, frozenset(about))


def stances(labels: Sequence[str]) -> list[float | None]:
    """Score of each label on one scale of degrees; all ``None`` where they are not about one thing."""
    known = frozenset(w for label in labels for w in re.findall(r"[^\W\d_]+", plain(label)))
    found = [_stance(label, known) for label in labels]
    subjects = [s.about for s in found if not s.middle and s.about]
    main = max(set(subjects), key=subjects.count) if subjects else frozenset[str]()
    subject = [s.about - _ADVERBS or s.about for s in found]
    fits = [
        s.middle or not s.about or (bool(main) and about <= main)
        for s, about in zip(found, subject, strict=True)
    ]
    one_ended = all(s.score in (-6.0, -2.0) or s.score >= 0 for s in found)
    if one_ended and any(s.score in (2.0, -2.0) for s in found):
        # Between "little" and "very" the middle of a one-ended scale stands where "moderately" does.
        found = [replace(s, score=3.0) if s.middle else s for s in found]
    graded = {s.score for s, fit in zip(found, fits, strict=True) if fit}
    if len(graded) < 2 or len(main) > 5:
        return [None] * len(labels)
    return [s.score if fit else None for s, fit in zip(found, fits, strict=True)]


_Scorer = Callable[[Sequence[str]], list[float | None]]


def _rungs(kind: str) -> _Scorer:
    return lambda labels: _first_known(
        [ladders.rung(kind, label) for label in labels],
        [ladders.rung(kind, label) for label in _without_shared_words(labels)],
    )


def _first_known(whole: list[float | None], bare: list[float | None]) -> list[float | None]:
    """``whole``, or ``bare`` where only that knows every label."""
    return bare if None in whole and None not in bare else whole


def _without_shared_words(labels: Sequence[str]) -> list[str]:
    """What labels say beside the words that all begin or end with: ``no worries``, ``some worries``."""
    split = [plain(label).split() for label in labels]
    while all(len(w) > 1 for w in split) and len({w[-1] for w in split}) == 1:
        split = [w[:-1] for w in split]
    while all(len(w) > 1 for w in split) and len({w[0] for w in split}) == 1:
        split = [w[1:] for w in split]
    return [re.sub(r" of$", "", " ".join(w)) for w in split]


def _rates(labels: Sequence[str]) -> list[float | None]:
    return [bands.rate(label) for label in labels]


def _schooling(labels: Sequence[str]) -> list[float | None]:
    return [ladders.schooling(label) for label in labels]


_NOTHING = re.compile(r"(i )?(do|did|does) not\b|(i )?dont\b|not at all\b|gar nicht\b|ueberhaupt nicht\b")


def _bands(labels: Sequence[str]) -> list[float | None]:
    mixed = len({unit for label in labels for unit in bands.units(label)}) > 1
    found = [bands.band(label, mixed) for label in labels]
    words = [bands.others(label) for label in labels]
    nothing = [f is None and bool(_NOTHING.match(plain(x))) for f, x in zip(found, labels, strict=True)]
    if sum(nothing) == 1 and len(labels) > 3:
        found = [(-1.0, 0) if no else f for f, no in zip(found, nothing, strict=True)]
        words = [frozenset[str]() if no else w for w, no in zip(words, nothing, strict=True)]
    common = [w for w in set[str]().union(*words) if sum(w in s for s in words) * 2 >= len(words)]
    strange = [bool(w - set(common)) for w in words]
    if sum(strange) * 3 > len(labels):
        return [None] * len(labels)
    return [
        None if f is None or odd else f[0] + 0.25 * f[1] * min(1.0, max(f[0], 1.0) * 1e-3)
        for f, odd in zip(found, strange, strict=True)
    ]


_SCORERS: dict[str, _Scorer] = {
    "frequency": _rates,
    **{kind: _rungs(kind) for kind in ladders.LADDERS},
    "bands of numbers": _bands,
    "degrees": stances,
    "education": _schooling,
}


def order(labels: Sequence[str], coded: bool) -> Order | None:
    """The order of labels from low to high; ``None`` where they have none that is known.

    Args:
        labels: at least two, as the file lists them.
        coded: whether the file's own order of codes may decide where some labels are not recognised.
    """
    best: Order | None = None
    for kind, scorer in _SCORERS.items():
        scores = scorer(labels)
        if all(s is not None for s in scores):
            full = _complete(labels, [s or 0.0 for s in scores], kind, coded)
            if full is not None:
                return full
        elif coded and best is None:
            best = _partly(scores, kind)
    return best


def _complete(labels: Sequence[str], scores: list[float], kind: str, coded: bool) -> Order | None:
    ties = len(scores) - len(set(scores))
    if len(set(scores)) < (2 if kind == "degrees" and _is_pair(labels) else 3) or ties > len(scores) // 4:
        return None
    if coded and ties == 0 and _nearly(scores):
        # Codes and words disagree in one place: the questionnaire's own order is the better judge.
        ascending = range(len(scores)) if _trend(scores) > 0 else reversed(range(len(scores)))
        return Order(tuple(ascending), kind, False)
    # Of two equal labels, the one that says "not" stands lower; else the file's order decides.
    denies = [0 if re.search(r"\b(not|nicht)\b", plain(label)) else 1 for label in labels]
    falling = coded and _trend(scores) < 0
    ranks = sorted(range(len(labels)), key=lambda i: (scores[i], denies[i], -i if falling else i))
    return Order(tuple(ranks), kind, ties == 0)


def _is_pair(labels: Sequence[str]) -> bool:
    words = {w for label in labels for w in plain(label).split()}
    stated = {"agree", "stimme", "trifft", "approve", "favor", "zustimmen"} & words
    sides = {"left", "right", "links", "rechts"}  # of two labels, hands rather than politics
    return bool(stated) or any(
        word in words and base in words for word, base in _OPPOSITES.items() if base not in sides
    )


def _nearly(scores: Sequence[float]) -> bool:
    """Whether scores go one way but for a single neighbouring pair of at least four."""
    steps = [b > a for a, b in pairwise(scores)]
    return len(scores) >= 4 and min(sum(steps), len(steps) - sum(steps)) == 1


def _trend(scores: Sequence[float]) -> int:
    rises = sum(b > a for a, b in pairwise(scores))
    falls = sum(b < a for a, b in pairwise(scores))
    return rises - falls


def _partly(scores: list[float | None], kind: str) -> Order | None:
    """The file's order where at least three labels, and more than half, are known and follow it strictly."""
    known = [s for s in scores if s is not None]
    if len(known) < 3 or len(known) * 2 <= len(scores):
        return None
    pairs = list(pairwise(known))
    if all(b > a for a, b in pairs):
        return Order(tuple(range(len(scores))), kind, False)
    if all(b < a for a, b in pairs):
        return Order(tuple(reversed(range(len(scores)))), kind, False)
    return None


def leaning(low: str, high: str) -> int:
    """1 if ``high`` is the positive end, -1 if ``low`` is, 0 where the words do not say."""
    for scorer in _SCORERS.values():
        first, last = scorer([low, high])
        if first is not None and last is not None and first != last:
            return 1 if last > first else -1
    return 0
