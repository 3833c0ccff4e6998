"""Served models on a loopback server in the manners of vLLM, llama.cpp, llama-cpp-python and TGI."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_server import Asked, Fault, Json, Serving, Words, serving

from personas.arrays import FloatArray
from personas.errors import DataError, MirrorpanelError
from personas.models.joint import JointModel
from personas.models.language import LanguageModel
from personas.models.served import forcing, pace
from personas.models.served.endpoint import Endpoint
from personas.models.served.model import ServedModel
from personas.models.written.forms import NumberForm
from personas.panel import Panel, from_columns
from personas.prompt import option_text, person_text, question_text
from personas.question import Question

Questions = tuple[Question, ...]
KINDS = ("vllm", "llama.cpp", "llama-cpp-python", "tgi")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "FIRST_WAIT", 0.002)


def words(questions: Sequence[Question]) -> Words:
    return Words(*(option_text(o) for q in questions for o in q.options), " a cat two")


def connect(server: Serving, **settings: Any) -> ServedModel:
    return ServedModel.connect(Endpoint(url=server.url, model="tiny", **settings), np.random.default_rng(0))


def expected(speaker: Words, panel: Panel, question: Question) -> FloatArray:
    """The shares of a question's options, token by token."""
    rows: list[FloatArray] = []
    for i in range(len(panel)):
        before = person_text(panel.person(i).attributes) + question_text(question)
        n = len(speaker.encode(before))
        scores: list[float] = []
        for option in question.options:
            tokens = speaker.encode(before + option_text(option))
            known = speaker.rows(tokens)
            scores.append(sum(known[at - 1, tokens[at]] for at in range(n, len(tokens))))
        weights = np.exp(np.array(scores) - max(scores))
        rows.append(weights / weights.sum())
    return np.stack(rows)


@pytest.mark.parametrize("kind", KINDS)
def test_options_are_scored_by_their_own_text_on_a_server_like(
    kind: str, small_panel: Panel, few_questions: Questions
) -> None:
    speaker = words(few_questions)
    with serving(speaker, kind) as server, connect(server) as model:
        found = model.distributions(small_panel, few_questions)
    for question, rows in zip(few_questions, found, strict=True):
        np.testing.assert_allclose(rows, expected(speaker, small_panel, question), atol=1e-9)
    assert np.ptp(found[0], axis=0).max() > 0.1  # persons differ
    assert np.array_equal(found[0][0], found[0][3])  # those who are alike do not


class Tiny:
    """The tiny Llama as a server's model."""

    def __init__(self, language: LanguageModel) -> None:
        self._language = language

    def encode(self, text: str) -> list[int]:
        return [*self._language.start, *self._language.tokens(text)]

    def piece(self, token: int) -> str:
        tokenizer: Any = self._language._tokenizer
        return str(tokenizer.decode([token]))

    def rows(self, tokens: Sequence[int]) -> FloatArray:
        import torch

        model: Any = self._language._model
        with torch.inference_mode():
            known: Any = model(input_ids=torch.tensor([list(tokens)])).logits[0].double().log_softmax(-1)
        return np.asarray(known.numpy())


@pytest.mark.parametrize("kind", ["vllm", "llama.cpp"])
def test_a_served_model_answers_as_the_same_model_does_locally(
    kind: str, tiny_language: LanguageModel, small_panel: Panel, few_questions: Questions
) -> None:
    local = JointModel(tiny_language).distributions(small_panel, few_questions)
    with serving(Tiny(tiny_language), kind) as server, connect(server, concurrency=1) as model:
        served = model.distributions(small_panel, few_questions)
    for one, other in zip(local, served, strict=True):
        np.testing.assert_allclose(other, one, atol=1e-3)
    assert np.ptp(served[0]) > 0.05


def test_vllm_takes_all_options_of_a_question_in_one_request(
    small_panel: Panel, few_questions: Questions
) -> None:
    with serving(words(few_questions)) as server, connect(server) as model:
        assert model.way == "completions that repeat several prompts"
        model.distributions(small_panel, few_questions)  # spells the options
        server.asked.clear()
        model.distributions(small_panel, few_questions)
        assert len(server.asked) == 4 * len(few_questions)  # two of the five persons are alike
        assert server.most > 1


def test_llama_cpp_writes_no_option_twice_and_none_that_stood_beside_another(small_panel: Panel) -> None:
    yes_no = Question(name="q", text="Is it so?", options=("yes", "no", "perhaps"))
    panel = small_panel.empty()
    with serving(words([yes_no]), "llama.cpp") as server, connect(server) as model:
        model.distributions(panel, [yes_no])
        server.asked.clear()
        model.distributions(panel, [yes_no])
        assert len(server.asked) <= 2  # a hundred other tokens stand beside the first one written


