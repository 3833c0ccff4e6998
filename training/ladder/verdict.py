"""What the ladder says: which way of answering to use here, and when to do without a trained model."""

from collections.abc import Sequence
from typing import NamedTuple

from personas.measures.estimate import Estimate
from personas.wording import counted
from training.ladder.measured import Measured

_FEW_QUESTIONS = 8
GUESS = "uniform"


class Evidence(NamedTuple):
    """The rungs on one kind of held-out data.

    Attributes:
        title: for people.
        new_questions: whether the questions were held out.
        rungs: with their figures.
        alike: how many of its questions are of the same battery as, or nearly the same as, some trained on;
            0 where none were held out.
    """

    title: str
    new_questions: bool
    rungs: tuple[Measured, ...]
    alike: int = 0


class Glance(NamedTuple):
    """What one kind of held-out data shows, for one row of a table; rungs are named by their titles.

    Attributes:
        title: of the data, for people.
        use: the rung to use; ``None`` where none is shown to be better than guessing.
        baseline: the best statistical rung, which all others are held against.
        better: other rungs shown to be better than the baseline; which of them is best is not shown.
        tied: not shown to differ from the baseline.
        worse: shown to be worse than the baseline.
        guessing: those of ``worse`` that do worse than the uniform guess: their whole interval lies below
            that of the guess.
        few: not shown to differ, and measured on fewer answers than the baseline.
    """

    title: str
    use: str | None
    baseline: str
    better: tuple[str, ...]
    tied: tuple[str, ...]
    worse: tuple[str, ...]
    guessing: tuple[str, ...]
    few: tuple[str, ...]


def glance(title: str, rungs: Sequence[Measured]) -> Glance:
    """The rungs of one kind of held-out data sorted by what their paired intervals show."""
    baseline, use = _baseline(rungs), _use(rungs)
    better = [m.title for m in _better(rungs) if m is not use]
    open_ = [
        m for m in rungs if m.comparison and m.comparison.log_loss.low <= 0 <= m.comparison.log_loss.high
    ]
    worse = [m for m in rungs if m.comparison and m.comparison.log_loss.high < 0]
    guess = next((m for m in rungs if m.rung == GUESS), None)
    return Glance(
        title=title,
        use=None if use is None else use.title,
        baseline=baseline.title,
        better=tuple(better),
        tied=tuple(m.title for m in open_ if m.answers == baseline.answers and m is not use),
        worse=tuple(m.title for m in worse),
        guessing=tuple(m.title for m in worse if guess is not None and _below(m, guess)),
        few=tuple(m.title for m in open_ if m.answers < baseline.answers),
    )


def words(parts: Sequence[Evidence]) -> list[str]:
    """Sentences, the advice first; ``glance`` has the rungs that they leave out.

    A rung is called better only where the 95 % interval of its paired difference from the best statistical
    baseline lies above zero; that baseline was itself chosen on the same answers, which is on the side of
    caution. Several rungs are compared, so now and then one is called better by luck: one in forty where none
    is. Where the uniform guess is not told from the baseline and nothing is better than that, nothing is
    recommended.
    """
    return [line for part in parts for line in _part(part)] + _trained(parts)


def _part(part: Evidence) -> list[str]:
    baseline, use = _baseline(part.rungs), _use(part.rungs)
    lines = [_advice(part, use, baseline), *_known_batteries(part)]
    share = next((m for m in part.rungs if m.rung == "item_share"), None)
    if not part.new_questions and share is not None and use is not None:
        lines += _item_share(share, baseline)
    return lines


def _baseline(rungs: Sequence[Measured]) -> Measured:
    return next(m for m in rungs if m.comparison is None)


def _better(rungs: Sequence[Measured]) -> list[Measured]:
    return [m for m in rungs if m.comparison and m.comparison.log_loss.low > 0]


def _use(rungs: Sequence[Measured]) -> Measured | None:
    """The rung to use; ``None`` where none is shown to be better than the uniform guess."""
    better, baseline = _better(rungs), _baseline(rungs)
    if better:
        return max(better, key=_gain)
    guess = next((m for m in rungs if m.rung == GUESS), None)
    if guess is None or (guess.comparison is not None and guess.comparison.log_loss.high < 0):
        return baseline
    # The baseline is not shown to be better than guessing; something that is not told from it may be.
    shown = [
        m
        for m in rungs
        if m.answers == baseline.answers
        and (m.comparison is None or m.comparison.log_loss.high >= 0)
        and m.over_guess is not None
        and m.over_guess.log_loss.low > 0
    ]
    return min(shown, key=lambda m: m.log_loss) if shown else None


def _below(measured: Measured, guess: Measured) -> bool:
    """Whether a rung is shown to be worse than the uniform guess; both are held against the baseline."""
    if measured is guess or measured.comparison is None:
        return False
    low = 0.0 if guess.comparison is None else guess.comparison.log_loss.low
    return measured.comparison.log_loss.high < low


