"""``field --replay``: whether a run comes again as it was kept."""

from pathlib import Path

import typer

from mirrorpanel.cli.bars import answering_bar
from mirrorpanel.cli.console import show, show_json
from mirrorpanel.lineup import Machine
from mirrorpanel.render.numbers import count
from mirrorpanel.store import Workspace
from mirrorpanel.verbs import replaying
from mirrorpanel.verbs.replaying import Replayed
from personas.wording import counted
from validation.replay import Difference


def replay_run(workspace: Path, run: str, machine: Machine, anew: bool, as_json: bool) -> None:
    """Replays a run, by its identifier or the name of its study, and says what came of it.

    ``anew`` encodes everything, also where the run used encodings that had been kept.

    Raises:
        typer.Exit: with 1 where something is not the same.
    """
    with Workspace(workspace, read_only=True) as opened, answering_bar() as (begin, progress):
        found = replaying.replay(opened, opened.latest("runs", "run", run), machine, begin, progress, anew)
    if as_json:
        show_json(_summary(found))
    else:
        for line in _lines(found):
            show(line)
    if not found.identical:
        raise typer.Exit(1)


def _summary(found: Replayed) -> dict[str, object]:
    compared = found.compared
    return {
        "run": found.run,
        "identical": found.identical,
        "complete": found.complete,
        "answers": compared.answers,
        "draws_different": compared.draws,
        "distributions_different": compared.distributions,
        "largest_difference": compared.largest,
        "doubled": found.doubled,
        "first": None if compared.first is None else compared.first._asdict(),
        "encodings_kept_then": found.remembered,
        "encodings_looked_up": found.looked_up,
        "encodings_made_anew": found.made_anew,
        "fingerprint": found.stored,
        "fingerprint_now": found.now,
        "synthetic": True,
    }


def _lines(found: Replayed) -> list[str]:
    compared = found.compared
    partial = "" if found.complete else " of a run that is not complete"
    if found.identical:
        used = ", with the encodings that the run used" if found.looked_up and not found.made_anew else ""
        again = f"Run {found.run}: {count(compared.answers)} answers{partial} came again byte for byte{used}"
        return [again, *_made_anew(found)]
    lines = [
        f"Run {found.run}: of {count(compared.answers)} answers{partial} {count(compared.draws)} were drawn "
        f"otherwise, and {counted(compared.distributions, 'distribution')} "
        f"{'differs' if compared.distributions == 1 else 'differ'}, by {compared.largest:.3g} at most"
    ]
    if compared.first is not None:
        lines.append(_first(compared.first))
    if found.doubled:
        lines.append(f"{counted(found.doubled, 'answer')} stand there more than once")
    if found.stored != found.now:
        lines.append(
            f"It was answered by fingerprint {found.stored}, and is now by {found.now}: other weights, "
            "device or number format; only the same give the same bytes (--device, --dtype)"
        )
    return [*lines, *_made_anew(found)]


def _made_anew(found: Replayed) -> list[str]:
    """What was worked out here although the run had looked it up, where that can tell or matters."""
    if found.made_anew:
        return [
            f"{counted(found.made_anew, 'encoding or prediction', 'encodings or predictions')} that the run "
            "used are not kept any more for this model and device, and were made anew here: that can change "
            "the last digits of what is computed, in bfloat16 the third"
        ]
    if found.remembered and not found.looked_up and not found.identical and found.stored == found.now:
        return [
            f"The encodings of {counted(found.remembered, 'text')} had been kept from before, and were made "
            "anew here, beside other texts: that can change the last digits of what is computed, in bfloat16 "
            "the third"
        ]
    return []


def _first(first: Difference) -> str:
    stored, new = ("no answer" if option is None else repr(option) for option in (first.stored, first.new))
    by = "" if first.distance is None else f", probabilities by {first.distance:.3g}"
    return f"First difference: person {first.person}, question {first.question}: {stored} then, {new} now{by}"
