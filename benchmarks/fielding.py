"""1,000 persons x 10 questions: what a factored and a joint model take, beside the machine's own matrix rate.

The persons are those of the example study, the General Social Survey's spending panel, all different; the
adapter is the one that the example's files train, with the shipped reference behind it. The ten questions
were asked of nobody (``benchmarks.asked``), so cold means that they are encoded and predicted. Both models
answer the same questions for the same persons, and every answer is drawn and stored in DuckDB as
``mirrorpanel field`` does it; the plan with its calibration is in ``whole_command_seconds`` alone.

``factored_cold_seconds``: a study read, prepared, asked and stored, with the language model in memory and
nothing encoded. ``factored_warm_seconds``: the same with another seed, in the same workspace.
``whole_command_seconds`` is a process of its own from its start to its end, cold, and
``whole_command_warm_seconds`` a second one after it. ``joint_seconds``: after a first reading of eight
persons, so that nothing is loaded or compiled within. ``joint_share_of_matmul`` is what
``benchmarks.reading`` counts, a second, over the rate of ``benchmarks.matmul``, which is measured before,
between and after; its median counts.

With ``--random-shape`` random weights of a shape answer for made-up persons, jointly alone: no data and no
weights are needed, and the answers mean nothing.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml

from benchmarks import asked, large_shapes, matmul, reading
from benchmarks.matmul import Product
from benchmarks.output import finish, parser, peak_memory_gb
from benchmarks.trial import trial
from grounding.sources import datasets
from mirrorpanel import encodings, lineup, panels, planning, runs
from mirrorpanel.lineup import Machine
from mirrorpanel.store import FILE, Workspace
from mirrorpanel.verbs import fielding
from mirrorpanel.verbs.demonstration import DATA, examples
from mirrorpanel.verbs.fielding import FieldedRun
from personas.models import catalogue, processor
from personas.models.drawing import independently
from personas.models.joint import JointModel
from personas.models.language import LanguageModel
from personas.models.wheel import cache_folder
from personas.panel import Panel
from personas.prompt import option_text, person_text, question_text
from personas.question import Question
from validation.field import Fielding, field
from validation.study import StudySpec

MODEL, PERSONS, FIRST = "smollm2-135m", 1_000, 8
SHAPES = {
    "135m": large_shapes.SMOL,
    "7b": large_shapes.SHAPES["llama_7b"],
    "8b": large_shapes.SHAPES["llama_8b"],
}
_WORDS = 4096
_MARK = "made-by-a-benchmark"
_MADE = ("grounding.yaml", "study.yaml", FILE)  # what a folder has that was made to the end


class Joint(NamedTuple):
    """What a joint model took for how many answers, and the operations that they need at the least."""

    seconds: float
    answers: int
    flops: float


class Factored(NamedTuple):
    """Seconds of a factored model with nothing encoded, and again."""

    cold: float
    warm: float


def main() -> None:
    """Runs the benchmark."""
    options = _options().parse_args()
    if options.random_shape:
        _random_shape(options)
        return
    catalogue.pull(MODEL, cache_folder(), lambda line: None)
    machine = Machine(device=options.device)
    with workspace(options.persons, options.workspace) as folder:
        commands = whole_commands(folder, options.device)
        rates = [matmul.best(processor.choose(options.device).device)]
        load = load_seconds(folder, machine)
        cold, warm = factored(folder, machine)
        rates.append(rates[0].again())
        persons = panel(folder)
        found = joint(lineup.language(MODEL, machine), persons, asked.questions())
        rates.append(rates[0].again())
    figures: dict[str, float | str] = {
        "factored_cold_seconds": cold,
        "factored_warm_seconds": warm,
        **_joint_figures(found, rates),
        "load_seconds": load,
        "whole_command_seconds": commands.cold,
        "whole_command_warm_seconds": commands.warm,
        "peak_memory_gb": peak_memory_gb(),
        "persons": float(options.persons),
        "different_persons": float(
            len({person_text(persons.person(i).attributes) for i in range(len(persons))})
        ),
        "questions": float(len(asked.questions())),
        "processor": lineup.language(MODEL, machine).processor.describe(),
    }
    finish(named("fielding", processor.choose(options.device).device), figures, options.record)


def named(benchmark: str, device: str) -> str:
    """Name of the figures by the kind of device that was used; a processor's has nothing behind it."""
    kind = device.partition(":")[0]
    return benchmark if kind == "cpu" else f"{benchmark}_{kind}"


