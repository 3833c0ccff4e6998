"""Who writes open answers: a language model of this machine or one on a server, asked for persons in turn."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from mirrorpanel import lineup, places
from mirrorpanel.lineup import Machine
from personas import document, draws
from personas.errors import DataError
from personas.models import sampling
from personas.models.asked import Outcome
from personas.models.served.endpoint import Endpoint
from personas.models.served.model import ServedModel
from personas.models.served.outcomes import declined
from personas.models.written import forms
from personas.models.written.forms import Form
from personas.models.written.guide import FormGuide
from training.gradients.generative import prompt
from training.gradients.open_ends import OpenEnd

if TYPE_CHECKING:
    from personas.models.language import LanguageModel

FREE_TOKENS = 96  # of an answer without a form
_TOGETHER = 4  # requests for each that a server may have under way, between two writings to the disk
_SHOWN = 80


class Reply(NamedTuple):
    """What came of one person.

    Attributes:
        row: of the persons asked.
        outcome: ``answered``, or why there is no answer.
        answer: as a cell of a table; empty without one.
        raw: the text as it came, or what went wrong.
    """

    row: int
    outcome: Outcome | Literal["answered"]
    answer: str
    raw: str


class Writer(Protocol):
    """Writes open answers."""

    @property
    def name(self) -> str:
        """Of the model."""
        ...

    @property
    def again(self) -> bool:
        """Whether what failed is worth asking again."""
        ...

    @property
    def fingerprint(self) -> str:
        """Of model, form and length of the answers."""
        ...

    def check(self, question: str) -> None:
        """Returns where a question can be read. Raises: DataError."""
        ...

    def write(self, rows: Sequence[OpenEnd], seed: int) -> Iterator[list[Reply]]:
        """The replies to the rows' questions, some at a time, each row once, in any order."""
        ...


@dataclass(frozen=True)
class LocalWriter:
    """A language model of this machine.

    Attributes:
        language: with its adapter where it has one.
        most: tokens of an answer at most.
        form: of every answer.
        trained: on such answers, so that it reads questions as they are, and as it did then.
    """

    language: "LanguageModel"
    most: int
    form: Form | None
    trained: bool

    @property
    def name(self) -> str:
        """See ``Writer``."""
        return self.language.name

    @property
    def again(self) -> bool:
        """See ``Writer``: what this machine cannot read today it cannot read tomorrow."""
        return False

    @property
    def fingerprint(self) -> str:
        """See ``Writer``."""
        return f"{self.language.fingerprint} {self.most} {self.form!r}"

    def check(self, question: str) -> None:
        """See ``Writer``."""
        n = len(self._prompt(OpenEnd("", question, "", {})))
        if n + self.most > self.language.max_tokens:
            raise DataError(
                f"the question takes {n:,} tokens and its answer up to {self.most:,}; {self.name} reads "
                f"{self.language.max_tokens:,}: shorten the question {question[:_SHOWN]!r}"
            )

    def write(self, rows: Sequence[OpenEnd], seed: int) -> Iterator[list[Reply]]:
        """See ``Writer``; a person who is too long to be read has *failed*, with the lengths."""
        prompts = [self._prompt(row) for row in rows]
        limit = self.language.max_tokens - self.most
        fits = [i for i, ids in enumerate(prompts) if len(ids) <= limit]
        long = [i for i, ids in enumerate(prompts) if len(ids) > limit]
        if long:
            yield [Reply(i, "failed", "", self._too_long(rows[i], len(prompts[i]))) for i in long]
        if not fits:
            return
        places = [f"{rows[0].question}\ntoken {k}" for k in range(self.most)]
        uniforms = draws.uniforms(seed, [rows[i].person for i in fits], places)
        guide = None
        if self.form is not None:
            guide = FormGuide.of(self.language, self.form, sorted(sampling.end_tokens(self.language)))
        ids = [prompts[i] for i in fits]
        for part, texts in sampling.continued(self.language, ids, self.most, uniforms, guide=guide):
            yield [self._reply(fits[i], one) for i, one in zip(part, texts, strict=True)]

    def _prompt(self, row: OpenEnd) -> tuple[int, ...]:
        if self.trained:
            return (*self.language.start, *self.language.tokens(prompt(row.question, row.attributes)))
        text = prompt(_told(row.question, self.form), row.attributes)
        return self.language.chat(text) or (*self.language.start, *self.language.tokens(text))

    def _too_long(self, row: OpenEnd, n: int) -> str:
        name = max(row.attributes, key=lambda a: len(row.attributes[a]), default="")
        return (
            f"person and question take {n:,} tokens and the answer up to {self.most:,}; {self.name} reads "
            f"{self.language.max_tokens:,}; the longest attribute is {name!r}, of "
            f"{len(row.attributes.get(name, '')):,} characters"
        )

    def _reply(self, row: int, one: sampling.Continued) -> Reply:
        if not self.trained and declined(one.text):
            return Reply(row, "refused", "", one.text)
        if self.form is None:
            return Reply(row, "answered" if one.text else "unparsable", one.text, one.text)
        value = forms.value(self.form, one.text) if one.ended else None
        if value is None:
            return Reply(row, "unparsable", "", one.text)
        return Reply(row, "answered", forms.shown(value), one.text)


