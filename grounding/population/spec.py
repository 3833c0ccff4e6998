"""What a grounding file says about the population: official tables, missing values, households."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from grounding.sources.codebook import Codes, Label, Recode
from grounding.sources.place import ReadOptions
from grounding.sources.spec import SurveySource
from personas.document import Document
from reference_data import Unit


class OwnTable(Document):
    """A margin table of the user's own: one column for each dimension, and one with the counts.

    Attributes:
        file: of any kind that survey rows may have, relative to the grounding file.
        source: office and publication.
        read: how the file is read.
        count: name of the column with the counts.
        country: whose population is counted, by name or code; empty where ``country`` is a dimension.
        basis: the population count that the figures stand on, such as ``Zensus 2022``.
        unit: what is counted; rows in per cent must add up to 100 and serve as shares only.
    """

    file: str
    source: str
    vintage: str = ""
    licence: str = ""
    read: ReadOptions = ReadOptions()
    count: Annotated[str, Field(min_length=1)] = "count"
    country: str = ""
    basis: str = ""
    unit: Unit = "people"


class Imputation(Document):
    """An attribute that nobody, or not everybody, was observed in, and how its missing values are filled.

    Attributes:
        attribute: one made by no source (method margin), or an observed one with missing values.
        method: margin draws from an official table, independent of all else; hot_deck takes the value of
            the most similar person who has one; model draws from a fitted model (chained equations).
        table: official table, for method margin.
        where: the table's dimension -> the official categories that count.
        dimension: the table's dimension; the attribute's name where empty.
        levels: attribute value -> official categories, where they differ.
        using: attributes that say who is similar; all other attributes where empty.
        copies: how many times each missing value is drawn (multiple imputation).
    """

    attribute: str
    method: Literal["margin", "hot_deck", "model"] = "margin"
    table: str = ""
    where: Annotated[dict[str, Codes], Field(default_factory=dict)]
    dimension: str = ""
    levels: dict[Label, tuple[str, ...]] | None = None
    using: tuple[str, ...] = ()
    copies: Annotated[int, Field(ge=1, le=100)] = 1

    @model_validator(mode="after")
    def _fits_the_method(self) -> "Imputation":
        if (self.method == "margin") != bool(self.table):
            raise ValueError("method margin needs 'table', the official table; the other methods take none")
        if self.method == "margin" and (self.using or self.copies > 1):
            raise ValueError("method margin draws independently of all else; leave out 'using' and 'copies'")
        return self


class MarginUse(Document):
    """An official table that the weights must meet.

    Attributes:
        table: name of a table in reference_data or among the file's own ``tables``.
        attributes: the table's dimension -> attribute of the panel; other dimensions are summed out.
        bins: attribute -> attribute value -> lowest and highest official number, where the survey has groups
            already; an attribute that is itself cut by bins needs none.
        levels: attribute -> attribute value -> official categories, where they differ.
        where: the table's dimension -> the official categories that count; other rows are left out.
    """

    table: str
    attributes: Annotated[dict[str, str], Field(min_length=1)]
    where: Annotated[dict[str, Codes], Field(default_factory=dict)]
    bins: Annotated[dict[str, dict[Label, tuple[float, float]]], Field(default_factory=dict)]
    levels: Annotated[dict[str, dict[Label, tuple[str, ...]]], Field(default_factory=dict)]

    @field_validator("bins", "levels")
    @classmethod
    def _of_these_attributes(cls, levels: dict[str, Any], info: Any) -> dict[str, Any]:
        used: Mapping[str, str] = info.data.get("attributes", {})
        stray = next((a for a in levels if a not in used.values()), None)
        if used and stray is not None:
            raise ValueError(f"{stray!r} is not among the attributes used here: {', '.join(used.values())}")
        return levels


class Households(Document):
    """Households weighted together with their persons: one weight for each household, which all in it bear.

    Attributes:
        attributes: household attribute -> column and recode; it must be the same for all persons of a
            household. The number of persons in the sample is there by the name ``household_size``.
        margins: official tables of households.
    """

    attributes: Annotated[dict[str, Recode], Field(default_factory=dict)]
    margins: Annotated[tuple[MarginUse, ...], Field(min_length=1)]


class Synthesis(Document):
    """Persons made from margins where there are no survey rows; all their attributes are modelled.

    The attributes are those of the margins. Without a sample they are independent but for joint margins.

    Attributes:
        sample: reference sample that says how the attributes go together; nobody in it becomes a person.
        people: how many modelled people stand for the population.
    """

    sample: SurveySource | None = None
    people: Annotated[int, Field(ge=1)] = 10_000
