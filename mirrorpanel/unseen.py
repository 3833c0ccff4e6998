"""Where a panel and an adapter do not meet: attributes that the panel lacks, values that are new."""

import numpy as np

from mirrorpanel.records import UnseenRecord
from personas.models.base import AnswerModel
from personas.models.factored import FactoredModel
from personas.panel import Panel
from personas.wording import counted, listing


def recorded(model: AnswerModel, statistics: FactoredModel | None, persons: Panel) -> UnseenRecord | None:
    """What a run keeps of it; ``None`` where all is known, or nothing was trained.

    Args:
        model: what answers.
        statistics: of the adapter, with the attributes that it was trained on; ``None`` for no adapter.
        persons: of the panel.
    """
    if statistics is None:
        return None
    encoder = statistics.persons
    missing, levels = encoder.missing(persons), encoder.unseen(persons)
    if not missing and not levels:
        return None
    new = np.zeros(len(persons), dtype=np.bool_)
    for name, values in levels.items():
        column = persons.attributes.index(name)
        codes = [persons.levels[column].index(value) for value in values]
        new |= np.isin(persons.codes[:, column], codes)
    return UnseenRecord(
        trained=len(encoder.attributes),
        missing=tuple(missing),
        levels=levels,
        persons=int(new.sum()),
        # A model that reads persons as text reads any value.
        placed=model is not statistics or encoder.text > 0,
    )


def sentences(found: UnseenRecord | None, persons: int) -> tuple[str, ...]:
    """What is missing or new, of how many persons, and what follows for their answers."""
    lines: list[str] = []
    if found is not None and found.missing:
        what = f"{listing(found.missing)} of the {counted(found.trained, 'attribute')} that the adapter uses"
        follows = (
            "everybody answers as the whole population does"
            if len(found.missing) == found.trained
            else "answers follow the other attributes alone"
        )
        lines.append(f"The panel lacks {what}, for all {counted(persons, 'person')}: {follows}.")
    if found is not None and found.levels:
        shown = "; ".join(f"{name} {listing(values, 5)}" for name, values in found.levels.items())
        follows = (
            "each is placed by what it says, which nothing has tested"
            if found.placed
            else "each is like no other value, so that it tells nothing of these persons"
        )
        lines.append(
            f"Nobody trained on had {shown}, which {found.persons:,} of {counted(persons, 'person')} have: "
            f"{follows}."
        )
    return tuple(lines)
