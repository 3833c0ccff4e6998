"""Served models on a server that misbehaves: no answer that came is lost, and no key is seen."""

import json
import logging
import math
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import numpy as np
import pytest
from model_server import Asked, Fault, Json, Serving, Words, serving

from personas.errors import MirrorpanelError
from personas.models.asked import Asked as Answers
from personas.models.asked import Outcome
from personas.models.served import outcomes, pace
from personas.models.served.endpoint import Endpoint
from personas.models.served.model import ServedModel
from personas.panel import Panel
from personas.prompt import option_text
from personas.question import Question

Questions = tuple[Question, ...]
KEY = "sk-Very-Secret-0123456789"
HTML = "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
Spoiler = Callable[[Asked, Json], "Fault | Json | None"]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "FIRST_WAIT", 0.002)


def words(questions: Questions) -> Words:
    return Words(*(option_text(o) for q in questions for o in q.options), " a cat two")


def connect(server: Serving, **settings: Any) -> ServedModel:
    found = Endpoint(url=server.url, model="tiny", **{"attempts": 4, **settings})
    return ServedModel.connect(found, np.random.default_rng(0))


def about(request: Asked, *parts: str) -> bool:
    """Whether a request is for scores of a prompt that holds all of these texts."""
    prompt = request.body.get("prompt", "")
    text = prompt[0] if isinstance(prompt, list) else prompt
    return request.body.get("echo", False) and all(part in text for part in parts)


def first_times(n: int, fault: Fault, *parts: str) -> Spoiler:
    """The fault for the first ``n`` times that each prompt is asked."""
    seen: Counter[str] = Counter()

    def spoil(request: Asked, _reply: Json) -> Fault | None:
        key = json.dumps(request.body.get("prompt"))
        if not about(request, "This is what is known", *parts) or seen[key] >= n:
            return None
        seen[key] += 1
        return fault

    return spoil


def always(fault: Fault, *parts: str) -> Spoiler:
    return first_times(10**9, fault, *parts)


def everywhere(fault: Fault) -> Spoiler:
    return lambda request, _reply: fault if request.body.get("echo") else None


TRANSIENT = {
    "429 with seconds to wait": Fault(429, '{"error": {"message": "slow down"}}', {"Retry-After": "0.05"}),
    "429 with a date in the past": Fault(429, "{}", {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}),
    "429 without a wait": Fault(429, "{}"),
    "500": Fault(500, '{"error": {"message": "oops"}}'),
    "503 in HTML": Fault(503, HTML),
    "a connection cut at once": Fault(cut=0),
    "a connection cut in the middle": Fault(body='{"choices": [' + " " * 500, cut=100),
    "half a JSON": Fault(body='{"model": "tiny", "choices": [{"text": "The'),
    "HTML instead of JSON": Fault(body=HTML, headers={"Content-Type": "text/html"}),
    "an empty body": Fault(body=""),
    "brackets without end": Fault(body="[" * 100_000),
}


@pytest.mark.parametrize("name", TRANSIENT)
def test_every_answer_comes_after_a_passing_fault(
    name: str, small_panel: Panel, few_questions: Questions
) -> None:
    speaker = words(few_questions)
    with serving(speaker) as server, connect(server) as model:
        wanted = model.distributions(small_panel, few_questions)
        server.spoil = first_times(2, TRANSIENT[name])
        server.asked.clear()
        found = model.ask(small_panel, few_questions)
        # Nine prompts say something of a person and come at the third attempt; three are of an empty persona.
        assert len(server.asked) == 9 * 3 + 3
    assert found.missing == ()
    for one, other in zip(found.distributions, wanted, strict=True):
        assert np.array_equal(one, other)


def check_only_one_is_missing(found: Answers, outcome: Outcome) -> str:
    """Asserts that one of the answers is missing, of person 1 to question 2; what is said of it."""
    assert [(m.person, m.question, m.outcome) for m in found.missing] == [(1, 2, outcome)]
    for q, rows in enumerate(found.distributions):
        gone = np.isnan(rows).all(axis=1)
        assert np.array_equal(np.flatnonzero(gone), [1] if q == 2 else [])
        np.testing.assert_allclose(rows[~gone].sum(axis=1), 1.0)
    return found.missing[0].text


