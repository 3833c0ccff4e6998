"""What a grounding file says about data protection."""

import re
from datetime import date
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from grounding.sources.codebook import Codes
from personas.document import Document


class Consent(Document):
    """The variable in which people consented; rows with any other value, or none, never come in.

    Attributes:
        column: where the consent stands.
        values: the codes or labels that mean yes.
    """

    column: str
    values: Annotated[Codes, Field(min_length=1)]


class Protection(Document):
    """Why the data of a source may be used, by whom, for what and until when.

    Attributes:
        controller: who decides on purposes and means (GDPR Art. 4(7)).
        legal_basis: in words, such as ``consent, Art. 6(1)(a)``.
        purpose: what the data are used for.
        consent: the consent variable, where consent is the basis.
        retention: last day on which the data may be used.
        ids: name of the set that the ids belong to, such as ``customer numbers``: sources that give the same
            name share people, and pseudonyms stay the same when a file gets another name; the source's own
            name where left out.
        anonymous: why the rows are not personal data, such as ``public-use file, ids are row numbers``; ids
            are then kept as they are, and no other key of this block is needed.
    """

    controller: str = ""
    legal_basis: str = ""
    purpose: str = ""
    consent: Consent | None = None
    retention: date | None = None
    ids: str = ""
    anonymous: str = ""

    @field_validator("retention", mode="before")
    @classmethod
    def _iso(cls, retention: object) -> object:
        if isinstance(retention, str) and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", retention.strip()):
            raise ValueError("write the date as 2027-12-31")
        return retention

    @field_validator("ids")
    @classmethod
    def _no_nul(cls, ids: str) -> str:
        if "\0" in ids:
            raise ValueError("a name of ids holds no NUL character")
        return ids.strip()

    @model_validator(mode="after")
    def _one_or_the_other(self) -> "Protection":
        if self.anonymous and self.consent is not None:
            raise ValueError("rows that are anonymous have nobody who consents; leave out one of the two")
        return self


class SpecialCategories(Document):
    """Special categories of personal data (GDPR Art. 9) that are let in, and why.

    Attributes:
        names: attributes and questions.
        reason: the exception relied on, such as ``explicit consent, Art. 9(2)(a)``.
        cleared: attribute or question that only looks like one -> why it is none.
    """

    names: tuple[str, ...] = ()
    reason: str = ""
    cleared: dict[str, str] = Field(default_factory=dict[str, str])

    @field_validator("reason")
    @classmethod
    def _given(cls, reason: str) -> str:
        return reason.strip()

    @model_validator(mode="after")
    def _reasoned(self) -> "SpecialCategories":
        if self.names and not self.reason:
            raise ValueError("special categories are let in only with a reason: the exception relied on")
        unreasoned = next((n for n, why in self.cleared.items() if not why.strip()), None)
        if unreasoned is not None:
            raise ValueError(f"say why {unreasoned!r} is no special category")
        return self


class Masking(Document):
    """How texts are masked before a model reads them.

    Attributes:
        public_names: names that questions ask about and that stay, such as those of candidates or brands.
        presidio: language -> spaCy model, such as ``{de: de_core_news_lg}``, where Presidio looks too.
    """

    public_names: tuple[str, ...] = ()
    presidio: dict[str, str] = Field(default_factory=dict[str, str])