def _options() -> argparse.ArgumentParser:
    found = parser(__doc__)
    found.add_argument("--persons", type=int, default=PERSONS, help="how many (default: %(default)s)")
    found.add_argument("--device", help="cpu or cuda (default: the program's own choice)")
    found.add_argument("--random-shape", choices=list(SHAPES), help="random weights of this shape instead")
    found.add_argument("--workspace", type=Path, help="a folder to make the workspace in, and to use again")
    return found


@contextmanager
def workspace(persons: int, kept: Path | None = None) -> Generator[Path]:
    """A workspace with the example's panel of so many persons and its adapter, made by the commands.

    Args:
        persons: of the panel.
        kept: a folder in which it is made, or was made before, and left; ``None`` for one that goes again.

    Raises:
        SystemExit: the folder holds something that this did not make.
    """
    with tempfile.TemporaryDirectory() as name:
        made = Path(name) if kept is None else kept
        if not all((made / file).exists() for file in _MADE):
            _make(made, persons)
        inside = Path(name) / "copy"
        shutil.copytree(made, inside, ignore=shutil.ignore_patterns(inside.name))
        if len(panel(inside)) != persons:
            _ground(inside, persons)
        yield inside


def _make(folder: Path, persons: int) -> None:
    """Grounds and trains; ``study.yaml`` is written last, so that what was stopped is made anew."""
    if folder.exists() and any(folder.iterdir()) and not (folder / _MARK).exists():
        raise SystemExit(
            f"{folder} is not empty and was not made by this benchmark, so it is left as it is; "
            "name an empty or a new folder in --workspace"
        )
    for name in DATA:
        datasets.pull(name, cache_folder(), lambda line: None)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARK).touch()
    command(["init", str(folder)])
    shutil.copy(examples() / "train.yaml", folder / "train.yaml")
    print("grounding and training, a minute or two", file=sys.stderr, flush=True)
    _ground(folder, persons)
    command(["train", str(folder / "train.yaml"), "-w", str(folder)])
    study(folder, 1)


def _ground(folder: Path, persons: int) -> None:
    """The example's panel with so many persons."""
    spec = yaml.safe_load((examples() / "grounding.yaml").read_text(encoding="utf-8"))
    file = folder / "grounding.yaml"
    file.write_text(yaml.safe_dump({**spec, "persons": persons}, sort_keys=False), encoding="utf-8")
    command(["ground", str(file), "-w", str(folder)])


def study(folder: Path, seed: int) -> Path:
    """A study of the adapter that asks the ten questions and no others."""
    spec = StudySpec(
        study="study",
        panel="spending",
        adapter="spending",
        questions=(),
        new_questions=asked.questions(),
        seed=seed,
    )
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(spec.model_dump(mode="json", exclude_defaults=True)), encoding="utf-8")
    return path


def command(words: list[str]) -> float:
    """Seconds of a command of the program in a process of its own. Raises: SystemExit with what it said."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "mirrorpanel", *words], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(
            f"mirrorpanel {' '.join(words)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        )
    return time.perf_counter() - started


def whole_commands(folder: Path, device: str | None) -> Factored:
    """``mirrorpanel field`` twice, in a copy of the workspace."""
    with tempfile.TemporaryDirectory() as name:
        inside = Path(name) / "workspace"
        shutil.copytree(folder, inside)
        forget(inside)
        on = [] if device is None else ["--device", device]
        seconds = [command(["field", str(study(inside, n)), "-w", str(inside), *on]) for n in (1, 2)]
    return Factored(*seconds)


def forget(folder: Path) -> None:
    """Removes what a workspace remembers of texts that were encoded before."""
    shutil.rmtree(folder / encodings.FOLDER, ignore_errors=True)


def load_seconds(folder: Path, machine: Machine) -> float:
    """What loading the language model takes; it then stays in memory."""
    started = time.perf_counter()
    lineup.language(MODEL, machine)
    return time.perf_counter() - started


def factored(folder: Path, machine: Machine, first: int = 11) -> Factored:
    """A study asked twice, the first time with nothing encoded; with seed ``first`` and the next one."""
    forget(folder)
    return Factored(*(_asked(folder, study(folder, seed), machine) for seed in (first, first + 1)))


def _asked(folder: Path, file: Path, machine: Machine) -> float:
    with Workspace(folder) as opened:
        started = time.perf_counter()
        prepared = fielding.prepare(opened, file, machine)
        run: FieldedRun = fielding.ask(opened, prepared, lambda n: None)
        seconds = time.perf_counter() - started
    if not run.complete or run.answers != prepared.answers:
        raise SystemExit(f"{run.answers:,} of {prepared.answers:,} answers came")
    return seconds


def panel(folder: Path) -> Panel:
    """The persons of a workspace's panel."""
    with Workspace(folder, read_only=True) as opened:
        return panels.persons(opened, opened.latest("panels", "panel", "spending"))


