"""Diverse: do people differ enough, and are there enough of them, for a model to learn from?"""

from collections.abc import Sequence

import numpy as np

from grounding.population.weights import effective_base
from personas.answer import shares
from personas.arrays import BoolArray, IntArray
from personas.panel import UNKNOWN
from personas.wording import counted, listing, percent
from training.audit.material import Material
from training.audit.result import Finding, QuestionFacts, Severity, first_ids

FEWEST = 10
"""Answers to a question, and people, below which nothing is fitted."""
_FEW_PEOPLE = 50
_FEW_ANSWERS = 30
_LOW_ENTROPY = 0.2
_MOSTLY_UNKNOWN = 0.8
_LOW_BASE = 0.5


def facts(material: Material) -> tuple[QuestionFacts, ...]:
    """Figures of each question among the people who may be trained on."""
    return tuple(_facts(material, column) for column in range(len(material.answers.questions)))


def _facts(material: Material, column: int) -> QuestionFacts:
    question = material.answers.questions[column]
    rows = np.flatnonzero(material.given[:, column])
    chosen, weights = material.answers.chosen[rows, column], material.people.weights[rows]
    chosen = np.clip(chosen, 0, len(question.options) - 1)  # what is out of range is found elsewhere
    if not len(rows):
        return QuestionFacts(
            name=question.name, answers=0, effective_base=0.0, entropy=None, largest_share=None,
            never_given=question.options, held_out=question.name in material.held_out,
        )  # fmt: skip
    share = shares(chosen, len(question.options), weights)
    some = share[share > 0]
    return QuestionFacts(
        name=question.name,
        answers=len(rows),
        effective_base=effective_base(weights),
        entropy=float(-(some * np.log(some)).sum() / np.log(len(share))),
        largest_share=float(share.max()),
        never_given=tuple(o for o, s in zip(question.options, share, strict=True) if s == 0),
        held_out=question.name in material.held_out,
    )


def people(material: Material) -> list[Finding]:
    """Too few people, people who answered nothing, and weights that leave few to count."""
    counting = material.trained & (material.people.weights > 0)
    n = int(counting.sum())
    findings: list[Finding] = []
    if n < _FEW_PEOPLE:
        severity: Severity = "blocking" if n < FEWEST else "warning"
        bound = f"below {_FEW_PEOPLE} hardly more is learned than the shares of each question."
        if n < FEWEST:
            bound = f"nothing is fitted to fewer than {FEWEST}."
        sentence = f"{counted(n, 'person', 'people')} to train on; {bound}"
        remedy = "Bring in more people, or hold out fewer ('split')."
        findings.append(_finding("few-people", severity, sentence, remedy))
    if n and (base := effective_base(material.people.weights[counting])) < _LOW_BASE * n:
        sentence = f"The weights leave {n:,} people with the precision of {base:,.0f} (effective base)."
        remedy = "Cap the weights in the grounding file ('weight_cap')."
        findings.append(_finding("effective-base", "warning", sentence, remedy))
    silent = counting & ~material.given.any(axis=1)
    if silent.any():
        number = int(silent.sum())
        sentence = f"{counted(number, 'person', 'people')} to train on answered no question."
        found = _finding("no-answers", "note", sentence, "They add nothing to the training.")
        ids = first_ids(material.people, silent)
        findings.append(found.model_copy(update={"people": ids, "number": number}))
    return findings


def questions(found: Sequence[QuestionFacts]) -> list[Finding]:
    """Questions with too few answers, or to which everybody says the same."""
    trained = [f for f in found if not f.held_out]
    findings: list[Finding] = []
    if len(trained) < 2:
        sentence = (
            f"{counted(len(trained), 'question')} to train on; what carries over to other questions is "
        )
        sentence += "learned from at least 2."
        remedy = "Bring in a survey with more questions, or hold out fewer ('split')."
        findings.append(_finding("few-questions", "blocking", sentence, remedy))
    few = [f for f in trained if f.answers < FEWEST]
    enough = [f for f in trained if f.answers >= FEWEST]
    return [
        *findings,
        *_about(
            "few-answers", "blocking", few, f"fewer than {FEWEST} answers to train on",
            "Leave these questions out of the codebook, or bring in more people.",
        ),
        *_about(
            "few-answers", "warning", [f for f in enough if f.effective_base < _FEW_ANSWERS],
            f"an effective base below {_FEW_ANSWERS}", "Their shares are mostly those of like questions.",
        ),
        *_alike(enough),
        *_about(
            "never-given", "note", [f for f in trained if f.answers >= _FEW_ANSWERS and f.never_given],
            "options that nobody gave",
            "Look whether their codes are right; the model gives them small shares.",
        ),
    ]  # fmt: skip


