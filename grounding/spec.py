"""What a grounding file (``ground.yaml``) may say."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, cast

from pydantic import Field, StrictBool, field_validator, model_validator

from grounding.codebook import Codes, Label, Recode
from personas.document import Document


class SurveySource(Document):
    """Survey rows that become people.

    Attributes:
        data: name in the data catalogue; or
        file: CSV or Parquet, relative to the grounding file.
        codebook: name of a shipped codebook, or path to a YAML file.
        id: column with one distinct id for each person.
        weight: column with design weights; every person counts the same without it.
        source: who made the data; the catalogue's words where empty.
        attributes: attribute -> column and recode.
    """

    data: str | None = None
    file: str | None = None
    codebook: str
    id: str
    weight: str | None = None
    source: str = ""
    licence: str = ""
    vintage: str = ""
    attributes: Annotated[dict[str, Recode], Field(min_length=1)]

    @model_validator(mode="after")
    def _one_place(self) -> "SurveySource":
        if (self.data is None) == (self.file is None):
            raise ValueError("give either data (a name of the catalogue) or file (a path)")
        return self


class Contains(Document):
    """A condition on text: it holds where the text contains these letters, in upper or lower case."""

    contains: str


class Lookup(Document):
    """A table joined to a customer's rows, with one row for each value of ``by``."""

    table: str
    by: str