@pytest.mark.parametrize("name", TRANSIENT)
def test_a_lasting_fault_of_one_answer_costs_no_other(
    name: str, small_panel: Panel, few_questions: Questions
) -> None:
    speaker = words(few_questions)
    with serving(speaker) as server, connect(server) as model:
        server.spoil = always(TRANSIENT[name], "65 and over", "truthfully so")
        said = check_only_one_is_missing(model.ask(small_panel, few_questions), "failed")
        assert "(4 attempts)" in said
        server.spoil = lambda _request, _reply: None
        assert model.ask(small_panel, few_questions).missing == ()  # asked again, it comes


def numbers(change: Callable[[list[Any]], list[Any]]) -> Spoiler:
    def spoil(request: Asked, reply: Json) -> Json | None:
        if not about(request, "65 and over", "truthfully so"):
            return None
        for choice in reply["choices"]:
            choice["logprobs"]["token_logprobs"] = change(choice["logprobs"]["token_logprobs"])
        return reply

    return spoil


def reply_without(*keys: str) -> Spoiler:
    def spoil(request: Asked, reply: Json) -> Json | None:
        if not about(request, "65 and over", "truthfully so"):
            return None
        holder = reply if keys[0] in reply else reply["choices"][0]
        for key in keys:
            holder.pop(key)
        return reply

    return spoil


def choices(change: Callable[[list[Json]], list[Json]]) -> Spoiler:
    def spoil(request: Asked, reply: Json) -> Json | None:
        found = about(request, "65 and over", "truthfully so")
        return {**reply, "choices": change(reply["choices"])} if found else None

    return spoil


