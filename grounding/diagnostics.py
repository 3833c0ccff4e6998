"""What a grounding found out about itself: everything that its report says beside the panel."""

from dataclasses import dataclass

from grounding.population.balance import Moved
from grounding.population.coverage import Coverage
from grounding.population.drawing import DrawingError
from grounding.population.imputation import Imputed
from grounding.population.tradeoff import CapPoint
from grounding.population.weights import MarginFit
from grounding.privacy.special import Found
from grounding.sources.support import Support


@dataclass(frozen=True)
class Filled:
    """How one attribute's missing values were filled, in words, with the caveats."""

    attribute: str
    method: str
    people: int
    copies: int
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Diagnostics:
    """The figures and sentences behind a grounding report.

    Attributes:
        household_margins: achieved and official shares of households, where households were weighted.
        merges: which thin levels were merged, in words.
        bounds: which margins cannot be met within the bounds on weights, and what bound would do.
        balance: how far weighting moved attributes that it was not fitted to.
        tradeoff: what each cap would cost and miss.
        coverage: how far the frame is from the population; ``None`` without margins.
        filled: what was imputed.
        supports: what each matching can and cannot support.
        drawing: how far the persons drawn are from the weighted people.
        modelled: how people were modelled, in words; empty where they are real.
        masked: where -> kind of personal data -> how often it was masked in text.
        special: special categories that were let in.
        unrecorded: source -> what its record lacks.
    """

    household_margins: tuple[MarginFit, ...]
    merges: tuple[str, ...]
    balance: tuple[Moved, ...]
    tradeoff: tuple[CapPoint, ...]
    coverage: Coverage | None
    filled: tuple[Filled, ...]
    supports: tuple[Support, ...]
    drawing: DrawingError
    modelled: tuple[str, ...]
    masked: dict[str, dict[str, int]]
    special: tuple[Found, ...]
    unrecorded: dict[str, tuple[str, ...]]
    bounds: tuple[str, ...] = ()


def filled(imputed: Imputed) -> Filled:
    """The summary of one imputation."""
    people = int(imputed.imputed.sum())
    return Filled(imputed.attribute, imputed.method, people, imputed.copies, imputed.warnings)
