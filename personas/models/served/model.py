"""The served model: the joint model's prompts and scores, with the language model behind a server."""

import hashlib
import re
import threading
import weakref
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from personas.arrays import FloatArray
from personas.errors import DataError, MirrorpanelError, ServerError
from personas.models.asked import Asked
from personas.models.served.client import UNKNOWN, Client, NoReply, Unusable
from personas.models.served.endpoint import Endpoint
from personas.models.served.outcomes import Lost, Texts, asked, together
from personas.models.served.replies import Models
from personas.models.served.scoring import Scoring, Spelling
from personas.models.served.ways import choose
from personas.models.served.writing import Writing
from personas.models.written.forms import Form
from personas.panel import Panel
from personas.prompt import PROMPT_VERSION, option_text, person_text, question_text
from personas.question import Question

# Tokens that steer a model, by what they look like. A server reads them as such wherever they stand.
_CONTROL = re.compile(r"<[^<>\s]*[_|][^<>\s]*>|</?(?:s|bos|eos|pad|unk)>|\[/?(?:INST|SYS)\]")


class ServedModel:
    """Scores each option by the log-probability of its own text, as ``JointModel`` does, on a server.

    Person, question and option go to the server as one text, so that its tokenizer sees them together;
    where it joins signs across their borders (two line breaks) the figures differ slightly from a local
    model's. Persons with the same attributes are asked once.

    Args:
        client: of the server.
        served: what the server says that it serves under the model's name.
    """

    def __init__(self, client: Client, served: str) -> None:
        self._client, self._served = client, served
        weakref.finalize(self, client.close)  # where nobody closed it
        self._lock = threading.Lock()
        self._way: tuple[str, Scoring] | None = None
        self._spellings: dict[str, Spelling] = {}
        self._writing = Writing(client)

    @staticmethod
    def connect(endpoint: Endpoint, rng: np.random.Generator | None = None) -> "ServedModel":
        """The model behind an endpoint.

        Raises:
            ServerError: a wrong address, a key that is missing or refused, nobody who answers, or no
                such model there; the message lists those that there are.
        """
        client = Client(endpoint, rng)
        try:
            return ServedModel(client, _served(client))
        except BaseException:
            client.close()
            raise

    def __enter__(self) -> "ServedModel":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections to the server."""
        self._client.close()

    @property
    def endpoint(self) -> Endpoint:
        """Where the model answers."""
        return self._client.endpoint

    @property
    def name(self) -> str:
        """What people call the model."""
        return f"{self.endpoint.model} at {self.endpoint.host} (joint, zero-shot)"

    @property
    def fingerprint(self) -> str:
        """Hash of the model's name, of what the server says it is, and of the prompts.

        Servers show no hash of their weights: other weights under the same name go unnoticed.
        """
        mode = "chat" if self.endpoint.chat else "text"
        parts = f"served\n{PROMPT_VERSION}\n{self.endpoint.model}\n{self._served}\n{mode}"
        return hashlib.sha256(parts.encode()).hexdigest()[:16]

    @property
    def way(self) -> str:
        """How options are scored on this server, found out by asking it. Raises: ServerError."""
        return self._chosen()[0]

    def distributions(self, panel: Panel, questions: Sequence[Question]) -> list[FloatArray]:
        """See ``AnswerModel``.

        Raises:
            MirrorpanelError: answers are missing; ``ask`` keeps those that came.
        """
        found = self.ask(panel, questions)
        if found.missing:
            first, n = found.missing[0], len(panel) * len(questions)
            raise MirrorpanelError(
                f"{len(found.missing):,} of {n:,} answers of {self.name} did not come; the first, person "
                f"{panel.ids[first.person]} on question {questions[first.question].name!r}, "
                f"{first.outcome}: {first.text}"
            )
        return found.distributions

    def ask(self, panel: Panel, questions: Sequence[Question]) -> Asked:
        """The answers that came, and what came instead of the others.

        Raises:
            ServerError: the server cannot score given texts at all, or does not answer even that.
            DataError: a text that a server would take for a control token.
        """
        persons = [person_text(panel.person(i).attributes) for i in range(len(panel))]
        _refuse_control("an attribute of a person", persons)
        for question in questions:
            _refuse_control(f"question {question.name!r}", [question.text, *question.options])
        if not persons or not questions:
            return Asked([np.zeros((len(persons), len(q.options))) for q in questions])
        self._client.reopen()
        scoring = self._chosen()[1]
        spelt = together(self._client, [lambda q=q: self._spell(scoring, q) for q in questions])
        different = list(dict.fromkeys(persons))
        cells = [(text, q) for text in different for q in range(len(questions))]
        found = together(
            self._client, [lambda t=t, q=q: _scores(scoring, t, questions[q], spelt[q]) for t, q in cells]
        )
        came = asked(persons, questions, dict(zip(cells, found, strict=True)))
        return replace(came, given_up=self._client.given_up)

    def write(
        self,
        prompts: Sequence[str],
        most: int,
        seeds: Sequence[int] | None,
        temperature: float = 1.0,
        form: Form | None = None,
    ) -> Texts:
        """What the model writes for each prompt up to the end of the line; see ``sampling.continuations``.

        Each prompt has a seed of its own, which the server may honour or not.

        Args:
            prompts: as a message each, or texts to continue where the endpoint is not asked as a chat.
            most: tokens written at most.
            seeds: one for each prompt; ``None`` takes the most likely token each time.
            temperature: below 1 makes the likely likelier.
            form: of every answer; what is not in it is *unparsable*.

        Raises:
            ValueError: a temperature of 0 or less, or fewer tokens than 1.
            DataError: a text that a server would take for a control token.
        """
        if temperature <= 0 or most < 1:
            raise ValueError(f"temperature must be above 0 and most at least 1, got {temperature} and {most}")
        _refuse_control("a prompt", prompts)
        self._client.reopen()
        body: dict[str, object] = {
            "model": self.endpoint.model,
            "max_tokens": most,
            "temperature": 0.0 if seeds is None else temperature,
            "top_p": 1.0,
        }
        bodies = [{**body, "seed": 0 if seeds is None else seeds[i]} for i in range(len(prompts))]
        return self._writing.write(prompts, bodies, form)

    def _chosen(self) -> tuple[str, Scoring]:
        with self._lock:
            if self._way is None:
                self._way = choose(self._client)
            return self._way

    def _spell(self, scoring: Scoring, question: Question) -> Spelling:
        """How the server's tokenizer writes a question's options; asked once."""
        if question.fingerprint not in self._spellings:
            before = person_text({}) + question_text(question)
            found = scoring.spell(before, [option_text(option) for option in question.options])
            self._spellings[question.fingerprint] = found
        return self._spellings[question.fingerprint]


def _served(client: Client) -> str:
    """What the server lists under the model's name; empty where it lists nothing at all.

    Raises:
        ServerError: no such model, or no reply.
    """
    try:
        listed = client.get("/models", Models).data
    except Unusable:
        return ""
    except NoReply as error:
        if error.status in UNKNOWN:
            return ""
        raise
    wanted = client.endpoint.model
    for model in listed:
        if model.id == wanted:
            return model.root or model.id
    names = ", ".join(repr(model.id) for model in listed) or "none"
    raise ServerError(f"{client.endpoint.host} serves no model {wanted!r}; it lists {names}")


def _refuse_control(where: str, texts: Sequence[str]) -> None:
    for text in texts:
        found = _CONTROL.search(text)
        if found is not None:
            raise DataError(
                f"{where} holds {found[0]!r}, which a server takes for a control token and not for letters; "
                "write it in another way, or use a local model, which reads it as letters"
            )


def _scores(
    scoring: Scoring, person: str, question: Question, spelling: Spelling | Lost
) -> FloatArray | Lost:
    if isinstance(spelling, Lost):
        return spelling
    scores = scoring.scores(person + question_text(question), spelling)
    weights = np.exp(scores - scores.max())
    return weights / weights.sum()
