"""Ladders of labels from low to high: amounts, qualities, levels, and levels of education."""

import re

from grounding.sources.inspection_words import plain

LADDERS: dict[str, tuple[str, ...]] = {
    "amount": (
        "none|nothing|nothing at all|not at all|none at all|gar nichts|nichts|ueberhaupt nichts|no|kein|keine"
        "|keinen|keinerlei|gar kein|gar keine",
        "hardly any|very little|hardly any at all|sehr wenig|almost none|kaum etwas|hardly anything",
        "only a little|a little|little|not much|wenig|not very much|nicht viel|nur wenig|few|wenige|geringe",
        "some|somewhat|only some|etwas|einiges|a moderate amount|a few|einige|moderately",
        "a fair amount|fair amount|quite a bit|ziemlich viel|quite a lot|a good amount",
        "much|a lot|viel|many|viele|lots|very well|great|grosse|grossen|grosses|big|starke",
        "a great deal|great deal|sehr viel|very much|a very great deal|quite a lot|very great"
        "|sehr grosse|sehr viele",
        "all|completely|everything|alles|vollstaendig",
    ),
    "quality": (
        "terrible|very bad|sehr schlecht|ungenuegend|awful|extremely bad|horrible",
        "very poor|mangelhaft|schlecht|bad|poor|unsatisfactory",
        "ausreichend|fair|below average|weniger gut|only fair|eher schlecht|needs improvement",
        "average|okay|ok|mittelmaessig|befriedigend|acceptable|mittel|neutral|teils gut",
        "zufriedenstellend|above average|eher gut|fairly good",
        "good|gut|pretty good",
        "very good|sehr gut|better",
        "excellent|ausgezeichnet|hervorragend|outstanding|perfect|exzellent|best",
    ),
    "level": (
        "none|no experience|keine|kein|gar kein|gar keine",
        "very low|sehr niedrig|sehr gering|very small|sehr klein|minimal",
        "low|niedrig|gering|small|klein|beginner|novice|basic|anfaenger|easy|mild",
        "fairly low|rather low|somewhat low|eher niedrig|eher gering|eher klein",
        "medium|mittel|mittler|intermediate|moderate|average|mid|fortgeschritten|normal|medium sized",
        "fairly high|rather high|somewhat high|eher hoch|eher gross",
        "high|hoch|large|gross|advanced|big|serious|severe",
        "very high|sehr hoch|very large|sehr gross|expert|experte|profi|major|critical",
    ),
    "too little to too much": (
        "far too little|viel zu wenig|much too little|far too low|much too low",
        "too little|zu wenig|too few|not enough|nicht genug|too low",
        "about right|gerade richtig|about the right amount|genau richtig|just right|right amount",
        "too much|zu viel|zuviel|too many|too high",
        "far too much|viel zu viel|much too much|far too high|much too high",
    ),
    "familiarity": (
        "kenne ich nicht|kenne ich gar nicht|noch nie gehoert|nie gehoert|nie davon gehoert"
        "|nicht bekannt|never heard of|never heard of it|not familiar|not at all familiar"
        "|do not know it|dont know it",
        "nur dem namen nach|dem namen nach|kenne ich dem namen nach|kenne ich nur dem namen nach"
        "|nur vom namen|schon gehoert|schon davon gehoert|only by name|by name only|heard of"
        "|heard of it|have heard of it",
        "kenne ich ein wenig|kenne ich etwas|kenne ich kaum|a little familiar"
        "|slightly familiar|know a little",
        "kenne ich|bekannt|familiar|know it|somewhat familiar|moderately familiar|fluechtig bekannt",
        "kenne ich gut|gut bekannt|know it well|know well",
        "kenne ich sehr gut|sehr gut bekannt|very familiar|know it very well|know very well",
    ),
    "social class": (
        "unterschicht|lower class|lower",
        "arbeiterschicht|arbeiterklasse|working class",
        "untere mittelschicht|lower middle class|lower middle",
        "mittelschicht|mittlere mittelschicht|middle class|middle",
        "obere mittelschicht|upper middle class|upper middle",
        "oberschicht|upper class|upper",
    ),
    "size of place": (
        "farm|bauernhof|isolated dwelling",
        "village|dorf|country village|rural village",
        "small town|kleinstadt|town",
        "mid-sized town|mittelstadt|medium-sized city|mittelgrosse stadt",
        "suburb of a big city|vorort einer grossstadt",
        "big city|grossstadt|large city|a big city",
    ),
}
_RUNG = {
    kind: {word: float(i) for i, rung in enumerate(ladder) for word in rung.split("|")}
    for kind, ladder in LADDERS.items()
}

_SCHOOLING: tuple[tuple[str, float], ...] = (
    (
        r"\b(no (formal )?(schooling|education)|kein(en)? (schul)?abschluss|ohne (schul)?abschluss|none"
        r"|noch schueler)\b",
        0,
    ),
    (r"\b(primary|elementary|grundschule|less than 9th|\d(st|nd|rd|th) ?(grade|-|to|or))", 1),
    (
        r"\b(less than|less|lt|some|did not (complete|finish)|no|without) (a )?(high ?school|hs)\b"
        r"|\bbelow high|<\s*(high ?school|hs)\b"
        r"|\bdrop ?outs?\b",
        2,
    ),
    (r"\b(volks|haupt)schul", 2.5),
    (r"\b(realschul|mittlere reife|polytechnisch|poly|sekundarabschluss|lower secondary)", 3),
    (r"\b(doctor\w*|phd|ph d|promotion|promoviert|habilitation)\b(?!.*\bmaster)", 12),
    (r"\bsome (post ?grad\w*|graduate)\b", 9),
    (r"\bsome (college|university|post ?secondary|ps)\b(?!.*\bdegree)", 5),
    (r"\b(junior|community) college\b", 6),
    (r"\bbelow college\b", 4),
    (r"^college$", 7.8),
    (
        r"\bbachelor|college (degree|grad\w*)|(university|undergraduate) degree|4.year|four.year"
        r"|college or more|\bcollege$",
        8,
    ),
    (r"\bsome college|vocational|technical|trade|ausbildung|lehre\b|berufs", 5),
    (r"\bassociate|2.year|two.year|fachschule|meister|techniker", 6),
    (r"\bhigh ?school|\bhs\b|\bged\b|\bg e d\b|secondary|12th", 4),
    (r"\bfachhochschulreife|fachabitur", 4.5),
    (r"\babitur|allgemeine hochschulreife|hochschulreife|matura", 5.2),
    (r"\bfachhochschul|\bfh\b", 7.5),
    (
        r"\bmaster|\bpost ?grad\w*|\bgrad(uate)?|^higher$|\badvanced degree|\bprofessional"
        r"|diplom|magister|staatsexamen|universitaet"
        r"|hochschul",
        10,
    ),
)


def schooling(label: str) -> float | None:
    """Place of a level of education, from none (0) to a doctorate (12); ``None`` if it is none."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", label)
    text = re.sub(r"\s*\bor (less|more|higher|lower)\b", "", plain(apart))
    return next((place for pattern, place in _SCHOOLING if re.search(pattern, text)), None)


def rung(kind: str, label: str) -> float | None:
    """Place of a label on one of the ``LADDERS``; ``None`` if it is not on it."""
    text, rungs = re.sub(r"^the ", "", plain(label)), _RUNG[kind]
    return rungs[text] if text in rungs else rungs.get(re.sub(r"(?<=\w{3})e[mnrs]?$", "", text))
