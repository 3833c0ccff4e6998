"""What a grounding file says about customers."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, StrictBool, field_validator, model_validator

from grounding.privacy.spec import Protection
from grounding.sources.codebook import AttributeName, Recode
from grounding.sources.measures import CustomerAttribute
from grounding.sources.place import Database, Place, ReadOptions
from personas.document import Document


class SharedVariable(Document):
    """A variable known of people and of customers, recoded on both sides to the same groups.

    Attributes:
        people: recode of a survey column.
        customers: recode of a column of the customer table; the same groups in the same order.
        ordered: groups are steps of a scale, so that neighbours are near; otherwise same or different.
        note: how the two sides differ, for the provenance.
    """

    people: Recode
    customers: Recode
    ordered: StrictBool = True
    note: str = ""

    @field_validator("customers")
    @classmethod
    def _same_groups(cls, customers: Recode, info: Any) -> Recode:
        people = info.data.get("people")
        if isinstance(people, Recode) and (not people.labels or people.labels != customers.labels):
            raise ValueError(
                f"both sides need the same groups in the same order: people have {_listing(people)}, "
                f"customers have {_listing(customers)}"
            )
        return customers


def _listing(recode: Recode) -> str:
    return ", ".join(map(repr, recode.labels)) or "none (give values or bins)"


class CrmSource(Document):
    """Customers whose behaviour is summarised and joined to people, by key or by statistical matching.

    Attributes:
        data: name in the data catalogue; or
        files: table -> CSV, Parquet, Excel, SPSS or Stata file, relative to the grounding file; or
        databases: table -> table or query of a database; files and databases may be mixed.
        read: table -> how its file is read.
        people: the table with one row for each customer.
        key: the column that identifies the customer, in every table whose rows are used.
        attributes: attribute -> how it is made.
        join: survey column that holds the customer's key; or
        match: variable -> how both sides are recoded.
        donor_limit: how many people one customer may be matched to; no limit where null.
        allow: table -> the only columns that may be read; those that the grounding file names where left out,
            and never any other.
        protection: legal basis and the like; that of the whole file where left out.
    """

    name: str
    data: str | None = None
    files: dict[str, str] | None = None
    databases: dict[str, Database] | None = None
    read: Annotated[dict[str, ReadOptions], Field(default_factory=dict)]
    people: str
    key: str
    source: str = ""
    licence: str = ""
    vintage: str = ""
    allow: dict[str, tuple[str, ...]] | None = None
    protection: Protection | None = None
    attributes: Annotated[dict[AttributeName, CustomerAttribute], Field(min_length=1)]
    join: str = ""
    match: Annotated[dict[str, SharedVariable], Field(default_factory=dict)]
    donor_limit: Annotated[int, Field(ge=1)] | None = None

    @field_validator("attributes")
    @classmethod
    def _values_of_customers(
        cls, attributes: dict[str, CustomerAttribute], info: Any
    ) -> dict[str, CustomerAttribute]:
        people = info.data.get("people")
        for name, attribute in attributes.items():
            if attribute.measure == "value" and people is not None and attribute.table != people:
                raise ValueError(
                    f"{name}: measure value takes a column of the customer table {people!r}, not of "
                    f"{attribute.table!r}; use most_common, or a number"
                )
        return attributes

    @model_validator(mode="after")
    def _one_place(self) -> "CrmSource":
        own = self.files is not None or self.databases is not None
        if (self.data is None) != own:
            raise ValueError(
                "give either data (a name of the catalogue), or files (table: path) and databases "
                "(table: url and table)"
            )
        tables = [*(self.files or {}), *(self.databases or {})]
        twice = next((table for table in tables if tables.count(table) > 1), None)
        if twice is not None:
            raise ValueError(f"table {twice!r} stands under files and under databases; give it one place")
        stray = next((table for table in self.read if own and table not in (self.files or {})), None)
        if stray is not None:
            raise ValueError(f"read names {stray!r}, which is not among files: {', '.join(self.files or {})}")
        if bool(self.join) == bool(self.match):
            raise ValueError("give either join (a survey column with the customer's key) or match")
        return self

    def places(self, base: Path) -> dict[str, Place]:
        """Table -> where its rows lie, with paths relative to ``base``; empty for catalogued data."""
        options = {table: self.read.get(table, ReadOptions()) for table in {*(self.files or {})}}
        files = {
            t: Place(path=base / f, options=options[t], base=base) for t, f in (self.files or {}).items()
        }
        return files | {t: Place(database=d, base=base) for t, d in (self.databases or {}).items()}
