from datetime import date

import pytest

from grounding.privacy import protection
from grounding.privacy.protection import SourceRecord
from grounding.privacy.spec import Consent, Protection
from personas.errors import DataError

TODAY = date(2026, 11, 21)


def source(name, retention):
    rules = Protection(retention=retention)
    return SourceRecord(name=name, kind="survey", origin="a.csv", protection=rules)


def test_what_is_not_recorded_is_listed():
    assert protection.check(Protection(), "crm", TODAY) == (
        "controller", "legal basis", "purpose", "retention date",
    )  # fmt: skip
    full = Protection(
        controller="K", legal_basis="consent, Art. 6(1)(a)", purpose="panel", retention=date(2027, 1, 1)
    )
    assert protection.missing(full) == ("consent variable",)
    german = full.model_copy(update={"legal_basis": "Einwilligung, Art. 6 Abs. 1 lit. a"})
    assert protection.missing(german) == ("consent variable",)
    asked = full.model_copy(update={"consent": Consent(column="ok", values=("1",))})
    assert protection.missing(asked) == ()


def test_a_date_of_retention_in_another_form_is_refused_with_the_form_it_needs():
    with pytest.raises(ValueError, match="write the date as 2027-12-31"):
        Protection.model_validate({"retention": "31.12.2027"})
    assert Protection.model_validate({"retention": "2027-12-31"}).retention == date(2027, 12, 31)


def test_anonymous_rows_need_no_record():
    assert protection.check(Protection(anonymous="public-use file"), "gss", TODAY) == ()


@pytest.mark.parametrize(("day", "late"), [(20, True), (21, False), (22, False)])
def test_the_retention_date_is_the_last_day_of_use(day, late):
    rules = Protection(retention=date(2026, 11, day))
    if not late:
        protection.check(rules, "crm", TODAY)
        return
    with pytest.raises(
        DataError, match=r"source 'crm' \(until 2026-11-20\) may no longer be used"
    ) as refused:
        protection.check(rules, "crm", TODAY)
    assert "leave it out of the grounding file" in str(refused.value)


def test_every_expired_source_of_a_panel_is_named():
    some = [source("a", date(2025, 1, 1)), source("b", None), source("c", date(2026, 11, 20))]
    assert [s.name for s in protection.expired(some, TODAY)] == ["a", "c"]
    with pytest.raises(DataError, match=r"sources 'a' \(until 2025-01-01\), 'c' \(until 2026-11-20\)"):
        protection.refuse_expired(some, TODAY, "field")
    protection.refuse_expired(some[1:2], TODAY, "field")