@dataclass(frozen=True)
class ServedWriter:
    """A language model on a server.

    Attributes:
        model: the server's.
        most: tokens of an answer at most.
        form: of every answer.
    """

    model: ServedModel
    most: int
    form: Form | None

    @property
    def name(self) -> str:
        """See ``Writer``."""
        return f"{self.model.endpoint.model} at {self.model.endpoint.host}"

    @property
    def again(self) -> bool:
        """See ``Writer``."""
        return True

    @property
    def fingerprint(self) -> str:
        """See ``Writer``."""
        return f"{self.model.fingerprint} {self.most} {self.form!r}"

    def check(self, question: str) -> None:
        """See ``Writer``: how much a server reads it says when it is asked."""

    def write(self, rows: Sequence[OpenEnd], seed: int) -> Iterator[list[Reply]]:
        """See ``Writer``."""
        together = _TOGETHER * self.model.endpoint.concurrency
        for start in range(0, len(rows), together):
            part = rows[start : start + together]
            prompts = [prompt(_told(row.question, self.form), row.attributes) for row in part]
            places = [f"{part[0].question}\nseed"]
            drawn = draws.uniforms(seed, [row.person for row in part], places)[:, 0]
            seeds = [int(u * 2**31) for u in drawn]
            found = self.model.write(prompts, self.most, seeds, form=self.form)
            lost = {m.person: m for m in found.missing}
            yield [
                Reply(start + i, lost[i].outcome, "", lost[i].text)
                if text is None
                else Reply(start + i, "answered", self._answer(text), text)
                for i, text in enumerate(found.texts)
            ]

    def _answer(self, text: str) -> str:
        value = text if self.form is None else forms.replied(self.form, text)
        return value if isinstance(value, str) else forms.shown(value) if value is not None else ""


def untuned(source: str, machine: Machine, form: Form | None) -> Writer:
    """The language model that a name, a folder, or a file with a server's address means.

    Raises:
        DocumentError: the file does not describe a server, or one that is not there.
        MirrorpanelError: the model is not there.
    """
    most = FREE_TOKENS if form is None else forms.tokens(form)
    if source.endswith((".yaml", ".yml")):
        endpoint = document.read(Path(source), Endpoint)
        with places.named(Path(source), "url"):
            return ServedWriter(ServedModel.connect(endpoint), most, form)
    return LocalWriter(lineup.language(source, machine), most, form, trained=False)


def voice(language: "LanguageModel", most: int, form: Form | None) -> Writer:
    """A language model that was trained on open answers of up to so many tokens."""
    return LocalWriter(language, most if form is None else forms.tokens(form), form, trained=True)


def _told(question: str, form: Form | None) -> str:
    return question if form is None else f"{question} ({forms.hint(form)})"
