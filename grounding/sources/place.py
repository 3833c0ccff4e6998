"""Where a table of rows lies, and how it is to be read."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from personas.document import Document


class ReadOptions(Document):
    """How a file is to be read; each key serves only the kinds of file that it concerns.

    Attributes:
        encoding: of CSV, SPSS and Stata files; found out where empty, and named in the report.
        separator: of CSV; found out where empty.
        decimal: decimal sign of numbers in CSV; with a comma, points between groups of three digits are
            thousands.
        thousands: a comma where 24,150 is 24150; only beside a decimal point.
        sheet: name of an Excel sheet; the first where empty.
        header: row of the header in Excel and CSV, from 1.
        broken_rows: rows with too few or too many fields are refused, or set aside and counted.
        repeated_names: a column name that stands twice is refused, or numbered: ``x``, ``x (2)``.
    """

    encoding: str = ""
    separator: str = ""
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ","] = ""
    sheet: str = ""
    header: Annotated[int, Field(ge=1)] = 1
    broken_rows: Literal["refuse", "quarantine"] = "refuse"
    repeated_names: Literal["refuse", "number"] = "refuse"

    @model_validator(mode="after")
    def _apart(self) -> "ReadOptions":
        if self.thousands == self.decimal:
            raise ValueError("a comma is either decimal sign or thousands sign: leave one of the two out")
        return self


class Database(Document):
    """A table or query in a database, read with nothing but reading rights.

    Attributes:
        url: ``duckdb:path`` (relative to the grounding file) or ``postgresql://user@host:port/name``; a
            password comes from the environment (PGPASSWORD), ``~/.pgpass`` or ``env:NAME`` as the whole url.
        table: name of a table, with its schema where needed; or
        query: one SELECT.
    """

    url: str
    table: str = ""
    query: str = ""

    @model_validator(mode="after")
    def _one(self) -> "Database":
        if bool(self.table) == bool(self.query):
            raise ValueError("give either table (a name) or query (one SELECT)")
        return self


@dataclass(frozen=True)
class Place:
    """One table of rows: a file or a database, and how to read it.

    Attributes:
        path: the file, ``None`` for a database.
        database: the database, ``None`` for a file.
        options: how to read.
        definition: Qualtrics survey file (.qsf) that describes the columns of ``path``.
        base: folder that a DuckDB path is relative to.
    """

    path: Path | None = None
    database: Database | None = None
    options: ReadOptions = field(default_factory=ReadOptions)
    definition: Path | None = None
    base: Path = Path()

    @property
    def name(self) -> str:
        """The place as errors and reports call it; never with a password."""
        if self.path is not None:
            return str(self.path)
        assert self.database is not None
        return f"{shown(self.database.url)}: {self.database.table or 'query'}"


def shown(url: str) -> str:
    """The url of a database as it may be shown: without user, password and parameters."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url
    where = rest.rpartition("@")[2].partition("?")[0]
    # A question mark before the last @ stands in a password or a parameter: where the one ends is unsure.
    return f"{scheme}://{'...' if '?' in rest.rpartition('@')[0] else where}"
