"""Consistent: does the same question mean the same thing wherever it stands?"""

import re
from collections.abc import Callable, Sequence
from functools import cache

from grounding import blocks
from grounding.sources import inspection_scales as scales
from grounding.sources.inspection_words import means_no_answer
from personas.answer import Answers
from personas.question import Question
from personas.wording import listing
from training.audit import contradictions
from training.audit.contradictions import LikeQuestions
from training.audit.material import Material
from training.audit.result import Finding, Severity

_FLIPPED = -0.3
_MANY_OPTIONS = 30
_PAIRS = 20
# A placeholder that a program made of a code that had no label.
_PLACEHOLDER = re.compile(
    r"(option|code|value|answer|item|wert|antwort|q|v|x)?[ _-]*\d+([._-]\d+)*|unnamed.*|n/?a|nan|null"
)
_DAMAGED = re.compile("\ufffd|ï¿½|Ã[\u0080-\u00bf]|â€|Â[\u00a0-\u00bf]")


def texts(material: Material) -> list[Finding]:
    """Questions and options whose words say nothing, or are damaged."""
    questions = material.answers.questions
    silent = [q.name for q in questions if not re.search(r"[^\W\d_]{2}", q.text)]
    named = [q.name for q in questions if q.name not in silent and _spaced(q.text) == _spaced(q.name)]
    damaged = [q.name for q in questions if any(_DAMAGED.search(t) for t in (q.text, *q.options))]
    return [
        *_listed(
            "question-text", "blocking", silent, "no text that a model could read",
            "Give the questions their texts in the codebook.",
        ),
        *_listed(
            "question-text", "warning", named, "a text that only repeats the question's name",
            "Write into the codebook what people were asked.",
        ),
        *_listed(
            "damaged-text", "warning", damaged, "characters that were damaged in reading",
            "Read the source in its own encoding, or correct the codebook.",
        ),
    ]  # fmt: skip


def options(material: Material) -> list[Finding]:
    """Options without words, of which there are very many, out of order, or that are no answers."""

    def where(holds: Callable[[Question], bool]) -> list[str]:
        return [q.name for q in material.answers.questions if holds(q)]

    return [
        *_listed(
            "options-without-words", "warning", where(_wordless),
            "options that are bare numbers or placeholders, from which a language model learns nothing",
            "Give the codes their labels in the codebook; of a numeric scale, at least the ends.",
        ),
        *_listed(
            "many-options", "note", where(lambda q: len(q.options) > _MANY_OPTIONS),
            f"more than {_MANY_OPTIONS} options, most of them of few people",
            "Group them in the codebook.",
        ),
        *_listed(
            "scale-order", "warning", where(_disordered),
            "an ordered scale whose options stand in no order from low to high or high to low",
            "Put the options in order in the codebook, or write 'scale: nominal'.",
        ),
        *_listed(
            "no-answer-option", "warning",
            where(_unanswered),
            "an option on an ordered scale that means that nothing was answered",
            "List its code under 'missing' in the codebook, or write 'scale: nominal'.",
        ),
    ]  # fmt: skip


def pairs(answers: Answers, alike: Sequence[LikeQuestions], held_out: Sequence[str]) -> list[Finding]:
    """Questions that are asked twice, with other options, or coded the other way around."""
    findings: list[Finding] = []
    near: list[tuple[str, str]] = []
    for pair in alike:
        one, other = answers.questions[pair.first], answers.questions[pair.second]
        twins = pair.same or contradictions.same_text(one, other)
        if twins:
            findings += _pair(one, other, pair)
        elif one.options == other.options:
            near.append((one.name, other.name))
        if twins and (one.name in held_out) != (other.name in held_out):
            findings.append(_leak(one.name, other.name))
    if near:
        shown = "; ".join(f"{a!r} and {b!r}" for a, b in near[:_PAIRS])
        more = f"; and {len(near) - _PAIRS:,} more pairs" if len(near) > _PAIRS else ""
        findings.append(
            Finding(
                family="consistent",
                check="alike",
                severity="note",
                sentence=f"Questions in like words, most alike first: {shown}{more}.",
                remedy="A split of questions keeps them together.",
                names=tuple(dict.fromkeys(name for p in near for name in p)),
            )
        )
    return findings