WRONG = {
    "numbers that are NaN": (numbers(lambda n: [math.nan] * len(n)), "none"),
    "infinite numbers": (numbers(lambda n: [-math.inf] * len(n)), "none"),
    "numbers above zero": (numbers(lambda n: [0.5] * len(n)), "0.5"),
    "no numbers": (numbers(lambda n: [None] * len(n)), "no log-probability"),
    "too few numbers": (numbers(lambda n: n[:-1]), "tokens and"),
    "numbers in words": (numbers(lambda n: ["likely"] * len(n)), "unexpected reply"),
    "probabilities of zero": (numbers(lambda n: [-9999.0] * len(n)), "every option the probability zero"),
    "no log-probabilities at all": (reply_without("logprobs"), "no log-probabilities"),
    "no choices": (reply_without("choices"), "choices: Field required"),
    "no usage": (reply_without("usage"), "usage"),
    "a choice too few": (choices(lambda c: c[1:]), "3 texts for 4 prompts"),
    "one choice twice": (choices(lambda c: [c[0], *c[:-1]]), "4 texts for 4 prompts"),
    "choices in a wrong order": (
        choices(lambda c: [{**one, "index": 3 - one["index"]} for one in c]),
        "does not repeat the prompt",
    ),
    "another prompt": (choices(lambda c: [{**one, "text": "Hello"} for one in c]), "does not repeat"),
    "a list instead of an object": (
        lambda r, _: Fault(body="[]") if about(r, "65 and", "ly so") else None,
        "",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_reply_is_never_a_score(name: str, small_panel: Panel, few_questions: Questions) -> None:
    spoil, said = WRONG[name]
    with serving(words(few_questions)) as server, connect(server) as model:
        server.spoil = spoil
        text = check_only_one_is_missing(model.ask(small_panel, few_questions), "unparsable")
        assert said in text
        asked = [request for request in server.asked if about(request, "65 and over", "truthfully so")]
        assert len(asked) == 1  # asking again would bring the same


@pytest.mark.parametrize(
    ("status", "message", "outcome"),
    [
        # As vLLM, SGLang, llama.cpp's server and TGI say it: asking again would bring the same.
        (400, "This model's maximum context length is 512 tokens.", "refused"),
        (400, "The input (600 tokens) is longer than the model's context length (512 tokens).", "refused"),
        (400, "request (600 tokens) exceeds the available context size (512 tokens)", "refused"),
        (422, "Input validation error: `inputs` must have less than 512 tokens. Given: 600", "refused"),
        (400, "unknown parameter", "failed"),
    ],
)
def test_a_refused_request_is_not_sent_again(
    status: int, message: str, outcome: Outcome, small_panel: Panel, few_questions: Questions
) -> None:
    with serving(words(few_questions)) as server, connect(server) as model:
        fault = Fault(status, json.dumps({"error": {"message": message}}))
        server.spoil = always(fault, "65 and over", "truthfully so")
        text = check_only_one_is_missing(model.ask(small_panel, few_questions), outcome)
        assert f"status {status}" in text
        assert message in text
        assert sum(about(request, "65 and over", "truthfully so") for request in server.asked) == 1


def test_an_option_that_the_tokenizer_joins_to_the_question_is_no_answer(small_panel: Panel) -> None:
    question = Question(name="q", text="Is it so?", options=("yes", "no"))

    def joined(request: Asked, reply: Json) -> Json | None:
        """':' and ' no' become one token, as some tokenizers do with signs."""
        if not about(request, "Is it so?"):
            return None
        for choice in reply["choices"]:
            tokens, found = choice["logprobs"]["tokens"], choice["logprobs"]["token_logprobs"]
            if tokens[-3:-1] == [":", " no"]:
                tokens[-3:-1] = [": no"]
                del found[-2]
                reply["usage"]["prompt_tokens"] -= 1
        return reply

    with serving(words((question,)), spoil=joined) as server, connect(server) as model:
        found = model.ask(small_panel, [question])
    assert {m.outcome for m in found.missing} == {"unparsable"}
    assert len(found.missing) == len(small_panel)
    assert "does not begin the option ' no' afresh" in found.missing[0].text


def test_a_storm_of_faults_loses_doubles_and_changes_nothing(
    small_panel: Panel, few_questions: Questions
) -> None:
    rng, lock = np.random.default_rng(8), threading.Lock()
    faults = [fault for name, fault in TRANSIENT.items() if name != "429 with seconds to wait"]

    def storm(_request: Asked, _reply: Json) -> Fault | None:
        with lock:
            return faults[int(rng.integers(len(faults)))] if rng.random() < 0.5 else None

    with serving(words(few_questions)) as server, connect(server, attempts=30) as model:
        wanted = model.distributions(small_panel, few_questions)
        server.spoil = storm
        server.asked.clear()
        found = model.distributions(small_panel, few_questions)
        assert len(server.asked) > 12
    for one, other in zip(found, wanted, strict=True):
        assert np.array_equal(one, other)


# --- time ---------------------------------------------------------------------------------------------------


def test_a_slow_reply_is_given_up(small_panel: Panel, few_questions: Questions) -> None:
    with serving(words(few_questions)) as server, connect(server, timeout=0.5, attempts=1) as model:
        model.distributions(small_panel, few_questions)
        server.spoil = always(Fault(wait=1.5), "65 and over", "truthfully so")
        start = time.monotonic()
        text = check_only_one_is_missing(model.ask(small_panel, few_questions), "failed")
        assert time.monotonic() - start < 1.4
    assert "no reply within 0.5 s" in text


def test_a_reply_that_trickles_is_given_up_as_well(few_questions: Questions) -> None:
    """Each byte comes in time, the whole never does."""
    listener = socket.create_server(("127.0.0.1", 0))

    def trickle() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            try:
                for _ in range(100):
                    connection.sendall(b" ")
                    time.sleep(0.02)
            except OSError:
                pass

    thread = threading.Thread(target=trickle)
    thread.start()
    start = time.monotonic()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    with pytest.raises(MirrorpanelError, match=r"the reply took longer than 0\.2 s"):
        ServedModel.connect(Endpoint(url=url, model="tiny", timeout=0.2, attempts=1))
    assert time.monotonic() - start < 1.5
    thread.join()
    listener.close()


def test_a_server_that_asks_for_a_pause_gets_it_from_everybody(
    small_panel: Panel, few_questions: Questions
) -> None:
    times: list[float] = []

    def once(request: Asked, _reply: Json) -> Fault | None:
        times.append(time.monotonic())
        return Fault(429, "{}", {"Retry-After": "0.4"}) if len(times) == 1 else None

    with serving(words(few_questions)) as server, connect(server, concurrency=1) as model:
        model.distributions(small_panel, few_questions)
        server.spoil = once
        assert model.ask(small_panel, few_questions).missing == ()
    assert times[1] - times[0] >= 0.4


def test_ctrl_c_ends_every_wait(few_questions: Questions) -> None:
    def stop() -> str:
        raise KeyboardInterrupt

    with serving(words(few_questions)) as server, connect(server) as model:
        model._client.pace.pause(60)
        start = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            outcomes.together(
                model._client, [stop, lambda: model._write("Why?", {"seed": 1, "temperature": 1})]
            )
        assert time.monotonic() - start < 5
        assert "/v1/chat/completions" not in server.paths()


def test_nobody_waits_for_hours(small_panel: Panel, few_questions: Questions) -> None:
    tomorrow = format_datetime(datetime.now(UTC) + timedelta(days=1), usegmt=True)
    daily = Fault(429, '{"error": {"message": "daily limit reached"}}', {"Retry-After": tomorrow})
    with serving(words(few_questions)) as server, connect(server) as model:
        server.spoil = always(daily, "65 and over", "truthfully so")
        text = check_only_one_is_missing(model.ask(small_panel, few_questions), "failed")
    assert "daily limit reached" in text


def test_a_server_that_goes_down_is_given_up_and_asked_anew_the_next_time(
    small_panel: Panel, few_questions: Questions
) -> None:
    with serving(words(few_questions)) as server, connect(server, concurrency=2, attempts=2) as model:
        model.distributions(small_panel, few_questions)
        server.spoil = everywhere(Fault(503, HTML))
        server.asked.clear()
        found = model.ask(small_panel, few_questions)
        assert len(found.missing) == len(small_panel) * len(few_questions)
        assert {m.outcome for m in found.missing} == {"failed"}
        assert len(server.asked) <= 2 * 4  # three in a row, and what was under way
        assert "not asked" in found.missing[-1].text
        server.spoil = lambda _request, _reply: None
        assert model.ask(small_panel, few_questions).missing == ()


def test_nobody_answering_is_said_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(MirrorpanelError, match=r"127\.0\.0\.1:\d+: the connection failed"):
        ServedModel.connect(Endpoint(url=f"http://127.0.0.1:{port}/v1", model="tiny"))


@pytest.mark.parametrize("said", ["somebody-else", "tiny-mini", "TINY"])
def test_a_server_whose_model_changes_is_not_believed(
    said: str, small_panel: Panel, few_questions: Questions
) -> None:
    def other(request: Asked, reply: Json) -> Json | None:
        return {**reply, "model": said} if about(request, "65 and over", "truthfully so") else None

    with serving(words(few_questions)) as server, connect(server, concurrency=1) as model:
        model.distributions(small_panel, few_questions)
        server.spoil = other
        found = model.ask(small_panel, few_questions)
    assert f"answered as model {said!r}, asked was 'tiny'" in found.missing[0].text
    assert all(m.outcome == "failed" for m in found.missing)


def test_a_date_behind_the_models_name_is_no_other_model(
    small_panel: Panel, few_questions: Questions
) -> None:
    def dated(_request: Asked, reply: Json) -> Json:
        return {**reply, "model": "tiny-2026-11-20"}

    with serving(words(few_questions), spoil=dated) as server, connect(server) as model:
        assert model.ask(small_panel, few_questions).missing == ()


def test_distributions_raises_where_answers_are_missing(small_panel: Panel, few_questions: Questions) -> None:
    with serving(words(few_questions)) as server, connect(server) as model:
        server.spoil = always(Fault(500), "65 and over", "truthfully so")
        with pytest.raises(
            MirrorpanelError, match=r"1 of 15 answers of tiny at .* person p2 on question 'survey'"
        ):
            model.distributions(small_panel, few_questions)


def test_texts_that_came_are_kept_where_another_failed(few_questions: Questions) -> None:
    def spoil(request: Asked, _reply: Json) -> Fault | None:
        return Fault(500) if request.body.get("messages", [{}])[0].get("content") == "How?" else None

    with serving(words(few_questions), spoil=spoil) as server, connect(server) as model:
        found = model.write(["Why?", "How?", "When?"], 5, None)
    assert [text is None for text in found.texts] == [False, True, False]
    assert [(m.person, m.outcome) for m in found.missing] == [(1, "failed")]


# --- keys ---------------------------------------------------------------------------------------------------


def test_the_key_reaches_the_server_and_nothing_else(
    small_panel: Panel,
    few_questions: Questions,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Also where a server repeats it in an error."""
    monkeypatch.setenv("MODEL_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    seen: list[str] = []
    with serving(words(few_questions)) as server, connect(server, key_env="MODEL_KEY") as model:
        assert model.ask(small_panel, few_questions).missing == ()
        assert {request.key for request in server.asked} == {f"Bearer {KEY}"}
        for fault in (
            Fault(401, json.dumps({"error": {"message": f"Incorrect API key provided: {KEY}."}})),
            Fault(500, f"<html>{KEY}</html>"),
            Fault(400, json.dumps({"detail": [{"header": KEY}]})),
            Fault(body=f'{{"key": "{KEY}"'),
            Fault(body=f'{{"key": "{KEY}"}}'),
            Fault(status=307, headers={"Location": "/elsewhere"}, body=KEY),
        ):
            server.spoil = everywhere(fault)
            found = model.ask(small_panel, few_questions)
            assert len(found.missing) == 15
            seen += [m.text for m in found.missing]
        seen += [repr(model), repr(model.endpoint), str(model.endpoint.model_dump()), repr(model._client)]
        seen += [model.name, model.fingerprint, repr(vars(model._client)["_http"])]
        with pytest.raises(MirrorpanelError) as refused:
            model.distributions(small_panel, few_questions)
        seen.append(f"{refused.value}{refused.value!r}")
    assert "***" in "".join(seen)
    seen += [caplog.text, *capsys.readouterr()]
    assert KEY not in "".join(seen)
    assert "MODEL_KEY" not in repr(model.endpoint)


def test_a_refused_key_ends_the_asking_at_once(small_panel: Panel, few_questions: Questions) -> None:
    with serving(words(few_questions)) as server, connect(server, concurrency=1) as model:
        model.distributions(small_panel, few_questions)
        server.spoil = everywhere(Fault(401, "{}"))
        server.asked.clear()
        found = model.ask(small_panel, few_questions)
        assert len(server.asked) == 1
    assert "name its variable under key_env" in found.missing[0].text


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"key_env": "NO_SUCH_KEY"}, "the environment has no variable NO_SUCH_KEY"),
        ({"key_env": KEY}, "the key itself must stand in no file"),
        ({"url": f"http://user:{KEY}@127.0.0.1/v1"}, "no user, password or parameters"),
        ({"url": f"http://127.0.0.1/v1?key={KEY}"}, "no user, password or parameters"),
        ({"url": "localhost:8000"}, "write one like http://localhost:8000/v1"),
        ({"url": "http://localhost:port/v1"}, "write one like http://localhost:8000/v1"),
    ],
)
def test_settings_that_cannot_work_or_would_show_a_key_are_refused(
    settings: dict[str, str], problem: str
) -> None:
    found = Endpoint(**{"url": "http://127.0.0.1:9/v1", "model": "tiny", **settings})
    with pytest.raises(MirrorpanelError, match=problem) as refused:
        ServedModel.connect(found)
    assert KEY not in str(refused.value)
