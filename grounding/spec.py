"""What a grounding file (``grounding.yaml``) may say."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, cast

from pydantic import Field, StrictBool, field_validator, model_validator

from grounding.population.spec import Households, Imputation, MarginUse, OwnTable, Synthesis
from grounding.privacy.spec import Masking, Protection, SpecialCategories
from grounding.sources.crm_spec import CrmSource
from grounding.sources.spec import MarketStudy, SurveySource
from personas.document import Document


class GroundSpec(Document):
    """A whole grounding: survey rows, customers, margins, and how many persons to draw.

    Attributes:
        panel: name of the panel.
        persons: how many persons are drawn.
        seed: of every random choice.
        population: whom the panel stands for, in words; the coverage report compares the sources with it.
        frame: whom the sources could reach, in words, such as ``members of an online panel``.
        protection: legal basis and the like, for each source that has none of its own.
        special_categories: what is let in under GDPR Art. 9, and why.
        masking: how personal data in texts are masked.
        survey: the rows that become people; or
        synthesis: modelled people where there are none.
        studies: published shares: anchors of the prior and validation targets.
        tables: official tables of the user's own, by the name that margins and imputations use.
        households: margins of households, met together with those of persons.
        as_shares: use margins that count different populations, each as shares.
        missing: people without a value in a margin's attribute keep their weight there (``ignore``), or are a
            category of their own with the share they have in the sample (``category``).
        collapse_below: levels with fewer people are merged with a neighbour, in sample and margin alike.
        weight_cap: largest weight as a multiple of the mean; not limited where null.
        weight_floor: smallest weight as a multiple of the mean.
    """

    panel: str
    persons: Annotated[int, Field(ge=1)]
    seed: Annotated[int, Field(ge=0)] = 0
    population: str = ""
    frame: str = ""
    protection: Protection = Protection()
    special_categories: SpecialCategories = SpecialCategories()
    masking: Masking = Masking()
    survey: SurveySource | None = None
    synthesis: Synthesis | None = None
    crm: tuple[CrmSource, ...] = ()
    studies: tuple[MarketStudy, ...] = ()
    tables: Annotated[dict[str, OwnTable], Field(default_factory=dict)]
    impute: tuple[Imputation, ...] = ()
    margins: tuple[MarginUse, ...] = ()
    households: Households | None = None
    as_shares: StrictBool = False
    missing: Literal["ignore", "category"] = "ignore"
    collapse_below: Annotated[int, Field(ge=1)] | None = None
    weight_cap: Annotated[float, Field(gt=1)] | None = None
    weight_floor: Annotated[float, Field(ge=0, lt=1)] = 0.0

    @field_validator("panel")
    @classmethod
    def _names_a_folder(cls, panel: str) -> str:
        if not re.fullmatch(r"\w[\w .-]{0,79}", panel) or panel.endswith((" ", ".")):
            raise ValueError(
                "a panel's name names a folder, too: use up to 80 letters, digits, blanks and _ . - "
                "and begin with a letter or digit"
            )
        return panel

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
        known = _attributes(info.data)
        _refuse_repeats([*known, *(i.attribute for i in impute if i.method == "margin")])
        filled = [i.attribute for i in impute if i.method != "margin"]
        _refuse_repeats(filled)
        stray = next((a for a in filled if a not in known), None)
        if stray is not None:
            raise ValueError(f"there is no attribute {stray!r} to fill; there are {', '.join(known)}")
        for wish in impute:
            stray = next((a for a in wish.using if a not in known), None)
            if stray is not None:
                raise ValueError(
                    f"{wish.attribute} is filled using {stray!r}, which there is not (yet); there are "
                    f"{', '.join(known)}"
                )
            if wish.attribute in wish.using:
                raise ValueError(f"{wish.attribute} cannot be filled using itself; leave it out of 'using'")
            known += [wish.attribute] if wish.attribute not in known else []
        return impute

    @field_validator("margins")
    @classmethod
    def _known_attributes(cls, margins: tuple[MarginUse, ...], info: Any) -> tuple[MarginUse, ...]:
        if info.data.get("synthesis") is not None or "impute" not in info.data:
            return margins
        known = [*_attributes(info.data), *(i.attribute for i in info.data.get("impute", ()))]
        for use in margins:
            stray = next((a for a in use.attributes.values() if a not in known), None)
            if "survey" in info.data and stray is not None:
                raise ValueError(
                    f"margin {use.table!r} uses attribute {stray!r}; there are {', '.join(known)}"
                )
        return margins

    @model_validator(mode="after")
    def _one_basis(self) -> "GroundSpec":
        if (self.survey is None) == (self.synthesis is None):
            raise ValueError("give either survey (rows that become people) or synthesis (modelled people)")
        if self.synthesis is not None and (not self.margins or self.crm or self.households):
            raise ValueError("synthesis makes people from margins: give some, and no crm or households")
        if self.households is not None and not (self.survey and self.survey.household):
            raise ValueError("households need survey.household, the column with the id of the household")
        return self


def _attributes(data: Mapping[str, Any]) -> list[str]:
    survey = data.get("survey")
    crm = cast(tuple[CrmSource, ...], data.get("crm", ()))
    observed = list(survey.attributes) if isinstance(survey, SurveySource) else []
    return [*observed, *(a for source in crm for a in source.attributes)]


def _refuse_repeats(names: list[str]) -> None:
    twice = next((n for n in names if names.count(n) > 1), None)
    if twice is not None:
        raise ValueError(f"attribute {twice!r} is made twice; give each attribute one source")