def joint(language: LanguageModel, persons: Panel, questions: tuple[Question, ...]) -> Joint:
    """All persons asked by a language model as it is, drawn, and stored into a new workspace."""
    model = JointModel(language)
    model.distributions(persons.take(np.arange(min(FIRST, len(persons)))), questions)
    with trial(model, questions) as kept:
        started = time.perf_counter()
        batch = planning.batch_size(model, persons, questions)
        how = Fielding(1, batch, independently)
        done = field(model, persons, questions, kept.sink(), how, lambda n: None)
        runs.finish(kept.workspace, kept.run, language.processor.describe(), done.unwritten)
        seconds = time.perf_counter() - started
        stored = int(kept.workspace.value("SELECT count(*) FROM answers WHERE run = ?", [kept.run]))
    if stored != len(persons) * len(questions):
        raise SystemExit(f"{stored:,} of {len(persons) * len(questions):,} answers are stored")
    return Joint(seconds, stored, reading.flops(language, persons, questions))


def _joint_figures(found: Joint, rates: list[Product]) -> dict[str, float | str]:
    rate = matmul.middle([r.rate for r in rates])
    return {
        "joint_seconds": found.seconds,
        "joint_answers_per_second": found.answers / found.seconds,
        "joint_tflop": found.flops / 1e12,
        "joint_share_of_matmul": found.flops / found.seconds / rate,
        "joint_seconds_x_tflops": found.seconds * rate / 1e12,
        "matmul_tflops": rate / 1e12,
        "matmul_tflops_measured": ", ".join(f"{r.rate / 1e12:.3g}" for r in rates),
        "matmul": rates[0].describe(),
    }


def _random_shape(options: argparse.Namespace) -> None:
    """Made-up persons asked by random weights of a shape."""
    chosen = processor.choose(options.device)
    persons, questions = asked.made_up(options.persons), asked.questions()
    texts = [person_text(persons.person(i).attributes) for i in range(min(200, len(persons)))]
    texts += [question_text(q) + option_text(o) for q in questions for o in q.options]
    rates = [matmul.best(chosen.device)]
    with tempfile.TemporaryDirectory() as name:
        large_shapes.save(SHAPES[options.random_shape], chosen, Path(name), texts, _WORDS)
        started = time.perf_counter()
        language = LanguageModel.load(Path(name), chosen)
        load = time.perf_counter() - started
    rates.append(rates[0].again())
    found = joint(language, persons, questions)
    rates.append(rates[0].again())
    shown = reading.reading(language.tokens, language.start, persons, questions)
    figures: dict[str, float | str] = {
        **_joint_figures(found, rates),
        "load_seconds": load,
        "peak_memory_gb": peak_memory_gb(),
        "device_memory_gb": device_memory_gb(chosen.device),
        "persons": float(len(persons)),
        "questions": float(len(questions)),
        "tokens": float(shown.tokens),
        "processor": chosen.describe(),
        "weights": "random; the persons are made up, and the answers mean nothing",
    }
    finish(named(f"fielding_{options.random_shape}", chosen.device), figures, options.record)


def device_memory_gb(device: str) -> float:
    """Largest memory that PyTorch held on a GPU so far, in GB; 0 for none."""
    if not device.startswith("cuda"):
        return 0.0
    return processor.peak_bytes(device) / 1e9


if __name__ == "__main__":
    main()
