"""What a model has to do to answer a study: passes, tokens and operations, counted rather than done."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from personas.models.asked import AskedModel
from personas.models.base import AnswerModel
from personas.models.factored import FactoredModel
from personas.models.joint import JointModel
from personas.models.offset import OffsetModel
from personas.models.remembered import RememberedEncoder, predictions_known, reader_of, texts_known
from personas.models.shape import Pass, shape_of
from personas.models.texts import naming
from personas.panel import Panel
from personas.prompt import attribute_text, option_text, question_text, value_text
from personas.question import Question

# Batches of a large panel whose passes are counted; the others are taken to be like them.
_COUNTED = 8
# Operations of the regression across questions, fitted to timings of 1,050 to 4,249 options in one thread:
# for each pair of options known and each number of their vectors, each output and each new option; and the
# factorisation.
_KERNEL, _SOLVE, _NEW, _FACTOR = 8.0, 2.0, 2.0, 0.75
_MATRICES = 3  # matrices over all pairs of options that are held at once


@dataclass(frozen=True)
class Work:
    """What answering takes.

    Attributes:
        answers: given.
        values: attribute values that are encoded once, for all persons.
        options: question-options that are encoded once.
        remembered: texts that need not be encoded: their vectors were kept.
        persons: that are read with the questions, those of a batch who are alike once.
        requests: to a server, at least: one for each of these persons and each question; some ways of scoring
            take one for each option.
        passes: of a language model.
        tokens: read in them, padding included.
        flops: of them.
        algebra: operations in double precision, of the regression that predicts questions nobody was asked,
            at most.
        spared: those of them that are not needed where the panel's own questions turn out to be near enough.
        weights: bytes of the language models.
        largest: bytes that the largest pass, or the regression, needs beside them.
    """

    answers: int = 0
    values: int = 0
    options: int = 0
    remembered: int = 0
    persons: int = 0
    requests: int = 0
    passes: int = 0
    tokens: int = 0
    flops: float = 0.0
    algebra: float = 0.0
    spared: float = 0.0
    weights: int = 0
    largest: int = 0

    def and_then(self, other: "Work") -> "Work":
        """Both, one after the other; weights and the largest pass are those of the one that needs more."""
        peaks = ("weights", "largest")
        both = {f.name: (getattr(self, f.name), getattr(other, f.name)) for f in fields(self)}
        return Work(**{name: max(pair) if name in peaks else sum(pair) for name, pair in both.items()})

    def times(self, factor: float) -> "Work":
        """The same kind of work, so many times; fractions of passes and tokens are rounded."""
        counted = ("persons", "passes", "tokens", "requests", "answers")
        changed = {name: round(getattr(self, name) * factor) for name in counted}
        return replace(self, flops=self.flops * factor, **changed)


@runtime_checkable
class CountedEncoder(Protocol):
    """An encoder that knows what it would read."""

    def passes(self, texts: Sequence[str], tails: Sequence[str]) -> list[Pass]:
        """The forward passes that encoding these texts would make."""
        ...


def work(
    model: AnswerModel, panel: Panel, questions: Sequence[Question], batch: int, look: bool = True
) -> Work:
    """What the panel's answers to the questions take, ``batch`` persons at a time.

    Texts are put into tokens, and a language model that is needed for that is loaded. It is run for one thing
    alone, and only with ``look``: whether a factored model can predict new questions from the panel's own, or
    needs those of its reference too, shows in their vectors, and 8 of them are encoded, aside. Without
    ``look`` both are possible. Of more than 8 batches of persons who are read one by one, 8 are counted and
    stand for all.
    """
    answers = len(panel) * len(questions)
    if isinstance(model, FactoredModel):
        return _factored(model, panel, questions, look).and_then(Work(answers=answers))
    if isinstance(model, JointModel | OffsetModel):
        return _read(model, panel, questions, batch).and_then(Work(answers=answers))
    if isinstance(model, AskedModel):
        alike = _alike(panel, batch)
        return Work(answers=answers, persons=alike, requests=alike * len(questions))
    return Work(answers=answers)


def each(model: AnswerModel, panel: Panel, questions: Sequence[Question]) -> Work:
    """What one more person takes, on average over a few of the panel; nothing is loaded for it.

    A factored or scripted model does nothing for each person that is worth counting.
    """
    if isinstance(model, JointModel | OffsetModel) and len(panel):
        few = panel.take(np.array(_spread(len(panel)), dtype=np.int64))
        return replace(_read(model, few, questions, 1), persons=len(few)).times(1 / len(few))
    if isinstance(model, AskedModel):
        return Work(persons=1, requests=len(questions))
    return Work()


def fresh_texts(
    model: FactoredModel, panel: Panel, questions: Sequence[Question]
) -> tuple[list[tuple[str, str]], list[Question]]:
    """Attributes with values, and questions, that the model has to encode before it can answer."""
    known = {q.fingerprint for q in (*model.config.questions, *model.config.context)}
    turned = {(q.text, frozenset(q.options)) for q in model.config.questions}
    new = [
        q for q in questions if q.fingerprint not in known and (q.text, frozenset(q.options)) not in turned
    ]
    return model.persons.to_encode(panel), new


def _factored(model: FactoredModel, panel: Panel, questions: Sequence[Question], look: bool) -> Work:
    values, new = fresh_texts(model, panel, questions)
    told = [(attribute_text(name), value_text(value)) for name, value in values]
    options, related = _read_after(new), _read_after(_related(model, questions, new))
    groups = [texts for texts in (told, options, related) if texts]
    left = [_left(model, texts) for texts in (told, [*options, *related])]
    with naming(questions):
        passes = [p for texts in groups for p in _passes(model, texts)]
    algebra = _algebra(model, new, look) if new else _Algebra(0.0, 0.0, 0)
    return Work(
        values=left[0], options=left[1], remembered=len(told) + len(options) + len(related) - sum(left),
        passes=len(passes), tokens=sum(p.tokens for p in passes), flops=sum(p.flops for p in passes),
        algebra=algebra.most, spared=algebra.most - algebra.least, weights=_weights(model) if passes else 0,
        largest=round(max([algebra.bytes, *(p.bytes for p in passes)])),
    )  # fmt: skip


class _Algebra(NamedTuple):
    """Operations of predicting new questions, at least and at most, and the bytes that takes."""

    least: float
    most: float
    bytes: int


def _read_after(questions: Sequence[Question]) -> list[tuple[str, str]]:
    return [(question_text(q), option_text(o)) for q in questions for o in q.options]


def _related(model: FactoredModel, questions: Sequence[Question], new: Sequence[Question]) -> list[Question]:
    """Questions read only for what the answers of a person have in common; ``new`` are read anyway."""
    if not model.relates:
        return []
    read = {q.fingerprint for q in (*model.config.questions, *new)}
    return [q for q in questions if q.fingerprint not in read]


def _left(model: FactoredModel, texts: Sequence[tuple[str, str]]) -> int:
    """How many of the texts have to be encoded."""
    return int(np.sum(~texts_known(model.encoder, texts))) if texts else 0


def _algebra(model: FactoredModel, new: Sequence[Question], look: bool) -> _Algebra:
    texts = _read_after(new)
    own = _regression(model, len(texts), near=True) if model.own is not None else None
    every = _regression(model, len(texts), near=False)
    if all(texts_known(model.encoder, texts)):
        return _looked_up(model, new)
    if own is None or (look and not _near(model, new)):
        return every
    return own if look else _Algebra(own.least, every.most, every.bytes)


def _looked_up(model: FactoredModel, new: Sequence[Question]) -> _Algebra:
    """What is left to predict of questions whose vectors were kept."""
    options = model.option_vectors(new)
    n, near = len(options.positions), _Algebra(0.0, 0.0, 0)
    far = list(range(len(new)))
    if model.own is not None:
        near = _regression(model, n, near=True)
        standing = model.own.predict(options).standing
        far = [place for place, found in enumerate(standing) if found != "near"]
    if not far or all(predictions_known(model.store, model.fingerprint, options.take(far))):
        return near
    return _regression(model, n, near=False)


def _near(model: FactoredModel, new: Sequence[Question]) -> bool:
    """Whether the panel's own questions say enough of some of the new ones, which are encoded to find out.

    Aside: what the study itself will use is encoded together, whatever was looked at before.
    """
    if model.own is None:
        return False
    encoder = model.encoder
    inner = encoder.encoder if isinstance(encoder, RememberedEncoder) else encoder
    aside = replace(model, load_encoder=lambda: inner, store=None)
    some = [new[i] for i in _spread(len(new))]
    return all(standing == "near" for standing in model.own.predict(aside.option_vectors(some)).standing)


def _passes(model: FactoredModel, texts: Sequence[tuple[str, str]]) -> list[Pass]:
    encoder = model.encoder
    if not isinstance(encoder, CountedEncoder):
        return []
    return encoder.passes([text for text, _ in texts], [tail for _, tail in texts])


def _weights(model: FactoredModel) -> int:
    reader = reader_of(model.encoder)
    return 0 if reader is None else shape_of(reader.language).weight_bytes


def _regression(model: FactoredModel, new: int, near: bool) -> _Algebra:
    """What it takes to predict ``new`` options from all those known, or from the panel's own."""
    layers, known, width = model.options.vectors.shape
    own = sum(len(q.options) for q in model.config.questions)
    outputs = len(model.head.effects) + 1
    n = own if near else known
    operations = n**2 * (_KERNEL * layers * width + _SOLVE * outputs + _NEW * new) + _FACTOR * n**3
    return _Algebra(operations, operations, _MATRICES * 8 * n**2)


