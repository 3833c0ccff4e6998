"""The errors that users meet; only the command line and the web edge catch them."""


class MirrorpanelError(Exception):
    """What was wrong, the value found, what is allowed and what to do, in one readable message."""


class DocumentError(MirrorpanelError):
    """A file that people write (YAML, a codebook) does not say what it must; names file, line and key."""


class DataError(MirrorpanelError):
    """A source holds something that cannot be used: duplicate ids, unknown labels, undecodable bytes."""


class UnknownName(MirrorpanelError):
    """A name that is not in a catalogue; the message lists those that are."""

    def __init__(self, kind: str, name: str, known: list[str]) -> None:
        choices = ", ".join(repr(k) for k in known)
        super().__init__(f"Unknown {kind} {name!r}; choose from {choices}")


class PullError(MirrorpanelError):
    """Weights or data could not be fetched or failed their checksum."""


class ServerError(MirrorpanelError):
    """A model server that does not answer, refuses or cannot do what is asked; an unusable address or key."""


class WorkspaceError(MirrorpanelError):
    """The workspace is missing, held by another writer, or cannot be written."""
