"""What a grounding file says about one customer attribute: what is measured and how it is grouped."""

import difflib
import zoneinfo
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from grounding.sources.codebook import Codes, Label, Recode
from personas.document import Document

Kind = Literal[
    "count", "distinct", "sum", "mean", "min", "max", "share", "recency", "tenure", "rate",
    "most_common", "value",
]  # fmt: skip
Unit = Literal["day", "week", "month", "quarter", "year"]
DAYS = {"day": 1.0, "week": 7.0, "month": 365.25 / 12, "quarter": 365.25 / 4, "year": 365.25}
"""Length of each unit of time in days, on average."""

NUMBERS = ("count", "distinct", "sum", "mean", "min", "max", "share", "recency", "tenure")
"""Measures that are one number from a customer's rows of one table."""

_SERVES: dict[str, tuple[str, ...]] = {
    "per": ("count", "distinct", "sum"),
    "rounded_to": ("distinct",),
    "out_of": ("count", "distinct", "sum", "mean", "min", "max", "rate"),
    "weighted_by": ("most_common",),
    "top": ("most_common",),
    "others": ("most_common",),
    "values": ("value",),
    "bins": ("value",),
    "missing": ("value",),
    "quantiles": (*NUMBERS, "rate"),
    "up_to": (*NUMBERS, "rate"),
    "lookup": (*NUMBERS, "rate", "most_common"),
    "where": (*NUMBERS, "rate", "most_common"),
    "window": (*NUMBERS, "rate", "most_common"),
}


class Condition(Document):
    """A condition on a column; all parts given must hold, and an empty cell meets none.

    Attributes:
        contains: letters that the text has, in upper or lower case.
        not_contains: letters that it lacks.
        not_in: values that it is none of.
        above: a number below the cell's.
        below: a number above it.
        at_least: the smallest number allowed.
        at_most: the largest number allowed.
    """

    contains: str | None = None
    not_contains: str | None = None
    not_in: Codes | None = None
    above: float | None = None
    below: float | None = None
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _something(self) -> "Condition":
        if not any(self.model_dump().values()) and not self.limits:
            raise ValueError(
                "a condition needs one of contains, not_contains, not_in, above, below, at_least, at_most; "
                "or write the values that count as a list"
            )
        return self

    @property
    def limits(self) -> tuple[tuple[str, str, float], ...]:
        """The limits given: word, sign and number."""
        signs = {"above": ">", "below": "<", "at_least": ">=", "at_most": "<="}
        found = ((word, sign, getattr(self, word)) for word, sign in signs.items())
        return tuple((word, sign, number) for word, sign, number in found if number is not None)

    @property
    def sentence(self) -> str:
        """The condition in words."""
        parts = [f"contains {self.contains!r}"] if self.contains else []
        parts += [f"does not contain {self.not_contains!r}"] if self.not_contains else []
        parts += [f"is not {' or '.join(self.not_in)}"] if self.not_in else []
        parts += [f"is {word.replace('_', ' ')} {number:g}" for word, _, number in self.limits]
        return " and ".join(parts)


class Lookup(Document):
    """A table joined to a customer's rows, with one row for each value of ``by``."""

    table: str
    by: str


class Window(Document):
    """A span of time: only rows dated in it count, both ends included.

    Attributes:
        column: where the date of a row stands.
        since: the first day.
        until: the last day.
        last_days: how many days before and with ``as_of``, in place of ``since`` and ``until``.
    """

    column: str
    since: date | None = None
    until: date | None = None
    last_days: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _one_span(self) -> "Window":
        if self.last_days is not None and (self.since or self.until):
            raise ValueError("give either last_days (counted back from as_of) or since and until")
        if self.since and self.until and self.since > self.until:
            raise ValueError(f"since {self.since} lies after until {self.until}")
        return self


