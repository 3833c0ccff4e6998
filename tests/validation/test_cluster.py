import contextlib
import os
import pickle
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from dataclasses import field as made
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import related_model

from personas.draws import name_key
from personas.errors import DataError
from personas.models.drawing import Jointly
from personas.models.joint import JointModel
from personas.models.scripted import ScriptedModel
from personas.panel import Panel, from_columns
from personas.person import Person
from personas.question import Question
from validation.cluster import Cluster, ClusterError, connection, crew
from validation.cluster.worker import encode, packed
from validation.field import AnswerBatch, Fielded, Fielding, answer, field

needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed (mirrorpanel[cluster])")
QUESTIONS = (
    Question(name="roads", text="Roads?", options=("too little", "about right", "too much")),
    Question(name="parks", text="Parks?", options=("yes", "no")),
)


def script(person: Person, question: Question) -> np.ndarray:
    """A distribution that depends on the person's attributes and on the question alone; takes its time."""
    time.sleep(0.0005)
    key = name_key(f"{sorted(person.attributes.items())} {question.text}")
    return np.random.default_rng(key).dirichlet(np.ones(len(question.options)))


def fatal(person: Person, question: Question) -> np.ndarray:
    """Kills whoever asks the eleventh person."""
    if person.id == "p0010":
        os.kill(os.getpid(), signal.SIGKILL)
    return script(person, question)


def wrong(person: Person, question: Question) -> np.ndarray:
    raise DataError(f"nothing is known of {person.id}")


@dataclass(frozen=True)
class Elsewhere(ScriptedModel):
    """A model that is another one in another process."""

    @property
    def fingerprint(self) -> str:
        return str(os.getpid())

    @fingerprint.setter
    def fingerprint(self, value: str) -> None: ...


def panel(n: int) -> Panel:
    ages = [f"{20 + i % 7}" if i % 5 else None for i in range(n)]
    return from_columns([f"p{i:04}" for i in range(n)], {"age": ages}, np.ones(n))


@dataclass
class Kept:
    """Keeps what it is given, counts what it is given twice; calls ``then`` after its third batch."""

    then: Callable[[], None] = lambda: None
    answers: dict[tuple[str, str], tuple[int, bytes]] = made(default_factory=dict)
    batches: int = 0
    doubled: int = 0

    def done(self) -> set[str]:
        return {person for person, _ in self.answers}

    def failed(self) -> list[tuple[str, str]]:
        return []

    def mend(self, batch: AnswerBatch) -> None:
        raise AssertionError("nothing failed")

    def write(self, batch: AnswerBatch) -> None:
        for i, person in enumerate(batch.persons):
            for j, question in enumerate(batch.questions):
                self.doubled += (person, question.name) in self.answers
                drawn = int(batch.drawn[i, j]), batch.distributions[j][i].tobytes()
                self.answers[person, question.name] = drawn
        self.batches += 1
        if self.batches == 3:
            self.then()


def asked(model, people: Panel, questions, how: Fielding, sink: Kept) -> Fielded:
    return field(model, people, questions, sink, how, lambda n: None)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Two workers, each a process that finds these tests, on a Ray of the tests' own."""
    folders = Path(__file__).parents[:2]
    paths = [*map(str, folders), *filter(None, [os.environ.get("PYTHONPATH")])]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(paths))
        with Cluster("local") as made_here:
            yield made_here


# --- on a real cluster of two processes ---------------------------------------------------------------------


@needs_ray
def test_a_cluster_draws_and_expects_bit_for_bit_what_one_process_does(cluster: Cluster) -> None:
    model, people, on_end = ScriptedModel(script), panel(300), signal.getsignal(signal.SIGTERM)
    alone, together = Kept(), Kept()
    asked(model, people, QUESTIONS, Fielding(1, 10), alone)
    found = asked(model, people, QUESTIONS, Fielding(1, 10, answerer=cluster), together)
    assert (found.answers, found.stopped, together.doubled, together.batches) == (600, False, 0, 30)
    assert together.answers == alone.answers
    assert signal.getsignal(signal.SIGTERM) is on_end  # Ray puts its own in its place
    assert len({place.pid for place in cluster.places} - {os.getpid()}) == len(cluster.places) > 0


@needs_ray
def test_joint_draws_of_a_factored_model_are_those_of_one_process_though_it_has_no_encoder_there(
    cluster: Cluster,
) -> None:
    new = Question(name="new", text="Nobody was asked about the parks of this town", options=("yes", "no"))
    model, people = related_model.model(), related_model.panel(200)
    questions = (*related_model.ASKED, new)
    alone, together = Kept(), Kept()
    asked(model, people, questions, Fielding(1, 20, Jointly(model)), alone)
    fresh = replace(model)
    asked(fresh, people, questions, Fielding(1, 20, Jointly(fresh), answerer=cluster), together)
    assert together.doubled == 0
    assert {k: option for k, (option, _) in together.answers.items()} == {
        k: option for k, (option, _) in alone.answers.items()
    }
    assert together.answers == alone.answers


@needs_ray
def test_a_worker_that_is_killed_is_replaced_and_no_answer_is_lost_or_doubled(cluster: Cluster) -> None:
    model, people, before = ScriptedModel(script), panel(400), cluster.replaced
    killed = list[int]()

    def kill() -> None:
        killed.append(cluster.places[0].pid)
        os.kill(killed[0], signal.SIGKILL)

    alone, together = Kept(), Kept(kill)
    asked(model, people, QUESTIONS, Fielding(2, 10), alone)
    found = asked(model, people, QUESTIONS, Fielding(2, 10, answerer=cluster), together)
    assert cluster.replaced == before + 1
    assert killed[0] not in [place.pid for place in cluster.places]
    assert (found.answers, together.doubled) == (800, 0)
    assert together.answers == alone.answers