class CustomerAttribute(Document):
    """A customer attribute: one number from the customer's rows, cut into named groups.

    Attributes:
        table: the table whose rows are aggregated.
        lookup: table that says more about each row, such as the product behind a purchase.
        measure: count (rows), distinct (values of ``of``), sum or mean of ``of``, or share (the part of the
            sum of ``of`` that lies in rows where ``where`` holds).
        of: the column measured.
        where: column -> the values that count, or ``{contains: letters}``; all conditions must hold.
        quantiles: names of equally large groups, lowest first; or
        up_to: group -> its highest number, lowest first; the last group is open (null).
    """

    table: str
    lookup: Lookup | None = None
    measure: Literal["count", "distinct", "sum", "mean", "share"]
    of: str | None = None
    where: Annotated[dict[str, Contains | Codes], Field(default_factory=dict)]
    quantiles: tuple[Label, ...] | None = None
    up_to: dict[Label, float | None] | None = None

    @field_validator("of")
    @classmethod
    def _something_measured(cls, of: str | None, info: Any) -> str | None:
        if of is not None and info.data.get("measure") == "count":
            raise ValueError("count counts rows and takes no column; leave out 'of'")
        return of

    @field_validator("quantiles")
    @classmethod
    def _distinct(cls, groups: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if groups is not None and (len(groups) < 2 or len(set(groups)) != len(groups)):
            raise ValueError("name at least 2 distinct groups")
        return groups

    @field_validator("up_to")
    @classmethod
    def _ascending(cls, limits: dict[str, float | None] | None) -> dict[str, float | None] | None:
        if limits is not None:
            *inner, last = limits.values()
            known = [limit for limit in inner if limit is not None]
            if len(known) < max(1, len(inner)) or last is not None or sorted(set(known)) != known:
                raise ValueError("limits must ascend, one for each group, and the last must be null (open)")
        return limits

    @model_validator(mode="after")
    def _complete(self) -> "CustomerAttribute":
        if (self.quantiles is None) == (self.up_to is None):
            raise ValueError("give either quantiles (names of equal groups) or up_to (group: highest number)")
        if self.measure != "count" and self.of is None:
            raise ValueError(f"measure {self.measure} needs 'of', the column that is measured")
        if self.measure == "share" and not self.where:
            raise ValueError("measure share needs 'where', which says what is shared out of the whole")
        return self

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the groups, lowest first."""
        return self.quantiles if self.quantiles is not None else tuple(self.up_to or {})

    @property
    def sentence(self) -> str:
        """How the attribute is made, in words, for the provenance."""
        by = f" ({self.lookup.table} looked up by {self.lookup.by!r})" if self.lookup else ""
        where = " and ".join(f"{column} {_condition(rule)}" for column, rule in self.where.items())
        words = {"count": "number of rows", "distinct": "number of distinct"}
        what = words.get(self.measure, f"{self.measure} of") + (f" {self.of!r}" if self.of else "")
        if self.quantiles is not None:
            cut = f"cut into equal groups {', '.join(self.groups)}"
        else:
            limits = (self.up_to or {}).items()
            cut = "cut into " + ", ".join(
                name if high is None else f"{name} (up to {high:g})" for name, high in limits
            )
        return f"{what} in {self.table}{by}{' where ' + where if where else ''}, {cut}"


def _condition(rule: Contains | tuple[str, ...]) -> str:
    return f"contains {rule.contains!r}" if isinstance(rule, Contains) else f"is {' or '.join(rule)}"


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
    """Customers whose behaviour is summarised and joined to people by statistical matching.

    Attributes:
        data: name in the data catalogue; or
        files: table -> CSV or Parquet file, relative to the grounding file.
        people: the table with one row for each customer.
        key: the column that identifies the customer, in every table.
        match: variable -> how both sides are recoded.
        donor_limit: how many people one customer may be matched to; no limit where null.
    """

    name: str
    data: str | None = None
    files: dict[str, str] | None = None
    people: str
    key: str
    source: str = ""
    licence: str = ""
    vintage: str = ""
    attributes: Annotated[dict[str, CustomerAttribute], Field(min_length=1)]
    match: Annotated[dict[str, SharedVariable], Field(min_length=1)]
    donor_limit: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _one_place(self) -> "CrmSource":
        if (self.data is None) == (self.files is None):
            raise ValueError("give either data (a name of the catalogue) or files (table: path)")
        return self


class OwnTable(Document):
    """A margin table of the user's own: one column for each dimension, and a column ``count``.

    Attributes:
        file: CSV or Parquet, relative to the grounding file.
        source: office and publication.
    """

    file: str
    source: str
    vintage: str = ""
    licence: str = ""


class Imputation(Document):
    """An attribute nobody observed, drawn from an official table.

    Attributes:
        dimension: the table's dimension; the attribute's name where empty.
        levels: attribute value -> official categories, where they differ.
    """

    attribute: str
    table: str
    dimension: str = ""
    levels: dict[Label, tuple[str, ...]] | None = None


class MarginUse(Document):
    """An official table that the weights must meet.

    Attributes:
        table: name of a table in reference_data or among the file's own ``tables``.
        attributes: the table's dimension -> attribute of the panel; other dimensions are summed out.
        bins: attribute -> attribute value -> lowest and highest official number, where the survey has groups
            already; an attribute that is itself cut by bins needs none.
        levels: attribute -> attribute value -> official categories, where they differ.
    """

    table: str
    attributes: Annotated[dict[str, str], Field(min_length=1)]
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


class GroundSpec(Document):
    """A whole grounding: survey rows, customers, margins, and how many persons to draw.

    Attributes:
        panel: name of the panel.
        persons: how many persons are drawn.
        seed: of every random choice.
        legal_basis: why the data may be used, for the report.
        tables: official tables of the user's own, by the name that margins and imputations use.
        as_shares: use margins that count different populations, each as shares.
        weight_cap: largest weight as a multiple of the mean; not limited where null.
    """

    panel: str
    persons: Annotated[int, Field(ge=1)]
    seed: int = 0
    legal_basis: str = ""
    survey: SurveySource
    crm: tuple[CrmSource, ...] = ()
    tables: Annotated[dict[str, OwnTable], Field(default_factory=dict)]
    impute: tuple[Imputation, ...] = ()
    margins: tuple[MarginUse, ...] = ()
    as_shares: StrictBool = False
    weight_cap: Annotated[float, Field(gt=1)] | None = None

    @field_validator("crm")
    @classmethod
    def _new_from_crm(cls, crm: tuple[CrmSource, ...], info: Any) -> tuple[CrmSource, ...]:
        survey = info.data.get("survey")
        taken = list(survey.attributes) if isinstance(survey, SurveySource) else []
        if len({source.name for source in crm}) < len(crm):
            raise ValueError("give each CRM source a name of its own")
        _refuse_repeats([*taken, *(a for source in crm for a in source.attributes)])
        return crm

    @field_validator("impute")
    @classmethod
    def _new_from_tables(cls, impute: tuple[Imputation, ...], info: Any) -> tuple[Imputation, ...]:
        _refuse_repeats([*_attributes(info.data), *(i.attribute for i in impute)])
        return impute

    @field_validator("margins")
    @classmethod
    def _known_attributes(cls, margins: tuple[MarginUse, ...], info: Any) -> tuple[MarginUse, ...]:
        known = [*_attributes(info.data), *(i.attribute for i in info.data.get("impute", ()))]
        for use in margins:
            stray = next((a for a in use.attributes.values() if a not in known), None)
            if "survey" in info.data and stray is not None:
                raise ValueError(
                    f"margin {use.table!r} uses attribute {stray!r}; there are {', '.join(known)}"
                )
        return margins


def _attributes(data: Mapping[str, Any]) -> list[str]:
    survey = data.get("survey")
    crm = cast(tuple[CrmSource, ...], data.get("crm", ()))
    observed = list(survey.attributes) if isinstance(survey, SurveySource) else []
    return [*observed, *(a for source in crm for a in source.attributes)]


def _refuse_repeats(names: list[str]) -> None:
    twice = next((n for n in names if names.count(n) > 1), None)
    if twice is not None:
        raise ValueError(f"attribute {twice!r} is made twice; give each attribute one source")