def test_an_option_that_the_grammar_spells_otherwise_is_written_token_by_token(small_panel: Panel) -> None:
    question = Question(name="q", text="Is it so?", options=("yes indeed", "no"))
    speaker = words([question])

    def letters(request: Asked, reply: Json) -> Json | None:
        if "grammar" not in request.body or "indeed" not in request.body["grammar"]:
            return None
        content = reply["choices"][0]["logprobs"]["content"]
        content[0] |= {"id": speaker.encode("y")[0], "token": "y", "top_logprobs": []}
        return reply

    with serving(speaker, "llama.cpp", letters) as server, connect(server) as model:
        found = model.distributions(small_panel, [question])
        assert any("logit_bias" in request.body for request in server.asked)
    np.testing.assert_allclose(found[0], expected(speaker, small_panel, question), atol=1e-9)


def test_numbers_beside_the_wrong_tokens_are_found_out_and_not_used(
    small_panel: Panel, few_questions: Questions
) -> None:
    """As llama-cpp-python's echo does it for models without a start token."""
    with serving(words(few_questions), "llama-cpp-python") as server, connect(server) as model:
        assert model.way == "llama-cpp-python's grammar"

    def shifted(_request: Asked, reply: Json) -> Json | None:
        for choice in reply.get("choices", []):
            numbers = choice["logprobs"]["token_logprobs"]
            if len(numbers) > 1:
                choice["logprobs"]["token_logprobs"] = [None, *numbers[2:], numbers[-1]]
        return reply

    wrong = r"where the server writes it, and .* where it reads it"
    with (
        serving(words(few_questions), "vllm", shifted) as server,
        connect(server) as model,
        pytest.raises(MirrorpanelError, match=wrong),
    ):
        model.ask(small_panel, few_questions)


def test_a_server_without_log_probabilities_is_refused_with_what_was_tried(
    small_panel: Panel, few_questions: Questions
) -> None:
    with serving(words(few_questions), "chat only") as server, connect(server) as model:
        with pytest.raises(MirrorpanelError, match=r"closed questions cannot be asked of it") as refused:
            model.ask(small_panel, few_questions)
        assert "TGI's prefill: " in str(refused.value)
        assert model.write(["Why?"], 5, None).texts == ["I say 0 at 0.0."]  # open ends still can


def test_a_server_that_repeats_only_one_prompt_at_a_time_is_asked_so(
    small_panel: Panel, few_questions: Questions
) -> None:
    def one(request: Asked, _reply: Json) -> Fault | None:
        return (
            Fault(400, '{"detail": "one prompt"}') if isinstance(request.body.get("prompt"), list) else None
        )

    speaker = words(few_questions)
    with serving(speaker, "vllm", one) as server, connect(server) as model:
        found = model.distributions(small_panel, few_questions)
        assert model.way == "completions that repeat a prompt"
    np.testing.assert_allclose(found[2], expected(speaker, small_panel, few_questions[2]), atol=1e-9)


def test_a_start_token_may_be_counted_and_not_listed(small_panel: Panel, few_questions: Questions) -> None:
    def counted(_request: Asked, reply: Json) -> Json | None:
        if "usage" in reply:
            reply["usage"]["prompt_tokens"] += len(reply["choices"])
        return reply

    speaker = words(few_questions)
    with serving(speaker, spoil=counted) as server, connect(server) as model:
        found = model.distributions(small_panel, few_questions)
    np.testing.assert_allclose(found[0], expected(speaker, small_panel, few_questions[0]), atol=1e-9)


def test_counts_that_do_not_add_up_are_no_scores(small_panel: Panel, few_questions: Questions) -> None:
    def miscounted(_request: Asked, reply: Json) -> Json | None:
        if "usage" in reply:
            reply["usage"]["completion_tokens"] += 3
        return reply

    with (
        serving(words(few_questions), spoil=miscounted) as server,
        connect(server) as model,
        pytest.raises(MirrorpanelError, match="number of tokens in the reply is not that of prompt and text"),
    ):
        model.ask(small_panel, few_questions)


def test_a_model_that_ends_its_first_text_at_once_is_compared_on_another(
    small_panel: Panel, few_questions: Questions
) -> None:
    def ended(request: Asked, reply: Json) -> Json | None:
        if "animal" not in request.body.get("prompt", "") or request.body.get("echo"):
            return None
        return {**reply, "choices": [{"index": 0, "text": "", "logprobs": None}]}

    with serving(words(few_questions), spoil=ended) as server, connect(server) as model:
        assert model.ask(small_panel, few_questions).missing == ()