def _alike(enough: Sequence[QuestionFacts]) -> list[Finding]:
    """Questions to which all people, or nearly all, say the same."""
    same = [f for f in enough if f.largest_share is not None and f.largest_share > 1 - 1e-9]
    nearly = [f for f in enough if f not in same and f.entropy is not None and f.entropy < _LOW_ENTROPY]
    everywhere = len(same) == len(enough)
    return [
        *_about(
            "one-answer", "blocking" if everywhere else "warning", same, "the same answer from everybody",
            "There is nothing to learn: leave them out, or look whether codes were mapped to one label.",
        ),
        *_about(
            "low-entropy", "note", nearly,
            f"nearly the same answer from everybody (entropy below {percent(_LOW_ENTROPY)} of the largest)",
            "Whatever the model says of who answers otherwise rests on few people.",
        ),
    ]  # fmt: skip


def attributes(material: Material) -> list[Finding]:
    """Attributes that tell nobody apart, are mostly unknown, or have values of hardly anybody.

    That hardly anybody is trained on of the segment or wave held out is meant, and no finding.
    """
    used = material.used.take(np.flatnonzero(material.trained & (material.people.weights > 0)))
    findings: list[Finding] = []
    for name, levels, codes in zip(used.attributes, used.levels, used.codes.T, strict=True):
        counts = np.bincount(codes[codes != UNKNOWN], minlength=len(levels))
        meant = np.isin(levels, material.apart.get(name, ()))
        findings += _attribute(name, counts, len(used), meant)
    return findings


def _attribute(name: str, counts: IntArray, people: int, meant: BoolArray) -> list[Finding]:
    """What is wrong with an attribute whose values so many people have; ``meant`` are those held out."""
    had, rare = int(counts.sum()), int(np.sum((counts < FEWEST) & ~meant))
    remedy = "Leave it out of 'attributes'."
    if not had:
        return [_of(name, "unknown-attribute", "blocking", "is known of nobody to train on", remedy)]
    findings: list[Finding] = []
    if np.sum(counts > 0) == 1:
        what = "has one value for everybody, and tells nobody apart"
        findings.append(_of(name, "constant-attribute", "warning", what, remedy))
    if had < (1 - _MOSTLY_UNKNOWN) * people:
        what = f"is known of {counted(had, 'person', 'people')} of {people:,} only"
        findings.append(_of(name, "mostly-unknown", "warning", what, remedy))
    if rare:
        values = counted(len(counts), "value")
        what = f"has {rare:,} of its {values} with fewer than {FEWEST} people to train on"
        remedy = "The model treats them much like their neighbours; group them where that is wrong."
        findings.append(_of(name, "rare-values", "note", what, remedy))
    return findings


def _of(name: str, check: str, severity: Severity, what: str, remedy: str) -> Finding:
    found = _finding(check, severity, f"Attribute {name!r} {what}.", remedy)
    return found.model_copy(update={"names": (name,)})


def _about(
    check: str, severity: Severity, found: Sequence[QuestionFacts], what: str, remedy: str
) -> list[Finding]:
    if not found:
        return []
    names = tuple(f.name for f in found)
    sentence = f"{listing(names)} {'has' if len(names) == 1 else 'have'} {what}."
    return [_finding(check, severity, sentence, remedy).model_copy(update={"names": names})]


def _finding(check: str, severity: Severity, sentence: str, remedy: str) -> Finding:
    return Finding(family="diverse", check=check, severity=severity, sentence=sentence, remedy=remedy)
