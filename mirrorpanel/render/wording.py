"""The words that the page and its charts use for baselines, held-out data and questions."""

import re
from collections import Counter
from collections.abc import Sequence

from validation.results import Measure, QuestionResult, Status

SYNTHETIC = "Synthetic data: the answers in this report come from simulated persons, not from people."
SYNTHETIC_TABLE = "Synthetic data: the answers in this table come from simulated persons, not from people."
SYNTHETIC_SHORT = "Synthetic data: simulated persons, not people."

MODEL = "model"

BASELINES = {
    MODEL: "persona model",
    "uniform": "uniform guess",
    "item_share": "item share (no persona)",
    "empty_persona": "empty persona",
    "shuffled_persona": "shuffled personas",
    "untuned": "untuned language model",
}

STATUSES: dict[Status, str] = {
    "unseen_people": "Unseen people, questions seen in training",
    "unseen_both": "Unseen people, unseen questions",
}

STATUSES_SHORT: dict[Status, str] = {
    "unseen_people": "question in training",
    "unseen_both": "unseen question",
}

MEASURES: dict[Measure, str] = {
    "agreement": "overall shares",
    "segment_agreement": "shares of segments",
    "log_score": "single answers",
}

_ELLIPSIS = "…"
_WORTH_CUTTING = 20
_STEM_END = re.compile(r"([?:…]|\.\.\.|(?<=\w{3})[.!])(?=\s+\S)")


def baseline(name: str) -> str:
    """Readable name of a baseline; one that is not known here keeps its own name."""
    return BASELINES.get(name, name.replace("_", " "))


def question_labels(questions: Sequence[QuestionResult], longest: int = 58) -> dict[str, str]:
    """A short label for each question name, all different.

    The stem that items of a battery share ("How well does this fit you?") is cut, and so is what all texts
    begin with ("Are we spending too much ... on"), since it tells none apart; what is still longer than
    ``longest`` characters is cut at its end, or at its beginning where the ends differ.
    """
    texts = _without_stems([q.text for q in questions])
    shared = _shared_words([t.split() for t in dict.fromkeys(texts)])
    rests = [" ".join(t.split()[shared:]) for t in texts]
    cut = len(" ".join(texts[0].split()[:shared]) if texts else "") >= _WORTH_CUTTING
    # The rest of a question that lost its beginning is no question any more.
    rests = [r.rstrip("?:. ") or r for r in rests] if cut else [t.rstrip(":. ") or t for t in texts]
    heads = [_head(r, longest) for r in rests]
    twins = Counter(heads)
    labels = [h if twins[h] == 1 else _tail(r, longest) for h, r in zip(heads, rests, strict=True)]
    twins = Counter(labels)
    return {
        q.name: label if twins[label] == 1 else f"{label} ({q.name})"
        for q, label in zip(questions, labels, strict=True)
    }


def _without_stems(texts: Sequence[str]) -> list[str]:
    """The texts without the longest sentence that each begins with and shares with another text."""
    begins = Counter(stem for text in dict.fromkeys(texts) for stem in _stems(text))
    shared = [max((s for s in _stems(t) if begins[s] > 1), key=len, default="") for t in texts]
    rests = [t[len(stem) :].strip() for t, stem in zip(texts, shared, strict=True)]
    return [r.rstrip("?:. ") or r if stem else t for t, r, stem in zip(texts, rests, shared, strict=True)]


def _stems(text: str) -> list[str]:
    """What the text begins with, up to each end of a sentence, where that is long enough to be cut."""
    return [text[: m.end()] for m in _STEM_END.finditer(text) if m.end() >= _WORTH_CUTTING]


def _shared_words(texts: Sequence[Sequence[str]]) -> int:
    """Number of words that all texts begin with, leaving each at least one of its own."""
    if len(texts) < 2:
        return 0
    shared = 0
    for words in zip(*texts, strict=False):
        if len(set(words)) > 1:
            break
        shared += 1
    return min(shared, *(len(t) - 1 for t in texts))


def _head(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1].rsplit(" ", 1)[0] + _ELLIPSIS


def _tail(text: str, longest: int) -> str:
    return text if len(text) <= longest else _ELLIPSIS + text[-(longest - 1) :].split(" ", 1)[-1]
