"""A study whose model is on a server: fielded, broken off by faults, gone on with, reported."""

import pytest
from model_server import Asked, Fault, Json, Words, serving
from own_study import PERSONS, QUESTIONS, change, done, grounded_study, mirrorpanel, rows

from personas.models.served import pace

ALL = PERSONS * len(QUESTIONS)
OPTIONS = Words("no", "yes", "too little", "about right", "too much")


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(pace, "FIRST_WAIT", 0.002)


@pytest.fixture
def folder(tmp_path):
    return grounded_study(tmp_path / "own")


def on_server(folder, url, **more):
    lines = "".join(f"\n  {key}: {value}" for key, value in {"url": url, "model": "tiny", **more}.items())
    change(folder / "study.yaml", "model: scripted", f"model:{lines}")


def test_a_study_is_answered_by_a_server_and_its_report_says_where(folder):
    with serving(OPTIONS) as server:
        on_server(folder, server.url)
        ran = done("field", folder / "study.yaml", "-w", folder, "--json")
        assert (ran.json["answers"], ran.json["complete"], ran.json["missing"]) == (ALL, True, {})
        done("validate", "tastes", "-w", folder, "--untuned-seconds", "0")
        done("report", "tastes", "-w", folder)
    (processor,) = rows(folder, "SELECT processor FROM runs")[0]
    assert processor == f"server {server.url.split('/')[2]}; persons' attributes were sent there"


def test_answers_that_a_server_failed_to_give_are_asked_for_again(folder):
    broken = [True]

    def spoil(request: Asked, reply: Json) -> Json | Fault:
        return Fault(status=500) if broken[0] and "museums" in str(request.body) else reply

    with serving(OPTIONS, spoil=spoil) as server:
        on_server(folder, server.url, attempts=1)
        ran = mirrorpanel("field", folder / "study.yaml", "-w", folder, "--json")
        assert ran.code == 3
        failed = ran.json["missing"]["failed"]
        assert failed == PERSONS
        assert ran.json["answers"] == ALL - PERSONS
        planned = done("field", folder / "study.yaml", "-w", folder, "--dry-run")
        assert f"is partial: {PERSONS} answers failed and would be asked for again" in planned.out
        broken[0] = False
        ran = done("field", folder / "study.yaml", "-w", folder, "--json")
    assert (ran.json["answers"], ran.json["complete"], ran.json["missing"]) == (ALL, True, {})
    assert rows(folder, "SELECT count(*) FROM (SELECT DISTINCT person, question FROM answers)") == [(ALL,)]


def test_a_server_that_is_busy_is_not_said_to_be_unable(folder):
    def busy(request: Asked, _: Json) -> Fault | None:
        return Fault(429, '{"error": "busy"}') if "completions" in request.path else None

    with serving(OPTIONS, spoil=busy) as server:
        on_server(folder, server.url, attempts=1)
        refused = mirrorpanel("field", folder / "study.yaml", "-w", folder)
    assert refused.code == 1
    assert "no usable reply came from" in refused.err
    assert "status 429: busy" in refused.err
    assert "Run the same command once it answers" in refused.err


def test_a_server_that_is_not_there_is_named_with_file_line_and_key(folder, monkeypatch):
    with serving(OPTIONS) as server:
        address = server.url
    on_server(folder, address, attempts=2)
    refused = mirrorpanel("field", folder / "study.yaml", "-w", folder)
    assert refused.code == 1
    line = (folder / "study.yaml").read_text(encoding="utf-8").splitlines().index("model:") + 1
    where = f"{folder / 'study.yaml'}:{line}: model: {address.split('/')[2]}: "
    assert where in " ".join(refused.err.split())
    assert "(2 attempts)" in refused.err
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    change(folder / "study.yaml", "  attempts: 2", "  key_env: NO_SUCH_KEY")
    refused = mirrorpanel("field", folder / "study.yaml", "-w", folder)
    assert f":{line}: model: the environment has no variable NO_SUCH_KEY" in " ".join(refused.err.split())


def test_a_server_that_goes_away_leaves_the_rest_and_says_why(folder):
    change(folder / "study.yaml", "batch: 50", "batch: 4")
    count = []

    def spoil(request: Asked, reply: Json) -> Json | Fault:
        count.append(request.path)
        return Fault(status=503, body="closed for today") if len(count) > 60 else reply

    with serving(OPTIONS, spoil=spoil) as server:
        on_server(folder, server.url, attempts=1)
        ran = mirrorpanel("field", folder / "study.yaml", "-w", folder)
        first = len(count)
        assert ran.code == 3
        assert "The reason given most often: " in ran.out
        assert "status 503: closed for today" in ran.out
        assert rows(folder, "SELECT count(*) FROM asked")[0][0] < PERSONS
        assert rows(folder, "SELECT finished FROM runs") == [(None,)]
        count[:] = []
        server.spoil = lambda _request, _reply: None
        ran = done("field", folder / "study.yaml", "-w", folder, "--json")
    assert first > 60
    assert (ran.json["answers"], ran.json["complete"], ran.json["why"]) == (ALL, True, None)
    assert rows(folder, "SELECT count(*) FROM (SELECT DISTINCT person, question FROM answers)") == [(ALL,)]
