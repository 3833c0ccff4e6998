"""What came of each request: an answer, or what came instead. None that fails costs another."""

import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from personas.arrays import FloatArray
from personas.models.asked import Asked, Missing, Outcome
from personas.models.served.client import Client, NoReply, Unusable
from personas.models.served.pace import Stopped
from personas.question import Question

T = TypeVar("T")
# What servers say of a text that is longer than their model reads, and with which status; it stays too long.
_LONG = re.compile(
    r"context[ _](?:length|size|window)|too long|(?:maximum|max_|inputs?`?|prompt)[^.]{0,40}\btokens\b",
    re.IGNORECASE,
)
_LONG_STATUS = (400, 413, 422)
# A model that speaks of itself instead of answering as the person.
_DECLINED = re.compile(
    r"\bas an? (?:ai|artificial intelligence|(?:large )?language model)\b"
    r"|\bi(?:'m| am) an? (?:ai|language model)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Texts:
    """Texts that a model wrote, one for each prompt.

    Attributes:
        texts: ``None`` for those that are missing.
        missing: those prompts (``person`` is the place among them, ``question`` 0).
    """

    texts: list[str | None]
    missing: tuple[Missing, ...] = ()


@dataclass(frozen=True)
class Lost:
    """What came instead of an answer."""

    outcome: Outcome
    text: str


def together(client: Client, tasks: Sequence[Callable[[], T | Lost]]) -> list[T | Lost]:
    """What each task brought, in their order, as many at once as the client's endpoint allows."""
    pool = ThreadPoolExecutor(client.endpoint.concurrency, "served")
    running: list[Future[T | Lost]] = []
    try:
        running += [pool.submit(_kept, task) for task in tasks]
        found = [future.result() for future in running]
    except BaseException:  # as Ctrl-C; requests under way end by themselves, and nobody waits for them
        client.pace.stop()
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()
    return found


def _kept(task: Callable[[], T | Lost]) -> T | Lost:
    """What a task brought, or what came instead."""
    try:
        return task()
    except NoReply as error:
        too_long = error.status in _LONG_STATUS and _LONG.search(str(error))
        return Lost("refused" if too_long else "failed", str(error))
    except Unusable as error:
        return Lost("unparsable", str(error))
    except Stopped:
        return Lost("failed", "stopped before a reply came")


def asked(
    persons: Sequence[str],
    questions: Sequence[Question],
    found: Mapping[tuple[str, int], FloatArray | Lost],
) -> Asked:
    """The answers of every person, from those to each text and question."""
    rows = [np.full((len(persons), len(q.options)), np.nan) for q in questions]
    missing: list[Missing] = []
    for person, text in enumerate(persons):
        for q in range(len(questions)):
            answer = found[text, q]
            if isinstance(answer, Lost):
                missing.append(Missing(person, q, answer.outcome, answer.text))
            else:
                rows[q][person] = answer
    return Asked(rows, tuple(missing))


def line(text: str, ended: str | None) -> str | Lost:
    """A reply's first line, behind what a reasoning model thought before."""
    whole = spoken(text, ended)
    if isinstance(whole, Lost):
        return whole
    first = whole.partition("\n")[0].strip()
    return declined(first, text) or first


def spoken(text: str, ended: str | None) -> str | Lost:
    """A reply behind what a reasoning model thought before, without blanks around it."""
    _, found, behind = text.rpartition("</think>")
    if not found and text.lstrip().startswith("<think>"):
        return Lost("unparsable", f"the thinking did not end: {text}")
    if ended == "content_filter":
        return Lost("refused", text or "content filter")
    return (behind if found else text).strip() or Lost("unparsable", text)


def declined(words: str, whole: str | None = None) -> Lost | None:
    """The loss where a model speaks of itself instead of as the person; ``whole`` is what is recorded."""
    return Lost("refused", whole or words) if _DECLINED.search(words) else None
