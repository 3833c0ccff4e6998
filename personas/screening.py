"""Questions that should not be put to a model as they stand: what was found in the wording, and the reason.

Refused is a question that speaks to a model instead of a person: markup by which chat models are steered, or
an order to one. Whoever answers such a question answers the order. Doubtful is one whose answers mean little
whatever the model: it is asked, and its figures bear the reason.

The patterns are English and German. They look for orders, so an order must stand where orders do: at the
beginning of a sentence or after "and", "please" and the like; "Do you ignore instructions?" is a question.
An order in words of its own, or in another language, is not found: what hidden text does to the answers is
measured by the hard cases. Of 1,256 questions of 13 open surveys none is refused and none called doubtful.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import Literal, NamedTuple

from personas.document import Document
from personas.question import Question

Rule = Literal["markup", "hidden", "order", "no text", "placeholder", "negations"]

NEGATIONS = 3
"""So many in one clause leave open what "yes" means; two are common in surveys, though not good."""
_SHOWN = 80  # characters of what was found, in a reason
_FLAG = "\N{WAVING BLACK FLAG}"  # tag characters behind it spell the flag of a region

_BEGIN = r"(?:^|[.?!:;,\n\"'“”„»«(\[–—-]\s*|\b(?:please|now|and|then|just|must|bitte|jetzt|nun|und|dann)\s+)"
_QUOTE = "[\"'“”„‚‘’«»]"
_MODEL = (
    r"(?:machine|robot|a\.?i\.? (?:assistant|model|system|agent|bot)|(?:large )?language model|llm|chat ?bot|"
    r"chatgpt|maschine|roboter|ki(?:[- ](?:assistent|modell|system))?|sprachmodell)\b"
)

_MARKUP = (
    r"<[|｜][\w /▁-]{1,40}[|｜]>",  # <|im_start|>, <|eot_id|>, <｜User｜>
    r"\[/?(?:inst|system_prompt|available_tools|tool_calls|tool_results)\]|<</?sys>>|</?s>",
    r"<(?:start|end)_of_turn>|<(?:bos|eos|pad|unk)>|</?(?:think|tool_call|tool_response)>",
    r"^#{2,} ?(?:system|assistant|user|human|instruction|response|anweisung)\b ?(?::|$)",
    r"^(?:system|assistant|developer) ?:",
    r"(?<=\n)answer ?:",  # the frame of this program's own prompts
)
_ENGLISH = (
    # Ignore all previous instructions; disregard the rules above; forget everything you were told.
    rf"{_BEGIN}(?:ignore|disregard|forget|override|bypass)\s+(?:\w+\s+){{0,4}}?"
    r"(?:previous|prior|preceding|earlier|above|foregoing|system|developer|all|any|your)\s+(?:\w+\s+){0,3}?"
    r"(?:instructions?|prompts?|directives|commands|programming)\b",
    rf"{_BEGIN}(?:ignore|disregard|forget|override|bypass)\s+(?:\w+\s+){{0,3}}?"
    r"(?:instructions?|prompts?|rules|guidelines|everything|anything|all)(?: that)?"
    r" (?:above|before this|so far|you (?:were|have been) (?:told|given|trained))\b",
    r"\b(?:system|developer|admin)\s+(?:override|prompt|message|instructions?)\s*:",
    rf"{_BEGIN}from now on,?\s+(?:(?:every|all|each|your)\s+answers?\s+(?:is|are|must|will|should)|"
    r"(?:you (?:must |will |shall )?)?(?:always )?(?:answer|respond|reply))\b",
    rf"{_BEGIN}you are (?:now )?(?:no longer (?:this|an?|the)|not this) (?:person|human|respondent)\b",
    rf"{_BEGIN}(?:you are (?:now )?|pretend (?:to be|you are) |(?:act|behave|answer|respond) as )"
    rf"an? {_MODEL}",
    rf"\bthe only (?:right|correct|valid|allowed|possible) answer (?:here )?is\s*(?::|{_QUOTE})",
    rf"{_BEGIN}(?:always )?(?:answer|respond|reply|say|choose)(?: with)? {_QUOTE}[^\n]{{1,60}}{_QUOTE} "
    r"(?:with certainty|always|every time|whatever|no matter|regardless|to (?:all|every|each))",
    rf"{_BEGIN}(?:choose|select|pick|take|answer with) this (?:one|option|answer)\b"
    r"(?!\s+(?:only )?(?:if|when|unless))",
    r"\ball (?:the )?other(?:s| options| answers| ones)? are (?:wrong|incorrect|false|forbidden|invalid)\b",
    rf"{_BEGIN}(?:repeat|print|reveal|show|output|display|tell me|quote)\b[^.?!\n]{{0,60}}?"
    r"\b(?:system prompt|(?:hidden|initial|original|secret) (?:prompt|instructions)|training data|"
    r"above this line|you were (?:trained|instructed|prompted))\b",
    r"\b(?:dan|developer|jailbreak) mode (?:is )?(?:on|enabled|activated)\b",
)
_GERMAN = (
    rf"{_BEGIN}(?:ignorier(?:e|en sie)?|vergiss|vergessen sie|missachten? ?(?:sie)?|übergehe|verwirf)\s+"
    r"(?:\w+\s+){0,3}?(?:vorherigen?|bisherigen?|obigen?|früheren?|vorigen?|vorangegangenen?|vorstehenden?)\s+"
    r"(?:\w+\s+){0,2}?(?:anweisung(?:en)?|anleitung(?:en)?|instruktion(?:en)?|befehle?|vorgaben?|regeln?|prompts?)\b",
    rf"{_BEGIN}(?:ignoriere?|vergiss|missachte|übergehe|verwirf)\s+(?:\w+\s+){{0,2}}?(?:alle|sämtliche|deine)\s+"
    r"(?:\w+\s+){0,2}?(?:anweisungen|instruktionen|befehle|vorgaben|regeln|prompts)\b",
    rf"{_BEGIN}(?:ignoriere?|vergiss|missachte)\s+alles,?\s+(?:was|davor|vorher|bisherige|obige|vorherige|oben)",
    r"\b(?:system-?(?:anweisung|befehl|nachricht)|systemprompt|system-prompt)\s*:",
    rf"{_BEGIN}ab (?:jetzt|sofort|nun) (?:(?:ist|lautet|lauten|sind)\s+(?:\w+\s+){{0,2}}?antworte?n?\b|"
    r"antworte(?:st)?\b|musst du\b|wirst du\b)",
    rf"{_BEGIN}du bist (?:jetzt |nun |ab sofort )?(?:nicht mehr diese|kein(?:e)?) (?:person|mensch|befragte)",
    rf"{_BEGIN}(?:du bist (?:jetzt |nun |ab sofort )?|antworte als |verhalte dich wie )eine? {_MODEL}",
    r"\bdie einzige? (?:richtige|korrekte|gültige|erlaubte|mögliche) antwort (?:ist|lautet)\s*"
    rf"(?::|{_QUOTE})",
    rf"{_BEGIN}antworte(?:n sie)?(?: immer| stets| nur)?(?: mit)? {_QUOTE}[^\n]{{1,60}}{_QUOTE} "
    r"(?:mit sicherheit|immer|jedes ?mal|egal|auf (?:alles|alle|jede))",
    rf"{_BEGIN}(?:wähle?|wählen sie|nimm|nehmen sie) (?:diese|dieses|diesen) (?:hier|option|antwort|punkt)\b"
    r"(?!,?\s+(?:nur )?(?:wenn|falls|sofern))",
    r"\balle anderen(?: optionen| antworten)? sind (?:falsch|verboten|ungültig)\b",
    rf"{_BEGIN}(?:wiederhole?|zeige?|verrate?|nenne?|gib)\b[^.?!\n]{{0,60}}?"
    r"\b(?:system-?prompt|trainingsdaten|(?:deine|ursprünglichen|geheimen) anweisungen|trainiert wurdest)\b",
)
_PLACEHOLDER = r"\{\{[^{}\n]{1,60}\}\}|\$\{[^{}\n]{1,120}\}|\[%?(?:insert|einsetzen)\b[^\]\n]{0,60}\]"
_CLAUSES = r"[.?!;:,\n–—()]|\b(?:and|or|but|und|oder|aber|sondern)\b"
_NEGATION = (
    r"\b(?:not|never|no|none|nobody|nothing|neither|cannot|without|nicht|nie|niemals|niemand|nichts|ohne|"
    r"kein(?:e[mnrs]?)?)\b|n['’]t\b"
)


def _compiled(patterns: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{p})" for p in patterns), re.IGNORECASE | re.MULTILINE)


_REFUSED: tuple[tuple[Rule, re.Pattern[str], str], ...] = (
    ("markup", _compiled(_MARKUP), "markup that steers a language model and says nothing to a person"),
    ("order", _compiled((*_ENGLISH, *_GERMAN)), "an order to a language model and no part of a question"),
)


class Finding(Document):
    """What is wrong with the wording of a question.

    Attributes:
        question: its name.
        rule: which check found it.
        refused: whether it must not be asked; else it is doubtful.
        reason: what was found, where, and what to do.
    """

    question: str
    rule: Rule
    refused: bool
    reason: str


class Screened(NamedTuple):
    """Questions that may be asked, those refused, and those asked although they are doubtful."""

    asked: tuple[Question, ...]
    refused: tuple[Finding, ...]
    doubtful: tuple[Finding, ...]


def screened(questions: Sequence[Question]) -> Screened:
    """The questions sorted by what ``finding`` says of each."""
    found = {q.name: finding(q) for q in questions}
    kept = [f for f in found.values() if f is not None]
    refused = tuple(f for f in kept if f.refused)
    names = {f.question for f in refused}
    asked = tuple(q for q in questions if q.name not in names)
    return Screened(asked, refused, tuple(f for f in kept if not f.refused))


def sentences(refused: Sequence[Finding], doubtful: Sequence[Finding]) -> tuple[str, ...]:
    """One sentence for each question that was refused or is doubtful, with the reason."""
    return (
        *(f"Question {f.question} was refused, and nobody was asked it: {f.reason}." for f in refused),
        *(f"Question {f.question} is doubtful, whatever its figures: {f.reason}." for f in doubtful),
    )


def finding(question: Question) -> Finding | None:
    """The first thing wrong with a question's wording, refusals before doubts; ``None`` if nothing is."""
    return _refusal(question) or _doubt(question)