def _pair(one: Question, other: Question, pair: LikeQuestions) -> list[Finding]:
    placed = contradictions.options_map(one, other)
    both = f"{one.name!r} and {other.name!r}"
    same_text = contradictions.same_text(one, other)
    said = "in the same words" if same_text else "in like words"
    r = pair.correlation
    if placed is None:
        check, severity = "other-options", "warning"
        sentence = f"{both} ask {said} with different options: {_options(one)} and {_options(other)}."
        remedy = "Give both the same options in the codebook where they mean the same; else leave one out."
    elif r is not None and r <= _FLIPPED and same_text:
        check, severity = "opposite-coding", "blocking"
        sentence = f"{both} ask in the same words, yet their answers go against each other ({r:.2f})."
        remedy = "One of them is coded the other way around: compare codes and labels in the codebook."
    elif list(placed) != sorted(placed):
        check, severity = "option-order", "note"
        sentence = f"{both} ask {said} with the same options in another order: {_options(one)}."
        remedy = "Make sure that each order is that of its own codes."
    elif r is not None and abs(r) < contradictions.TOGETHER:
        check, severity = "same-text", "warning"
        sentence = f"{both} have the same text and options, yet people answer them differently ({r:.2f})."
        remedy = "Write into the codebook what tells them apart; a model cannot know it otherwise."
    else:
        check, severity = "asked-twice", "warning"
        known = "" if r is None else f" (the answers correlate {r:.2f})"
        sentence = f"{both} ask {said} with the same options{known}."
        remedy = "Leave one of them out, or hold both out together."
    return [_finding(check, severity, sentence, remedy, (one.name, other.name))]


def _leak(one: str, other: str) -> Finding:
    sentence = f"Of {one!r} and {other!r}, which ask for the same, one is held out and the other trained on."
    remedy = "Hold out both or none: what a model scores on the one says nothing of unseen questions."
    return _finding("held-out-twin", "blocking", sentence, remedy, (one, other))


def _finding(check: str, severity: str, sentence: str, remedy: str, names: tuple[str, ...]) -> Finding:
    return Finding.model_validate(
        {
            "family": "consistent",
            "check": check,
            "severity": severity,
            "sentence": sentence,
            "remedy": remedy,
            "names": names,
        }
    )


def _listed(check: str, severity: Severity, names: Sequence[str], what: str, remedy: str) -> list[Finding]:
    if not names:
        return []
    verb = "has" if len(names) == 1 else "have"
    return [_finding(check, severity, f"{listing(names)} {verb} {what}.", remedy, tuple(names))]


def _wordless(question: Question) -> bool:
    return all(_PLACEHOLDER.fullmatch(option.strip().casefold()) for option in question.options)


def _unanswered(question: Question) -> bool:
    ordered = question.scale == "ordinal" and len(question.options) > 2
    return ordered and any(map(means_no_answer, question.options))


def _disordered(question: Question) -> bool:
    return question.scale == "ordinal" and _unordered(question.options)


@cache
def _unordered(options: tuple[str, ...]) -> bool:
    """Whether options have a known order, and stand in another; batteries share theirs, so it is kept."""
    known = [option for option in options if not means_no_answer(option)]
    order = scales.order(known, coded=False) if len(known) > 2 else None
    if order is None or not order.complete:
        return False
    places = list(order.places)
    return places not in (sorted(places), sorted(places, reverse=True))


def _spaced(name: str) -> str:
    return " ".join(blocks.words_of(name.replace("_", " ")))


def _options(question: Question) -> str:
    return f"({listing(question.options, 5)})"
