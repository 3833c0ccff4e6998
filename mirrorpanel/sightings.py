"""Where a subject is known in a workspace: under which stored id, in which panels, from which source."""

from collections.abc import Sequence
from dataclasses import dataclass

from grounding.privacy.protection import PERSONAL, SourceRecord
from grounding.privacy.pseudonyms import is_pseudonym
from mirrorpanel import keys, sources, speakers
from mirrorpanel.store import Workspace
from personas.errors import MirrorpanelError, UnknownName

ALL = "all"
# Where the id of one of the people is stored, and where that of a customer whose attributes were lent: what
# is imputed comes from one of the people.
_PEOPLE = (
    "people WHERE id = {}",
    "persons WHERE mirrors = {}",
    "trained WHERE id = {}",
    "set_aside WHERE id = {}",
    "imputations WHERE donor = {}",
    "attributes WHERE kind = 'imputed' AND donor = {}",
)
_DONORS = ("attributes WHERE kind <> 'imputed' AND donor = {}",)


@dataclass(frozen=True)
class Sighting:
    """A subject in one panel.

    Attributes:
        panel: that holds it.
        source: name of the source that it came from; empty where sources were not recorded.
        stored: the id as the panel has it.
        mark: what the list of those erased says.
        person: it is one of the people of the panel; ``donor``: others had attributes from it.
        spoke: a voice of one of the panel's adapters was trained on its open answers.
    """

    panel: str
    source: str
    stored: str
    mark: str
    person: bool
    donor: bool
    spoke: bool = False


@dataclass(frozen=True)
class _Candidate:
    panel: str
    source: str
    stored: str
    mark: str
    roles: tuple[str, ...]


def find(
    workspace: Workspace, subject: str, panel: str | None = None, source: str | None = None
) -> tuple[Sighting, ...]:
    """Everywhere that a subject is known.

    Args:
        workspace: to look in.
        subject: an original id, or a pseudonym.
        panel: look in this panel only.
        source: the source that the id belongs to; ``all`` where several are meant.

    Raises:
        MirrorpanelError: nobody is known by that id, or the same id stands for people of several sources.
        UnknownName: there is no such panel or source.
        WorkspaceError: the key that pseudonyms are made with is lost.
    """
    panels = _panels(workspace, panel)
    candidates = [c for p in panels for c in _candidates(workspace, p, subject, source)]
    found = [s for c in candidates for s in _seen(workspace, c)]
    found += [s for p in panels for s in _speaking(workspace, p, subject, source)]
    if not found:
        raise MirrorpanelError(_unknown(workspace, subject, panels, candidates))
    kinds = sorted({(s.source, s.mark) for s in found if s.source})
    if source is None and len({mark for _, mark in kinds}) > 1:
        names = ", ".join(sorted({repr(name) for name, _ in kinds}))
        raise MirrorpanelError(
            f"{subject!r} is an id in several sources that share no ids ({names}), which may be different "
            f"people; say which with --source NAME, or --source {ALL} where they are one and the same"
        )
    return tuple(dict.fromkeys([*found, *(s for f in found for s in _joined(workspace, f))]))


def _joined(workspace: Workspace, sighting: Sighting) -> list[Sighting]:
    """The same human under another id: a customer whose row was joined by key to one of the people."""
    pairs = workspace.rows(
        "SELECT DISTINCT id, donor FROM attributes WHERE panel = ? AND kind = 'observed' AND "
        "donor IS NOT NULL AND (id = ? OR donor = ?)",
        [sighting.panel, sighting.stored, sighting.stored],
    )
    survey = next((r for r in sources.records(workspace, sighting.panel) if r.kind == "survey"), None)
    found: list[Sighting] = []
    for person, customer in pairs:
        if person != sighting.stored and survey is not None:
            mark = person if survey.pseudonymised else f"{survey.name}/{person}"
            found.append(Sighting(sighting.panel, survey.name, person, mark, True, False))
        if customer != sighting.stored and is_pseudonym(customer):
            found.append(Sighting(sighting.panel, "", customer, customer, False, True))
    return found


