"""What a workspace remembers of panels, adapters, runs and agreement, beside their rows."""

from typing import Annotated, Literal

from pydantic import Field

from grounding.diagnostics import Diagnostics
from grounding.population.weights import Weighting
from grounding.prior import Anchored
from grounding.privacy.protection import SourceRecord
from grounding.provenance import Provenance
from grounding.spec import GroundSpec
from personas.document import Document
from personas.question import Question
from personas.screening import Finding
from training.gradients.tuned import LoraResult, VoiceResult
from training.spec import TrainSpec
from validation.results import AgreementResult, StatusResult
from validation.stopping import Stopped
from validation.study import StudySpec
from validation.toplines import ToplinesResult


class TableRecord(Document):
    """An official table as it was used; ``sha256`` is empty where it ships in reference_data."""

    name: str
    source: str
    vintage: str
    licence: str
    basis: str
    sha256: str


class PanelRecord(Document):
    """How a panel was made.

    ``inputs`` maps each file or data set read to its sha256; ``left_out`` is a hash of the pseudonyms of
    people who had been erased by then, empty where there were none.
    """

    spec: GroundSpec
    file: str
    people: int
    persons: int
    weighting: Weighting
    inputs: dict[str, str]
    provenance: tuple[Provenance, ...]
    left_out: str = ""
    sources: tuple[SourceRecord, ...]
    found: Diagnostics
    tables: tuple[TableRecord, ...]


class SplitRecord(Document):
    """What was held out, and its hash; ``trained_ids`` hashes the ids of the people trained on.

    Nobody is counted twice: people kept for ``people_rectification``, of the segment or of the wave that is
    held out (of both: not counted), of neither and held out by hash, or trained on. ``blocks`` are the
    questions held out in their batteries; ``warnings`` say where questions trained on are near-duplicates of
    them.
    """

    seed: int
    people: float
    questions: tuple[str, ...]
    fingerprint: str
    people_held_out: int
    people_trained: int
    trained_ids: str
    rectification: float = 0.0
    by: Literal["battery", "question"] = "question"
    segment: dict[str, tuple[str, ...]] = Field(default_factory=dict[str, tuple[str, ...]])
    wave: dict[str, tuple[str, ...]] = Field(default_factory=dict[str, tuple[str, ...]])
    people_rectification: int = 0
    people_segment: int = 0
    people_wave: int = 0
    blocks: tuple[tuple[str, ...], ...] = ()
    warnings: tuple[str, ...] = ()


class AnchorRecord(Document):
    """Published shares that informed the prior of a question; ``source`` names the study."""

    question: str
    source: str
    shares: tuple[float, ...]
    n_effective: float


class AdapterRecord(Document):
    """How an adapter was trained: its files lie in ``folder``, relative to the workspace.

    ``anchors`` are the published shares that its prior takes in, ``anchored`` says what they were worth.
    ``kind`` is ``joint`` where the language model reads person and question as one text, over the statistics
    of the folder; ``lora`` and ``voice`` say what came of training by gradients, also where nothing was kept.
    ``seconds`` is what the fitting took, ``command_seconds`` the whole command up to registration: audit,
    language model, fitting, gates and figures. ``tuned_files`` maps each file of a LoRA adapter that was
    kept, by its path in the folder, to its sha256.
    """

    spec: TrainSpec
    file: str
    folder: str
    fingerprint: str
    base_model: str
    base_fingerprint: str
    processor: str
    split: SplitRecord
    attributes: tuple[str, ...]
    seconds: float
    command_seconds: float = 0.0
    choices: dict[str, str]
    log_scores: dict[str, float]
    anchors: tuple[AnchorRecord, ...] = ()
    anchored: tuple[Anchored, ...] = ()
    kind: Literal["factored", "joint"] = "factored"
    lora: LoraResult | None = None
    voice: VoiceResult | None = None
    tuned_files: dict[str, str] = Field(default_factory=dict[str, str])