class Measure(Document):
    """One number, or one value, from a customer's rows of a table.

    What can be measured: count (rows), distinct (values of ``of``), sum, mean, min or max of ``of``; share
    (the part of the rows, or of the sum of ``of``, for which ``where`` holds); recency (days from the last
    date in ``of`` to ``as_of``) and tenure (days from the first); rate (the part of the distinct values in
    ``out_of`` that also stand in ``of``, such as campaigns responded to out of those received); most_common
    (the customer's most common value of ``of``); value (a column of the customer table as it stands, or
    recoded).

    Attributes:
        table: the table whose rows are used.
        lookup: table that says more about each row, such as the product behind a purchase.
        measure: what is measured.
        of: the column measured.
        where: column -> the values that count, or a condition; all must hold.
        window: only rows of this span of time.
        as_of: the day from which recency, tenure and ``last_days`` count back; later rows are left out there.
            ``latest`` is the last date in the table.
        date_format: how dates are written as text, such as ``%d.%m.%Y``; ISO dates where empty.
        time_zone: in which days are counted, such as ``Europe/Berlin``: times in the column are then in UTC,
            or say their offset. Where empty, the day is the one written.
        per: count, distinct and sum are divided by the length of the window in this unit.
        rounded_to: dates that ``distinct`` counts are first rounded down to this unit, such as ``month`` for
            the number of months with a row.
    """

    table: str
    lookup: Lookup | None = None
    measure: Kind
    of: str | None = None
    where: Annotated[dict[str, Condition | Codes], Field(default_factory=dict)]
    window: Window | None = None
    as_of: date | Literal["latest"] = "latest"
    date_format: str = ""
    time_zone: str = ""
    per: Unit | None = None
    rounded_to: Unit | None = None

    @field_validator("of")
    @classmethod
    def _something_measured(cls, of: str | None, info: Any) -> str | None:
        if of is not None and info.data.get("measure") == "count":
            raise ValueError("count counts rows and takes no column; leave out 'of'")
        return of

    @field_validator("time_zone")
    @classmethod
    def _on_the_map(cls, time_zone: str) -> str:
        known = zoneinfo.available_timezones()
        if time_zone and known and time_zone not in known:
            close = difflib.get_close_matches(time_zone, sorted(known), n=3)
            hint = f"; did you mean {' or '.join(close)}?" if close else ""
            raise ValueError(f"unknown time zone {time_zone!r}; write one such as 'Europe/Berlin'{hint}")
        return time_zone

    @model_validator(mode="after")
    def _measurable(self) -> "Measure":
        for key, measures in _SERVES.items():
            if key in self.model_fields_set and getattr(self, key) and self.measure not in measures:
                raise ValueError(f"'{key}' serves {', '.join(measures)}, not {self.measure}; leave it out")
        if self.measure not in ("count", "share") and self.of is None:
            raise ValueError(f"measure {self.measure} needs 'of', the column that is measured")
        if self.measure == "share" and not self.where:
            raise ValueError("measure share needs 'where', which says what is shared out of the whole")
        if self.per is not None and self.window is None:
            raise ValueError("'per' needs 'window' with at least 'column', the dates that the span is from")
        return self

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that are read."""
        return (self.table, *((self.lookup.table,) if self.lookup else ()))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read, of the table or of what is looked up, without the key."""
        named = (
            *((self.of,) if self.of else ()),
            *self.where,
            *((self.window.column,) if self.window else ()),
        )
        return tuple(dict.fromkeys(named))

    @property
    def measured(self) -> str:
        """What is measured, in words."""
        by = f" ({self.lookup.table} looked up by {self.lookup.by!r})" if self.lookup else ""
        where = " and ".join(f"{column} {_words(rule)}" for column, rule in self.where.items())
        to = f", to {self._end()}" if self.measure in ("recency", "tenure") else ""
        zone = f", days in {self.time_zone}" if self.time_zone else ""
        chosen = f" where {where}" if where else ""
        return f"{self._what()} in {self.table}{by}{chosen}{self._when()}{to}{zone}"

    def _what(self) -> str:
        of = f" {self.of!r}" if self.of else ""
        if self.measure == "distinct" and self.rounded_to:
            return f"number of distinct {self.rounded_to}s of{of}"
        words = {
            "count": "number of rows",
            "recency": "days from the last",
            "tenure": "days from the first",
            "distinct": "number of distinct",
            "min": "smallest",
            "max": "largest",
            "most_common": "most common",
            "value": "column",
            "rate": "part of the values of",
        }
        plain = "share of rows" if self.of is None else f"{self.measure} of"
        return words.get(self.measure, plain) + of

    def _when(self) -> str:
        if self.window is None:
            return ""
        span, column = self.window, self.window.column
        if span.last_days:
            text = f" in the {span.last_days} days up to {self._end()} by {column!r}"
        else:
            ends = [f"from {span.since}"] if span.since else []
            ends += [f"to {span.until}"] if span.until else []
            text = f" {' '.join(ends) or 'over all dates'} by {column!r}"
        return text + (f", per {self.per}" if self.per else "")

    def _end(self) -> str:
        return "the last date in the table" if self.as_of == "latest" else str(self.as_of)


