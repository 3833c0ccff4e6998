"""What a workspace remembers of panels, adapters, runs and agreement, beside their rows."""

from grounding.provenance import Provenance
from grounding.spec import GroundSpec
from grounding.weights import Weighting
from personas.document import Document
from personas.question import Question
from training.spec import TrainSpec
from validation.results import AgreementResult
from validation.study import StudySpec


class PanelRecord(Document):
    """How a panel was made; ``inputs`` maps each file or data set read to its sha256."""

    spec: GroundSpec
    file: str
    people: int
    persons: int
    weighting: Weighting
    inputs: dict[str, str]
    provenance: tuple[Provenance, ...]


class SplitRecord(Document):
    """What was held out, and its hash; ``trained_ids`` hashes the ids of the people trained on."""

    seed: int
    people: float
    questions: tuple[str, ...]
    fingerprint: str
    people_held_out: int
    people_trained: int
    trained_ids: str


class AdapterRecord(Document):
    """How an adapter was trained: its files lie in ``folder``, relative to the workspace."""

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
    choices: dict[str, str]
    log_scores: dict[str, float]


class RunRecord(Document):
    """One fielding of a study; ``split`` is that of its adapter, ``None`` where nothing was trained."""

    spec: StudySpec
    file: str
    questions: tuple[Question, ...]
    model: str
    fingerprint: str
    adapter: str | None
    split: SplitRecord | None


class AgreementRecord(Document):
    """Agreement of a run with real people, and on whom the untuned baseline was measured.

    ``unvalidated`` names the questions without real answers, ``outside_support`` those of all questions
    that are near to nothing that was trained on.
    """

    result: AgreementResult
    unvalidated: tuple[str, ...]
    outside_support: tuple[str, ...]
    untuned: str
    segments: tuple[str, ...]
    seconds: float
