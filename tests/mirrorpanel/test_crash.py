import contextlib
import subprocess
import sys
import time
from pathlib import Path

import pytest
from own_study import (
    PERSONS,
    PROGRAM,
    QUESTIONS,
    ROOT,
    Outcome,
    answer_rows,
    change,
    contents,
    done,
    environment,
    grounded_study,
    mirrorpanel,
    rows,
    write_study,
)

from mirrorpanel.store import FILE

ALL = PERSONS * len(QUESTIONS)
DEADLINE = 60
# The program with files that may not grow beyond a limit: what a full disk looks like from inside.
SHORT_OF_DISK = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, resource.RLIM_INFINITY))
from mirrorpanel.cli.app import main
main()
"""
HOLD = """
import sys
from pathlib import Path
from mirrorpanel.store import Workspace
with Workspace(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """The answers of the same study, asked in one go."""
    folder = grounded_study(tmp_path_factory.mktemp("whole") / "own")
    done("field", folder / "study.yaml", "-w", folder)
    found = answer_rows(folder)
    assert len(found) == len({row[:2] for row in found}) == ALL
    return found


@pytest.fixture
def folder(tmp_path):
    """The study, written person by person: each batch waits for the disk, so there is time to stop it."""
    made = grounded_study(tmp_path / "own")
    change(made / "study.yaml", "batch: 50", "batch: 1")
    return made


def command(folder: Path) -> list[str]:
    return [*PROGRAM, "field", str(folder / "study.yaml"), "-w", str(folder), "--json"]


def process(words: list[str]) -> Outcome:
    """Runs a command in a process of its own."""
    ended = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, env=environment(), check=False)
    return Outcome(ended.returncode, ended.stdout, ended.stderr)


def short_of_disk(limit: int, *arguments: object) -> Outcome:
    """Runs the program where no file can grow beyond so many bytes; it must be refused."""
    ended = process([sys.executable, "-c", SHORT_OF_DISK.format(limit=limit), *map(str, arguments)])
    assert ended.code == 1, ended.err
    assert "Traceback" not in ended.err
    assert ended.out == ""
    assert "could not be written" in ended.err
    assert "MiB free on the disk" in ended.err
    assert "What was written before is kept; make room and run the same command again" in ended.err
    return ended


def kill_once_grown(folder: Path, more_bytes: int) -> None:
    """Starts fielding and kills it with signal 9 once the journal has grown by so much."""
    journal = folder / f"{FILE}.wal"
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        command(folder), stdout=quiet, stderr=quiet, cwd=ROOT, env=environment()
    ) as process:
        end = time.monotonic() + DEADLINE
        before: int | None = None
        while process.poll() is None and time.monotonic() < end:
            size = journal.stat().st_size if journal.exists() else 0
            before = size if before is None and size else before
            if before is not None and size >= before + more_bytes:
                break
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.002)
        process.kill()
    assert process.returncode == -9, "fielding was over, or had not begun to write, when it was to be killed"


def assert_part_of(found, whole):
    """All that is kept is what the uninterrupted run has, and whole persons of it."""
    assert [row for row in whole if row[0] in {kept[0] for kept in found}] == found


def test_a_run_killed_twice_ends_with_every_answer_once(folder, uninterrupted):
    kept: list[int] = []
    for more_bytes in (3_000, 12_000):
        kill_once_grown(folder, more_bytes)
        found = answer_rows(folder)
        assert_part_of(found, uninterrupted)
        assert rows(folder, "SELECT finished FROM runs") == [(None,)]
        kept.append(len(found))
    assert 0 < kept[0] < kept[1] < ALL
    refused = mirrorpanel("validate", "tastes", "-w", folder)
    assert refused.code == 1
    assert "is not complete; finish it first: mirrorpanel field" in refused.err

    ended = process(command(folder))
    assert ended.code == 0, ended.err
    assert (ended.json["answers"], ended.json["resumed"]) == (ALL, kept[1])
    assert answer_rows(folder) == uninterrupted
    assert rows(folder, "SELECT count(*) FROM runs WHERE finished IS NOT NULL") == [(1,)]
    assert f"{ALL} of them kept from before" in done("field", folder / "study.yaml", "-w", folder).out


def test_a_disk_that_fills_keeps_what_was_written_and_the_run_resumes(folder, uninterrupted):
    ended = short_of_disk(60_000, "field", folder / "study.yaml", "-w", folder)
    assert f"{folder / FILE} could not be written" in ended.err
    found = answer_rows(folder)
    assert 0 < len(found) < ALL
    assert_part_of(found, uninterrupted)

    again = process(command(folder))
    assert again.code == 0, again.err
    assert (again.json["answers"], again.json["resumed"]) == (ALL, len(found))
    assert answer_rows(folder) == uninterrupted


def test_a_disk_without_room_for_a_workspace_leaves_none(tmp_path):
    short_of_disk(20_000, "init", tmp_path / "own")
    done("init", tmp_path / "own")
    assert rows(tmp_path / "own", "SELECT count(*) FROM panels") == [(0,)]


def test_a_disk_without_room_for_a_panel_or_a_report_leaves_no_half_of_either(tmp_path):
    folder = write_study(tmp_path / "own")
    change(folder / "grounding.yaml", "persons: 120", "persons: 500")
    short_of_disk(60_000, "ground", folder / "grounding.yaml", "-w", folder)
    assert all(not found for table, found in contents(folder).items() if table != "meta")
    for verb in ("ground", "field"):
        done(verb, folder / ("grounding.yaml" if verb == "ground" else "study.yaml"), "-w", folder)
    done("validate", "tastes", "-w", folder)
    # The page fits and the answers do not.
    short_of_disk(105_000, "report", "tastes", "-w", folder)
    pages = [p for p in (folder / "reports").rglob("*") if p.is_file()]
    assert sorted(p.name for p in pages) == ["grounding.html", "grounding.json"]
    assert Path(done("report", "tastes", "-w", folder).out.strip()).is_file()
    assert len([p for p in (folder / "reports").rglob("*") if p.is_file()]) == 2 + 4


def test_a_second_writer_is_refused_and_told_who_holds_the_workspace(folder, uninterrupted):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment(),
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        refused = mirrorpanel("field", folder / "study.yaml", "-w", folder)
        assert refused.code == 1
        assert f"{folder / FILE} is held by process {holder.pid} " in refused.err
        assert "a workspace has one writer: wait for it or stop it" in refused.err
        assert holder.poll() is None
    done("field", folder / "study.yaml", "-w", folder)
    assert answer_rows(folder) == uninterrupted
