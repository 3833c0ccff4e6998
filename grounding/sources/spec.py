"""What a grounding file says about survey rows and published shares."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, StrictBool, model_validator

from grounding.privacy.spec import Protection
from grounding.sources.codebook import AttributeName, Recode
from grounding.sources.place import Database, Place, ReadOptions
from personas.document import Document


class SurveySource(Document):
    """Survey rows that become people.

    Attributes:
        data: name in the data catalogue; or
        file: CSV, Parquet, Excel, SPSS or Stata, relative to the grounding file; or
        database: a table or query.
        read: how the file is read.
        definition: Qualtrics survey file (.qsf) behind a response CSV, relative to the grounding file.
        codebook: name of a shipped codebook, or path to a YAML file; without one there are no questions.
        id: column with one distinct id for each person.
        weight: column with design weights; every person counts the same without it.
        household: column with the id of the person's household.
        duration: column with the seconds that the person took to answer; the audit before a training finds
            speeders with it, and nothing else uses it.
        source: who made the data; the catalogue's words where empty.
        allow: the only columns that may be read; those that the grounding file and the codebook name where
            left out.
        protection: legal basis and the like; that of the whole file where left out.
        attributes: attribute -> column and recode.
    """

    data: str | None = None
    file: str | None = None
    database: Database | None = None
    read: ReadOptions = ReadOptions()
    definition: str = ""
    codebook: str = ""
    id: str
    weight: str | None = None
    household: str = ""
    duration: str = ""
    source: str = ""
    licence: str = ""
    vintage: str = ""
    allow: tuple[str, ...] | None = None
    protection: Protection | None = None
    attributes: Annotated[dict[AttributeName, Recode], Field(min_length=1)]

    @model_validator(mode="after")
    def _one_place(self) -> "SurveySource":
        if sum(place is not None for place in (self.data, self.file, self.database)) != 1:
            raise ValueError(
                "give one of data (a name of the catalogue), file (a path) and database (url and table)"
            )
        return self

    def place(self, base: Path) -> Place:
        """Where the rows lie, with paths relative to ``base``. Raises: ValueError for catalogued data."""
        if self.data is not None:
            raise ValueError(f"catalogued data {self.data!r} has no place of its own")
        return Place(
            path=None if self.file is None else base / self.file,
            database=self.database,
            options=self.read,
            definition=base / self.definition if self.definition else None,
            base=base,
        )


class MarketStudy(Document):
    """A published study: a file of toplines (YAML or Excel), shares that are never treated as microdata.

    Attributes:
        file: relative to the grounding file.
        anchor: whether its shares inform the prior of the questions it reports; otherwise they only serve to
            validate.
    """

    file: str
    anchor: StrictBool = True