@needs_ray
def test_what_workers_have_in_hand_is_kept_when_a_run_is_stopped_and_the_rest_is_asked_later(
    cluster: Cluster,
) -> None:
    model, people, stopped = ScriptedModel(script), panel(300), list[bool]()
    together = Kept(lambda: stopped.append(True))
    how = Fielding(3, 10, stop=lambda: bool(stopped), answerer=cluster)
    found = asked(model, people, QUESTIONS, how, together)
    assert found.stopped
    assert 3 <= together.batches <= 3 + 2 * connection.LOCAL_WORKERS
    assert found.answers == 20 * together.batches == len(together.answers)
    stopped.clear()
    together.then = lambda: None
    assert not asked(model, people, QUESTIONS, how, together).stopped
    assert (len(together.answers), together.doubled) == (600, 0)


@needs_ray
def test_an_error_of_the_model_in_a_worker_is_that_error_here(cluster: Cluster) -> None:
    with pytest.raises(DataError, match="nothing is known of p000"):
        asked(ScriptedModel(wrong), panel(20), QUESTIONS, Fielding(1, 10, answerer=cluster), Kept())
    sink = Kept()
    asked(ScriptedModel(script), panel(20), QUESTIONS, Fielding(1, 10, answerer=cluster), sink)
    assert (len(sink.answers), sink.doubled) == (40, 0)


@needs_ray
def test_a_worker_with_another_model_is_refused(cluster: Cluster) -> None:
    with pytest.raises(ClusterError, match="put the same weights and the same version of mirrorpanel on"):
        asked(Elsewhere(script), panel(20), QUESTIONS, Fielding(1, 10, answerer=cluster), Kept())


@needs_ray
def test_a_batch_that_kills_its_workers_is_given_up_and_what_was_written_is_kept(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "_DEATHS", 1)
    sink = Kept()
    with pytest.raises(ClusterError, match=r"2 workers died .* make the study's batch smaller"):
        asked(ScriptedModel(fatal), panel(100), QUESTIONS, Fielding(1, 10, answerer=cluster), sink)
    assert sink.doubled == 0
    assert ("p0010", "roads") not in sink.answers
    asked(ScriptedModel(script), panel(100), QUESTIONS, Fielding(1, 10, answerer=cluster), sink)
    assert (len(sink.answers), sink.doubled) == (200, 0)


# --- what travels -------------------------------------------------------------------------------------------


def test_a_factored_model_takes_along_what_was_encoded_and_leaves_its_encoder_behind() -> None:
    new = Question(name="new", text="Nobody was asked about the parks of this town", options=("yes", "no"))
    model, people = related_model.model(), related_model.panel(30)
    how = Fielding(1, 10, Jointly(model))
    encode(model, people, (*related_model.ASKED, new), how)
    sent, drawing = pickle.loads(pickle.dumps((model, how.drawing)))
    assert sent.fingerprint == model.fingerprint
    assert drawing.model is sent
    questions = (*related_model.ASKED, new)
    here, there = (answer(m, people, questions, 1, Jointly(m)) for m in (model, sent))
    np.testing.assert_array_equal(here.drawn, there.drawn)
    for ours, theirs in zip(here.distributions, there.distributions, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    other = Question(name="other", text="And what of the museums", options=("yes", "no"))
    with pytest.raises(DataError, match="answers only what was encoded before"):
        sent.distributions(people, (other,))


def test_a_language_model_is_loaded_again_where_it_is_sent(tiny_language, small_panel, few_questions) -> None:
    model = JointModel(tiny_language)
    content = pickle.dumps(model)
    assert len(content) < 1000
    sent = pickle.loads(content)
    assert sent.fingerprint == model.fingerprint
    assert sent.language.processor.dtype == tiny_language.processor.dtype
    for ours, theirs in zip(
        model.distributions(small_panel, few_questions),
        sent.distributions(small_panel, few_questions),
        strict=True,
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_persons_are_sent_without_the_texts_of_others() -> None:
    texts = [f"what person {i} wrote" if i % 3 else None for i in range(50)]
    people = from_columns([f"p{i}" for i in range(50)], {"text": texts, "age": ["30"] * 50}, np.ones(50))
    some = people.take(np.array([7, 3, 0, 8]))
    small = packed(some)
    assert len(small.levels[0]) == 2
    assert [small.person(i) for i in range(4)] == [some.person(i) for i in range(4)]


# --- what is refused ----------------------------------------------------------------------------------------


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ClusterError, match=r"pip install 'mirrorpanel\[cluster\]'"):
        Cluster("local")


@needs_ray
@pytest.mark.parametrize("address", ["", "here", "ray://", "ray://host", "http://host:80", "host:", ":6379"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ClusterError, match=r"choose from 'local', 'auto', 'ray://HOST:PORT' and 'HOST:PORT'"):
        Cluster(address)


@needs_ray
@pytest.mark.parametrize("scheme", ["ray://", ""])
def test_an_address_where_nobody_listens_is_refused_at_once(scheme: str) -> None:
    with contextlib.closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ClusterError, match=rf"{scheme}127.0.0.1:{port} does not answer .*'ray status'"):
        Cluster(f"{scheme}127.0.0.1:{port}")


@needs_ray
def test_nobody_to_ask_starts_no_cluster() -> None:
    with Cluster("auto") as nobody:
        asked(ScriptedModel(script), panel(1).take(np.zeros(0, dtype=np.int64)), QUESTIONS,
              Fielding(1, 10, answerer=nobody), Kept())  # fmt: skip
        assert nobody.places == ()
