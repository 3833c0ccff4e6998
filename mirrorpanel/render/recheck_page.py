"""What a new wave says of an adapter as one HTML page that opens offline, and its JSON twin."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from mirrorpanel.render import numbers, templating
from personas.question import Question
from training.maintenance.drift import QuestionDrift
from training.maintenance.recheck import RULES, Recheck, RecheckSettings

_TEMPLATE = "recheck.html.j2"


@dataclass(frozen=True)
class PageData:
    """What the page needs beside the recheck.

    Attributes:
        adapter: that was rechecked.
        panel: of the new wave.
        before: people of the wave that it was fitted to.
        after: people of the new one.
        created: time in UTC.
        version: of the program.
    """

    adapter: str
    panel: str
    before: int
    after: int
    created: str
    version: str


class Row(NamedTuple):
    """One question as the page shows it, with the option that gained most and the one that lost most."""

    drift: QuestionDrift
    text: str
    most: str
    least: str


def name(data: PageData) -> str:
    """Of page and twin, without what tells the two apart."""
    return f"recheck-{data.panel}"


def write(found: Recheck, asked: Sequence[Question], data: PageData, folder: Path) -> Path:
    """Path of the page in ``folder``, with its twin beside it; the folder is made.

    Args:
        found: the recheck.
        asked: the questions of the new wave.
        data: what else the page says.
        folder: where it goes.
    """
    twin: dict[str, Any] = {
        "adapter": data.adapter,
        "panel": data.panel,
        "people": {"before": data.before, "after": data.after},
        "created": data.created,
        "mirrorpanel": data.version,
        **found.model_dump(mode="json"),
        "definitions": definitions(found.settings),
    }
    return templating.written(folder, name(data), html(found, asked, data), twin)


def html(found: Recheck, asked: Sequence[Question], data: PageData) -> str:
    """The whole page; it loads nothing, and every text from the data is escaped."""
    left = (
        (found.too_few, "asked again of too few people to be compared"),
        (found.not_asked, "trained on and not asked in this wave"),
        (found.new, "asked in this wave and never trained on"),
    )
    return (
        templating.environment()
        .get_template(_TEMPLATE)
        .render(
            data=data,
            found=found,
            rows=rows(found, asked),
            left=[(names, what) for names, what in left if names],
            style=templating.style(),
            definitions=definitions(found.settings),
            twin=f"{name(data)}.json",
        )
    )


def rows(found: Recheck, asked: Sequence[Question]) -> list[Row]:
    """The questions that were compared: those that moved first, each by the size of the change."""
    known = {q.name: q for q in asked}
    ordered = sorted(found.questions, key=lambda q: (not q.moved, -q.change.value, q.name))
    return [_row(one, known[one.name]) for one in ordered]


def _row(one: QuestionDrift, question: Question) -> Row:
    places = range(len(one.shift))
    most, least = max(places, key=one.shift.__getitem__), min(places, key=one.shift.__getitem__)
    said = [f"{question.options[i]} {numbers.difference(one.shift[i])}" for i in (most, least)]
    return Row(one, question.text, *said)


def definitions(settings: RecheckSettings) -> dict[str, str]:
    """What the words of the page mean, and the rules of the verdict."""
    advice = " ".join(f"{rule[:1].upper()}{rule[1:]}." for rule in RULES)
    return {
        "Verdict": advice,
        "Change of shares": "Total variation distance between the shares of the two waves, under their "
        "weights: half the sum of what all options gained and lost. It is above 0 by luck alone. The 95 % "
        "interval begins at 0 unless the change is more than luck explains.",
        "By luck": "The distance that would be expected if nothing had changed.",
        "Moved": "Adjusted p at most .05 (Benjamini and Hochberg, over all questions), and a change larger "
        f"than luck by {numbers.proportion(settings.least, 2)} or more.",
        "Person effects": "How strongly attributes tell who says what, once the shares are right, on people "
        "never trained on. Retraining is advised where the slope fell by "
        f"{numbers.percent(settings.fall, 0)} or more and the whole interval of its change lies below 0.",
    }
