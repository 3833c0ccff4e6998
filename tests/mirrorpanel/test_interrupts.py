import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from own_study import ALL, QUESTIONS, answer_rows, change, done, grounded_study, mirrorpanel, rows
from own_study import fielding as fielding_process

from mirrorpanel.cli.interrupts import stopping
from mirrorpanel.store import FILE
from mirrorpanel.verbs import fielding

# The program with a scripted model that takes a moment for each batch.
SLOW = """
import time
from mirrorpanel import lineup
from personas.models.scripted import ScriptedModel
class Slow(ScriptedModel):
    def distributions(self, panel, questions):
        time.sleep(0.05)
        return super().distributions(panel, questions)
lineup.ScriptedModel = Slow
from mirrorpanel.cli.app import main
main()
"""


@pytest.fixture(autouse=True)
def _usual():
    """Ctrl-C as a terminal has it; a shell's background jobs ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def folder(tmp_path):
    made = grounded_study(tmp_path / "own")
    change(made / "study.yaml", "batch: 50", "batch: 4")
    return made


def handlers():
    return [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]


def begun(folder) -> subprocess.Popen[str]:
    """The program in a process of its own, once it has written answers."""
    process = fielding_process(folder, (sys.executable, "-c", SLOW))
    journal, end = folder / f"{FILE}.wal", time.monotonic() + 240
    before: int | None = None
    while process.poll() is None and time.monotonic() < end:
        with contextlib.suppress(FileNotFoundError):
            size = journal.stat().st_size
            before = size if before is None else before
            if size > before + 3000:
                return process
        time.sleep(0.01)
    process.kill()
    raise AssertionError(f"nothing was written: {process.communicate()[1]}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_the_batch_end_and_says_how_to_go_on(folder, number):
    process = begun(folder)
    process.send_signal(number)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 3, err
    assert "stopping after this batch; once more to stop at once" in err
    assert "Traceback" not in err
    assert " (partial): " in out
    assert f"The run is not complete. Go on with: mirrorpanel field {folder / 'study.yaml'}" in out
    kept = answer_rows(folder)
    assert 0 < len(kept) < ALL
    assert len(kept) % len(QUESTIONS) == 0
    assert rows(folder, "SELECT count(*) FROM asked") == [(len(kept) // len(QUESTIONS),)]
    change(folder / "study.yaml", "batch: 4", "batch: 200")
    whole = done("field", folder / "study.yaml", "-w", folder, "--json").json
    assert (whole["answers"], whole["resumed"]) == (ALL, len(kept))
    assert rows(folder, "SELECT count(DISTINCT (person, question)) FROM answers") == [(ALL,)]


def test_the_second_signal_ends_at_once_and_keeps_whole_batches(folder):
    process = begun(folder)
    process.send_signal(signal.SIGTERM)
    assert process.stderr is not None
    while "once more" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=240)
    assert process.returncode in (-signal.SIGTERM, 3)  # 3 where the batch was over first
    assert len(answer_rows(folder)) % len(QUESTIONS) == 0
    change(folder / "study.yaml", "batch: 4", "batch: 200")
    done("field", folder / "study.yaml", "-w", folder)
    assert len(answer_rows(folder)) == ALL


def test_a_run_that_is_stopped_before_its_first_batch_is_partial_and_says_so_as_json(folder, monkeypatch):
    ask = fielding.ask

    def interrupted(*arguments):
        os.kill(os.getpid(), signal.SIGINT)
        return ask(*arguments)

    monkeypatch.setattr(fielding, "ask", interrupted)
    stopped = mirrorpanel("field", folder / "study.yaml", "-w", folder, "--json")
    assert stopped.code == 3, stopped.err
    assert (stopped.json["answers"], stopped.json["complete"]) == (0, False)
    assert stopped.json["answers_per_second"] is None


def test_handlers_are_as_before_once_the_block_is_left_and_after_the_first_signal() -> None:
    before, said = handlers(), list[str]()
    with stopping(said.append) as stop:
        assert handlers() != before
        assert not stop()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop()
        assert handlers() == before
    assert said == ["stopping after this batch; once more to stop at once"]
    with pytest.raises(KeyError), stopping(said.append):
        raise KeyError
    assert handlers() == before


def test_a_second_interrupt_inside_the_block_is_an_interrupt() -> None:
    def twice() -> None:
        with stopping(lambda line: None) as stop:
            os.kill(os.getpid(), signal.SIGINT)
            assert stop()
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)

    with pytest.raises(KeyboardInterrupt):
        twice()


def test_a_stream_that_is_being_written_to_does_not_lose_the_signal() -> None:
    def busy(line: str) -> None:
        raise RuntimeError("reentrant call inside <_io.BufferedWriter name='<stderr>'>")

    with stopping(busy) as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop()


def test_in_another_thread_nothing_is_changed() -> None:
    before, found = handlers(), list[bool]()

    def elsewhere() -> None:
        with stopping(lambda line: None) as stop:
            found.append(stop() or handlers() != before)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert found == [False]