def _advice(part: Evidence, use: Measured | None, baseline: Measured) -> str:
    where = f"For {_lower(part.title)}"
    measured = f"log loss {_figure(baseline.log_loss)} nats on {_base(baseline)}"
    if use is None:
        nothing = f"{where} use nothing of this: no rung is shown to be better than guessing"
        if baseline.rung == GUESS:
            return f"{nothing} ({measured}).{_few(baseline)}"
        least = f"{baseline.title} loses least, and luck can explain that"
        return f"{nothing}. {least} ({measured}).{_few(baseline)}"
    if use.comparison is None:
        return f"{where} use {_name(baseline)}: no other rung is shown to be better ({measured}).{_few(use)}"
    if use.over_guess is not None and use.comparison.log_loss.low <= 0:
        return (
            f"{where} use {_name(use)}: it is better than guessing, by {_interval(use.over_guess.log_loss)} "
            f"nats for each answer, measured on {_base(use)}; it is not told from the best baseline, "
            f"{_name(baseline)}, which is not shown to be better than guessing.{_few(use)}"
        )
    return (
        f"{where} use {_name(use)}: it is better than the best statistical baseline, {_name(baseline)}, by "
        f"{_interval(use.comparison.log_loss)} nats for each answer, measured on {_base(use)}.{_few(use)}"
    )


def _few(measured: Measured) -> str:
    """That so few questions say little of others; nothing where there are enough."""
    if measured.questions >= _FEW_QUESTIONS:
        return ""
    asked = counted(measured.questions, "question")
    return f" With {asked}, which differ, little can be shown: hold out more."


def _known_batteries(part: Evidence) -> list[str]:
    """That questions held out one by one are easier than questions on a new subject."""
    if not part.alike:
        return []
    are = "is" if part.alike == 1 else "are"
    return [
        f"Of the questions never trained on, {part.alike:,} {are} of the same battery as, or nearly the same "
        "as, one trained on: this shows how new items of known batteries are answered; questions on a new "
        "subject will do worse (`by: battery` in the split holds batteries out whole)."
    ]


def _item_share(share: Measured, baseline: Measured) -> list[str]:
    """When knowing who is asked is worth anything at all."""
    lines: list[str] = []
    if share is baseline or (share.comparison and share.comparison.log_loss.high >= 0):
        lines.append(
            "The item share is enough for overall results: nothing that uses attributes is shown to predict "
            "single answers better. For differences between segments there is no evidence in these answers."
        )
    elif share.comparison and share.comparison.agreement and share.comparison.agreement.high >= 0:
        lines.append(
            "For overall shares the item share is as good as anything: its agreement "
            f"({_value(share.agreement)}) is not shown to be below that of {_name(baseline)} "
            f"({_value(baseline.agreement)}). Who says what needs the attributes."
        )
    return lines


def _trained(parts: Sequence[Evidence]) -> list[str]:
    """Where no trained model is shown to be worth its training, said once for all parts."""
    found: dict[str, list[str]] = {}
    everywhere = True
    for part in parts:
        trained = [m for m in part.rungs if m.family == "trained" and m.comparison]
        if any(m in _better(part.rungs) for m in trained):
            everywhere = False
            continue
        for m in trained:
            if m.comparison:
                change = f"{_change(m.comparison.log_loss)} for {_lower(part.title)}"
                found.setdefault(m.title, []).append(change)
    if not found:
        return []
    told = " ".join(f"{title}: {'; '.join(changes)}." for title, changes in found.items())
    where = "here, as far as can be seen," if everywhere else "in the parts that follow,"
    there = "" if everywhere else " there"
    return [
        f"When to do without a trained model: {where} since none is shown to be better "
        f"than the best statistical baseline{there}. {told}"
    ]


def _change(estimate: Estimate) -> str:
    """What a rung gains over the baseline, or loses to it, with the interval of the gain."""
    span = f"{_signed(estimate.low)} to {_signed(estimate.high)}"
    if float(_figure(abs(estimate.value))) == 0:
        return f"neither gains nor loses ({span})"
    verb = "gains" if estimate.value > 0 else "loses"
    return f"{verb} {_figure(abs(estimate.value))} nats ({span})"


def _lower(title: str) -> str:
    return title[:1].lower() + title[1:]


def _name(measured: Measured) -> str:
    return _lower(measured.title)


def _gain(measured: Measured) -> float:
    return measured.comparison.log_loss.value if measured.comparison else 0.0


def _base(measured: Measured) -> str:
    return f"{measured.answers:,} answers of {measured.people:,} people"


def _value(estimate: Estimate | None) -> str:
    return "not defined" if estimate is None else _figure(estimate.value)


def _interval(estimate: Estimate) -> str:
    return f"{_figure(estimate.value)} ({_signed(estimate.low)} to {_signed(estimate.high)})"


def _figure(value: float) -> str:
    """As on the pages: three decimals, no leading zero, a minus sign that is none of a hyphen's width."""
    text = f"{abs(value):.3f}"
    sign = "\u2212" if value < 0 and float(text) else ""
    return sign + text.removeprefix("0")


def _signed(value: float) -> str:
    text = _figure(value)
    return f"+{text}" if value > 0 and float(text) else text
