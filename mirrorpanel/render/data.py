"""Everything that a report shows, as one frozen document; the JSON twin is its dump less small cells."""

from typing import Literal

from grounding.population.weights import Weighting
from grounding.provenance import Provenance, Source
from mirrorpanel.records import Apart
from personas.document import Document
from personas.screening import Finding
from validation.results import AgreementResult
from validation.toplines import ToplinesResult


class ModelLine(Document):
    """The model that answered.

    ``fingerprint`` hashes all that the answers depend on, ``adapter`` the fitted part alone;
    ``processor`` says what it ran on (device, number format).
    """

    name: str
    fingerprint: str
    base: str
    licence: str
    processor: str
    adapter: str


class SplitLine(Document):
    """What was held out, decided before anything was fitted.

    ``benchmark`` names the source of the held-out real answers with its field dates. ``overlap_people``
    and ``overlap_questions`` count those that stand on both sides of the split; ``None`` where it cannot
    be told.
    """

    people: int
    training_people: int
    held_out_people: int
    training_questions: int
    held_out_questions: int
    description: str
    benchmark: str
    sha256: str
    overlap_people: int | None
    overlap_questions: int


class Unvalidated(Document):
    """A question asked although no real answers exist for it; ``shares`` are weighted, one an option."""

    name: str
    text: str
    options: tuple[str, ...]
    shares: tuple[float, ...]
    outside_support: bool


class ReportData(Document):
    """The content of an agreement report.

    ``created`` and ``fielded`` are ISO 8601 times, ``seconds`` is the fielding time. ``population`` is a
    phrase without a full stop. ``smallest_base`` is the number of real people below which a segment is
    suppressed. ``limits`` are sentences, one for each use that is not supported; ``legal_basis`` is one
    on why the data may be used; ``reproduce`` are shell commands. ``anchored`` are sentences on published
    shares that the model's prior takes in, ``known`` on real answers that conditioned the persons' others.
    ``refused`` and ``repaired`` count answers; ``refused_questions`` were not asked, ``doubtful_questions``
    were asked all the same, and why is said. ``apart`` is agreement within a segment or wave held out.
    """

    synthetic: Literal[True] = True
    title: str
    created: str
    fielded: str
    version: str
    study: str
    panel: str
    model: ModelLine
    persons: int
    answers: int
    seconds: float
    answers_per_second: float
    refused: int
    repaired: int
    refused_questions: tuple[Finding, ...] = ()
    doubtful_questions: tuple[Finding, ...] = ()
    agreement: AgreementResult
    unvalidated: tuple[Unvalidated, ...] = ()
    apart: tuple[Apart, ...] = ()
    toplines: tuple[ToplinesResult, ...] = ()
    anchored: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    smallest_base: int
    population: str
    weighting: Weighting
    provenance: tuple[Provenance, ...]
    split: SplitLine
    sources: tuple[Source, ...]
    legal_basis: str
    prompts: tuple[str, ...]
    option_order: str
    draws: str
    reruns: str = "Not measured: this report describes one run."
    seed: int
    limits: tuple[str, ...]
    reproduce: tuple[str, ...]