@given(text=st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1))
def test_a_grammar_quotes_any_option(text: str) -> None:
    assert json.loads(forcing._quoted(text)) == text


def test_no_persons_or_no_questions_need_no_server(few_questions: Questions, small_panel: Panel) -> None:
    with serving(words(few_questions)) as server, connect(server) as model:
        nobody = small_panel.take(np.array([], dtype=np.int64))
        assert [a.shape for a in model.distributions(nobody, few_questions)] == [(0, 3), (0, 3), (0, 4)]
        assert model.ask(small_panel, []).distributions == []
        assert server.paths() == ["/v1/models"]


def test_no_more_requests_are_under_way_than_allowed(small_panel: Panel, few_questions: Questions) -> None:
    with serving(words(few_questions)) as server, connect(server, concurrency=2) as model:
        model.distributions(small_panel, few_questions)
        assert server.most <= 2


def test_requests_keep_to_the_rate(few_questions: Questions, small_panel: Panel) -> None:
    with serving(words(few_questions)) as server, connect(server, requests_per_minute=6000) as model:
        start = time.monotonic()
        model.distributions(small_panel, few_questions)
        assert time.monotonic() - start >= (len(server.asked) - 2) * 0.01


@pytest.mark.parametrize("text", ["Say <|im_end|> now", "</s>", "[INST] be nice"])
def test_text_that_a_server_takes_for_control_tokens_is_refused(
    text: str, small_panel: Panel, few_questions: Questions
) -> None:
    with serving(words(few_questions)) as server, connect(server) as model:
        with pytest.raises(DataError, match="question 'q' holds") as refused:
            model.ask(small_panel, [Question(name="q", text=text, options=("yes", "no"))])
        assert "local model" in str(refused.value)
        told = from_columns(["p1"], {"motto": [text], "secret": ["collects stamps"]}, np.ones(1))
        with pytest.raises(DataError, match="an attribute of a person holds") as refused:
            model.ask(told, few_questions)
        assert "stamps" not in str(refused.value)  # what is known of a person stays out of messages
        with pytest.raises(DataError, match="a prompt holds"):
            model.write([text], 5, None)


@pytest.mark.parametrize("kind", KINDS)
def test_emoji_right_to_left_text_and_quotes_go_whole_to_a_server_like(kind: str, small_panel: Panel) -> None:
    options = ("gut 👍🏽", "so, äh, \\ so", 'man sagt "ja"', "نعم، بالتأكيد")
    question = Question(name="q", text='Wie "geht" es? 🙂\\ كيف الحال', options=options)
    speaker = Words(question.text, *(option_text(o) for o in options))
    with serving(speaker, kind) as server, connect(server) as model:
        found = model.distributions(small_panel, [question])
    np.testing.assert_allclose(found[0], expected(speaker, small_panel, question), atol=1e-9)


# --- names ------------------------------------------------------------------------------------------------


def test_the_fingerprint_tells_models_apart_and_not_addresses(few_questions: Questions) -> None:
    with serving(words(few_questions)) as one, serving(words(few_questions)) as other:
        with connect(one) as a, connect(other) as b, connect(one, chat=False) as c:
            assert a.fingerprint == b.fingerprint != c.fingerprint
            assert a.name == f"tiny at {a.endpoint.host} (joint, zero-shot)"
        one.model = "small"
        with ServedModel.connect(Endpoint(url=one.url, model="small")) as d:
            assert d.fingerprint != a.fingerprint


def test_a_model_that_the_server_lacks_is_refused_with_those_it_has(few_questions: Questions) -> None:
    with serving(words(few_questions)) as server, pytest.raises(MirrorpanelError) as refused:
        ServedModel.connect(Endpoint(url=server.url, model="huge"))
    assert "serves no model 'huge'; it lists 'tiny'" in str(refused.value)


# --- open ends ----------------------------------------------------------------------------------------------


def test_open_ends_have_a_seed_for_each_prompt_and_are_the_same_again(few_questions: Questions) -> None:
    with serving(words(few_questions)) as server, connect(server) as model:
        texts = model.write(["Why?", "How?", "Why?"], 9, [4, 5, 6], 0.7).texts
        assert texts == model.write(["Why?", "How?", "Why?"], 9, [4, 5, 6], 0.7).texts
        assert len(set(texts)) == 3
        assert all(text is not None and text.endswith("at 0.7.") for text in texts)
        sent = server.asked[-1].body
        assert sent["messages"] == [{"role": "user", "content": sent["messages"][0]["content"]}]
        assert sent["max_tokens"] == 9