class KnownRecord(Document):
    """Real answers that conditioned what persons answer: to which questions, how many, of how many persons.

    ``alike`` names pairs of a known question and one asked that are nearly the same. Which answers they are
    follows from the panel.
    """

    questions: tuple[Question, ...]
    persons: int
    answers: int
    alike: tuple[tuple[str, str], ...] = ()


class PlanRecord(Document):
    """What a fielding was expected to take, beside what it took.

    It is that of the last time that the run was started and something was left to ask. Seconds are those of
    answering and storing, loading not counted, bytes those of the device at the peak of the process.
    ``seconds_low`` and ``seconds_high`` are ``None`` where nobody could say, ``seconds`` and ``memory`` where
    the fielding was stopped on the way. ``remembered`` counts the texts that were not encoded, since the
    workspace had kept their vectors.
    """

    batch: int
    device: str
    answers: int
    passes: int
    tokens: int
    remembered: int = 0
    seconds_low: float | None
    seconds_high: float | None
    memory_low: int
    memory_high: int
    seconds: float | None = None
    memory: int | None = None


class UnseenRecord(Document):
    """What an adapter was trained without, or a panel lacks of what it was trained with.

    Attributes:
        trained: attributes that the adapter uses.
        missing: those that the panel lacks.
        levels: values of the panel's persons that nobody trained on had, by attribute.
        persons: with any of these values.
        placed: such values are placed by what they say; else they are like no other value.
    """

    trained: int
    missing: tuple[str, ...] = ()
    levels: dict[str, tuple[str, ...]] = Field(default_factory=dict[str, tuple[str, ...]])
    persons: int = 0
    placed: bool = True


class RunRecord(Document):
    """One fielding of a study; ``split`` is that of its adapter, ``None`` where nothing was trained.

    ``spec`` and ``questions`` are as the model read them; ``masked`` counts the personal data that were
    masked in new questions, by place and kind. ``draws`` says how the answers were drawn, ``known`` what was
    known of the persons beside their attributes; ``None`` for nothing. ``refused`` are questions of the study
    that nobody was asked, ``doubtful`` some of ``questions``, each with the reason. ``unseen`` says where
    panel and adapter do not meet; ``None`` where they do. ``stopped`` says how a complete run ended whose
    study could stop early (``spec.until``). ``plan`` says what was expected of it.
    """

    spec: StudySpec
    file: str
    questions: tuple[Question, ...]
    model: str
    fingerprint: str
    adapter: str | None
    split: SplitRecord | None
    masked: Annotated[dict[str, dict[str, int]], Field(default_factory=dict)]
    draws: Literal["joint", "independent"] = "independent"
    known: KnownRecord | None = None
    refused: tuple[Finding, ...] = ()
    doubtful: tuple[Finding, ...] = ()
    unseen: UnseenRecord | None = None
    stopped: Stopped | None = None
    plan: PlanRecord | None = None


class Apart(Document):
    """Agreement within a segment or wave that is held out: its persons with its people, nobody else.

    Questions are those trained on. ``result`` is ``None`` where there are too few people or persons.
    """

    part: Literal["unseen_segment", "unseen_wave"]
    who: str
    people: int
    persons: int
    result: StatusResult | None


class AgreementRecord(Document):
    """Agreement of a run with real people, and on whom the untuned baseline was measured.

    Nobody of a segment or wave that the adapter holds out is in ``result``: they are in ``apart``.

    ``unvalidated`` names the questions without real answers, ``outside_support`` those of all questions
    that are near to nothing that was trained on. ``toplines`` holds the answers against published shares.
    ``fielded`` says what a reader must know of the fielding: answers that did not come, an early stop.
    """

    result: AgreementResult
    unvalidated: tuple[str, ...]
    outside_support: tuple[str, ...]
    untuned: str
    segments: tuple[str, ...]
    seconds: float
    apart: tuple[Apart, ...] = ()
    toplines: tuple[ToplinesResult, ...] = ()
    fielded: tuple[str, ...] = ()