def _refusal(question: Question) -> Finding | None:
    for where, text in _parts(question):
        if hidden := _hidden(text):
            reason = (
                f"{where} holds {len(hidden)} characters that nobody sees and that spell {_shown(hidden)!r} "
                "to a language model; take them out"
            )
            return Finding(question=question.name, rule="hidden", refused=True, reason=reason)
        for rule, pattern, what in _REFUSED:
            if match := pattern.search(_plain(text)):
                reason = (
                    f"{where} holds {_shown(match[0])!r}, {what}; take it out, or word it as people are asked"
                )
                return Finding(question=question.name, rule=rule, refused=True, reason=reason)
    return None


def _doubt(question: Question) -> Finding | None:
    text = _plain(question.text)
    if not any(c.isalnum() for c in text):
        return _doubtful(question, "no text", "the text has no word in it, so nothing is asked")
    for where, part in _parts(question):
        if match := re.search(_PLACEHOLDER, part, re.IGNORECASE):
            what = f"{where} holds {_shown(match[0])!r}, a placeholder that was never filled"
            return _doubtful(question, "placeholder", what)
    for clause in re.split(_CLAUSES, text, flags=re.IGNORECASE):
        negations = re.findall(_NEGATION, clause, re.IGNORECASE)
        if len(negations) >= NEGATIONS:
            found = ", ".join(negations)
            what = f"{len(negations)} negations in one clause ({found}): what a yes means is unclear"
            return _doubtful(question, "negations", what)
    return None


def _doubtful(question: Question, rule: Rule, reason: str) -> Finding:
    return Finding(question=question.name, rule=rule, refused=False, reason=reason)


def _parts(question: Question) -> list[tuple[str, str]]:
    options = [(f"option {i}", option) for i, option in enumerate(question.options, start=1)]
    return [("the text", question.text), *options]


def _plain(text: str) -> str:
    """The text in its usual characters (NFKC) and spaces, without those of no width and empty lines."""
    kept = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    lines = (" ".join(line.split()) for line in kept.splitlines())
    return "\n".join(line for line in lines if line)


def _hidden(text: str) -> str:
    """What tag characters (U+E0020 to U+E007E) spell, but for those of a region's flag."""
    bare = re.sub(f"{_FLAG}[\U000e0020-\U000e007f]+", "", text)
    return "".join(chr(ord(c) - 0xE0000) for c in bare if "\U000e0020" <= c <= "\U000e007e")


def _shown(text: str) -> str:
    flat = " ".join(text.split()).lstrip(".?!:;,\"'“”„»«([–—- ")
    return flat if len(flat) <= _SHOWN else f"{flat[:_SHOWN]} …"