def _read(model: JointModel | OffsetModel, panel: Panel, questions: Sequence[Question], batch: int) -> Work:
    """Persons read with the questions, in each of the models that an answer takes."""
    if isinstance(model, OffsetModel):
        parts = [_read_by(m, panel, questions, batch) for m in (model.tuned, model.base)]
        both = parts[0].and_then(parts[1])
        return replace(both, persons=parts[0].persons, weights=sum(p.weights for p in parts))
    return _read_by(model, panel, questions, batch)


def _read_by(model: AnswerModel, panel: Panel, questions: Sequence[Question], batch: int) -> Work:
    if not isinstance(model, JointModel):
        return Work()
    model.refuse_long(panel, questions)
    found, counted = Work(weights=shape_of(model.language).weight_bytes), 0
    for number in _spread(-(-len(panel) // batch)):
        rows = np.arange(number * batch, min((number + 1) * batch, len(panel)))
        found = found.and_then(_batch(model, panel.take(rows), questions))
        counted += len(rows)
    return found.times(len(panel) / counted) if counted else found


def _alike(panel: Panel, batch: int) -> int:
    """Persons of whom those of a batch who are alike count once."""
    starts = range(0, len(panel), batch)
    return sum(len(np.unique(panel.codes[at : at + batch], axis=0)) for at in starts)


def _spread(n: int) -> list[int]:
    """At most 8 whole numbers below ``n``, evenly spread."""
    return list(range(n)) if n <= _COUNTED else [round(i * (n - 1) / (_COUNTED - 1)) for i in range(_COUNTED)]


def _batch(model: JointModel, persons: Panel, questions: Sequence[Question]) -> Work:
    persons = persons.take(model.order(persons))
    passes = [p for _, made in model.passes(persons, questions) for p in made]
    alike = len(np.unique(persons.codes, axis=0))
    return Work(
        persons=alike,
        passes=len(passes),
        tokens=sum(p.tokens for p in passes),
        flops=sum(p.flops for p in passes),
        largest=round(max((p.bytes for p in passes), default=0.0)),
    )