class CustomerAttribute(Measure):
    """A customer attribute: a number cut into named groups, or a value taken as it stands.

    Attributes:
        out_of: what the number is divided by, such as all spending; for ``rate`` the whole that it is of.
        weighted_by: column whose sum says how common a value is; its number of rows without it.
        top: how many of the most common values are kept; ``others`` takes the place of all the rest.
        others: name of what is not among the ``top``.
        values: attribute value -> the code or codes that mean it; or
        bins: attribute value -> lowest and highest number, both included.
        missing: codes that mean that nothing is known.
        quantiles: names of equally large groups, lowest first; or
        up_to: group -> its highest number, lowest first; the last group is open (null).
    """

    out_of: Measure | None = None
    weighted_by: str | None = None
    top: Annotated[int, Field(ge=1)] | None = None
    others: Label | None = None
    values: dict[Label, Codes] | None = None
    bins: dict[Label, tuple[float, float]] | None = None
    missing: Codes = ()
    quantiles: tuple[Label, ...] | None = None
    up_to: dict[Label, float | None] | None = None

    @field_validator("out_of")
    @classmethod
    def _a_number(cls, out_of: Measure | None, info: Any) -> Measure | None:
        allowed = ("distinct",) if info.data.get("measure") == "rate" else NUMBERS
        if out_of is not None and out_of.measure not in allowed:
            raise ValueError(f"out_of takes measure {', '.join(allowed)}, not {out_of.measure}")
        return out_of

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
            *inner, last = limits.values() or [0]
            known = [limit for limit in inner if limit is not None]
            if len(known) < max(1, len(inner)) or last is not None or sorted(set(known)) != known:
                raise ValueError("limits must ascend, one for each group, and the last must be null (open)")
        return limits

    @model_validator(mode="after")
    def _complete(self) -> "CustomerAttribute":
        number = self.measure in NUMBERS or self.measure == "rate"
        if number and (self.quantiles is None) == (self.up_to is None):
            raise ValueError("give either quantiles (names of equal groups) or up_to (group: highest number)")
        if (self.top is None) != (self.others is None):
            raise ValueError("top (how many values are kept) and others (name of the rest) go together")
        if self.measure == "rate" and self.out_of is None:
            raise ValueError("measure rate needs 'out_of', the whole that it is part of")
        if self.measure == "value":
            _refuse_bad_recode(self)
        return self

    @property
    def recode(self) -> Recode:
        """How a column of the customer table becomes the attribute."""
        return Recode(column=self.of or "", values=self.values, bins=self.bins, missing=self.missing)

    @property
    def parts(self) -> Iterator[Measure]:
        """What is measured: the attribute's own measure and the one it is divided by."""
        yield self
        if self.out_of is not None:
            yield self.out_of

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the groups that a number is cut into, lowest first; empty for values."""
        return self.quantiles if self.quantiles is not None else tuple(self.up_to or {})

    @property
    def sentence(self) -> str:
        """How the attribute is made, in words, for the provenance."""
        if self.measure == "value":
            return f"customer table {self.table}, {self.recode.sentence}"
        what = self.measured + (f", by the sum of {self.weighted_by!r}" if self.weighted_by else "")
        if self.out_of is not None:
            what += f" out of {self.out_of.measured}"
        if self.measure == "most_common":
            return what + (f"; beyond the {self.top} most common: {self.others}" if self.top else "")
        return f"{what}, {self._cut()}"

    def _cut(self) -> str:
        if self.quantiles is not None:
            return f"cut into equal groups {', '.join(self.groups)}"
        limits = (self.up_to or {}).items()
        return "cut into " + ", ".join(
            name if high is None else f"{name} (up to {high:g})" for name, high in limits
        )


def _refuse_bad_recode(attribute: CustomerAttribute) -> None:
    try:
        _ = attribute.recode
    except ValidationError as error:
        raise ValueError(str(error.errors()[0]["msg"]).removeprefix("Value error, ")) from None


def _words(rule: Condition | tuple[str, ...]) -> str:
    return rule.sentence if isinstance(rule, Condition) else f"is {' or '.join(rule)}"