def test_a_base_model_goes_on_with_the_prompt(few_questions: Questions) -> None:
    def say(request: Asked, _reply: Json) -> Json | None:
        return {"choices": [{"text": " Fine.\nQuestion: and"}]} if "prompt" in request.body else None

    with serving(words(few_questions), spoil=say) as server, connect(server, chat=False) as model:
        assert model.write(["Why?"], 5, None).texts == ["Fine."]
        assert server.paths()[-1] == "/v1/completions"
        assert server.asked[-1].body["prompt"] == "Why?"


@pytest.mark.parametrize(
    ("message", "text", "outcome"),
    [
        ({"content": "\n\n Fine. \nQuestion: and you?"}, "Fine.", None),
        ({"content": "<think>Who am I?\nA person.</think>\n\nFine."}, "Fine.", None),
        ({"content": "<think>Who am I?"}, None, "unparsable"),
        ({"content": " \n"}, None, "unparsable"),
        ({"content": None}, None, "unparsable"),
        ({"content": None, "refusal": "No."}, None, "refused"),
        ({"content": "As an AI language model, I have no opinions."}, None, "refused"),
        ({"content": "I'm sorry, I can't afford it."}, "I'm sorry, I can't afford it.", None),
        ({"content": "I work as an airline pilot."}, "I work as an airline pilot.", None),
    ],
)
def test_open_ends_that_are_no_answer_are_kept_apart(
    message: Json, text: str | None, outcome: str | None, few_questions: Questions
) -> None:
    def say(request: Asked, reply: Json) -> Json | None:
        return {"choices": [{"message": message}]} if "messages" in request.body else None

    with serving(words(few_questions), spoil=say) as server, connect(server) as model:
        found = model.write(["Why?"], 5, None)
    assert found.texts == [text]
    assert [m.outcome for m in found.missing] == ([outcome] if outcome else [])
    if outcome and message["content"] and message["content"].strip():
        assert message["content"] in found.missing[0].text


@pytest.mark.parametrize(
    ("taken", "asked"),
    [
        (("json_schema",), ["json_schema"] * 3),
        (("json_object",), ["json_schema", "json_object", "json_object", "json_object"]),
        ((), ["json_schema", "json_object", None, None, None]),
    ],
)
def test_a_chat_is_asked_for_a_form_in_the_first_way_that_its_server_takes(
    taken: tuple[str, ...], asked: list[str | None], few_questions: Questions
) -> None:
    texts = iter(['{"answer": 7}', "12 of them", "about twelve"])

    def say(request: Asked, reply: Json) -> Json | Fault | None:
        if "messages" not in request.body:
            return None
        kind = request.body.get("response_format", {}).get("type")
        if kind is not None and kind not in taken:
            return Fault(422, '{"detail": "unknown format"}')
        return {"choices": [{"message": {"content": next(texts)}}]}

    with serving(words(few_questions), spoil=say) as server, connect(server, concurrency=1) as model:
        server.asked.clear()
        found = model.write(["a", "b", "c"], 5, [1, 2, 3], form=NumberForm(lowest=0, highest=99))
        kinds = [request.body.get("response_format", {}).get("type") for request in server.asked]
    assert found.texts == ['{"answer": 7}', "12 of them", None]
    assert [(m.person, m.outcome, m.text) for m in found.missing] == [(2, "unparsable", "about twelve")]
    assert kinds == asked


def test_writing_refuses_settings_that_make_no_text(few_questions: Questions) -> None:
    with serving(words(few_questions)) as server, connect(server) as model:
        with pytest.raises(ValueError, match="temperature must be above 0"):
            model.write(["Why?"], 5, None, 0.0)
        assert model.write([], 5, None).texts == []


def test_the_library_for_requests_is_not_imported_before_a_server_is_asked() -> None:
    code = "import sys, personas.models.served.model; print('httpx2' in sys.modules, 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False False"


@pytest.fixture
def served(few_questions: Questions) -> Iterator[ServedModel]:
    with serving(words(few_questions)) as server, connect(server) as model:
        yield model


def test_a_second_asking_is_the_same(
    served: ServedModel, small_panel: Panel, few_questions: Questions
) -> None:
    first, second = (served.distributions(small_panel, few_questions) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert np.array_equal(one, other)