def _panels(workspace: Workspace, panel: str | None) -> list[str]:
    if panel is not None:
        return [workspace.latest("panels", "panel", panel)]
    return [str(row[0]) for row in workspace.rows("SELECT panel FROM panels ORDER BY created")]


def _candidates(workspace: Workspace, panel: str, subject: str, source: str | None) -> list[_Candidate]:
    recorded = [r for r in sources.records(workspace, panel) if r.kind in PERSONAL]
    if source is not None and source != ALL:
        names = [r.name for r in recorded]
        if source in {s.name for s in speakers.sources(workspace, panel)} - set(names):
            return []
        if source not in names:
            raise UnknownName("source", source, names)
        recorded = [r for r in recorded if r.name == source]
    if is_pseudonym(subject):
        named = ", ".join(dict.fromkeys(r.name for r in recorded))
        return [_Candidate(panel, named, subject, subject, ("person", "donor"))]
    if not recorded:
        return [_Candidate(panel, "", subject, subject, ("person", "donor"))]
    return [_candidate(workspace, panel, subject, record) for record in recorded]


def _candidate(workspace: Workspace, panel: str, subject: str, record: SourceRecord) -> _Candidate:
    if record.pseudonymised:
        stored = keys.opened(workspace).pseudonym(record.namespace, subject)
        return _Candidate(panel, record.name, stored, stored, ("person", "donor"))
    # Ids that are kept may be row numbers: the same number elsewhere is somebody else.
    role = "person" if record.kind == "survey" else "donor"
    return _Candidate(panel, record.name, subject, f"{record.name}/{subject}", (role,))


def _seen(workspace: Workspace, candidate: _Candidate) -> list[Sighting]:
    person = "person" in candidate.roles and _stands(workspace, candidate, _PEOPLE)
    donor = "donor" in candidate.roles and _stands(workspace, candidate, _DONORS)
    if not person and not donor:
        return []
    return [Sighting(candidate.panel, candidate.source, candidate.stored, candidate.mark, person, donor)]


def _speaking(workspace: Workspace, panel: str, subject: str, source: str | None) -> list[Sighting]:
    """The subject among those whose open answers a voice was trained on."""
    found: list[Sighting] = []
    for one in speakers.sources(workspace, panel):
        if source not in (None, ALL, one.name):
            continue
        stored = subject
        if one.namespace and not is_pseudonym(subject):
            stored = keys.opened(workspace).pseudonym(one.namespace, subject)
        if speakers.known(workspace, panel, one, stored):
            found.append(Sighting(panel, one.name, stored, one.mark(stored), False, False, spoke=True))
    return found


def _stands(workspace: Workspace, candidate: _Candidate, places: Sequence[str]) -> bool:
    return any(
        workspace.value(
            f"SELECT count(*) FROM {place.format('?')} AND panel = ?", [candidate.stored, candidate.panel]
        )
        for place in places
    )


def _unknown(
    workspace: Workspace, subject: str, panels: Sequence[str], candidates: Sequence[_Candidate]
) -> str:
    moment = workspace.value(
        "SELECT moment FROM erased WHERE list_contains(?, pseudonym)", [[c.mark for c in candidates]]
    )
    if moment is not None:
        return f"{subject!r} was erased already, on {moment:%Y-%m-%d}; nothing of it is here"
    if not panels:
        return f"Nobody is known as {subject!r}: workspace {workspace.folder} holds no panel"
    people = workspace.value("SELECT count(*) FROM people WHERE list_contains(?, panel)", [list(panels)])
    donors = workspace.value(
        "SELECT count(DISTINCT donor) FROM attributes WHERE list_contains(?, panel)", [list(panels)]
    )
    named = ", ".join(sorted({c.source for c in candidates if c.source})) or "not recorded"
    return (
        f"Nobody is known as {subject!r}: searched {people:,} people and {donors:,} donors of panels "
        f"{', '.join(panels)}, under the ids of sources {named}. Give the id as the source has it, spaces "
        "and leading zeros included, or the pseudonym"
    )
