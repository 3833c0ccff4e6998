from dataclasses import replace
from datetime import date

import pytest
from audited_survey import SOURCE, asked, material, question

from grounding.privacy.spec import Consent, Protection, SpecialCategories
from personas.panel import from_columns
from training.audit import compliance


def told(findings):
    return [(f.check, f.severity, f.names) for f in findings]


def of(protection, **changes):
    source = SOURCE.model_copy(update={"protection": protection, **changes})
    return [(f.check, f.severity) for f in compliance.sources(material(sources=(source,)))]


WHOLE = Protection(
    controller="us", legal_basis="Art. 6(1)(f)", purpose="research", retention=date(2030, 1, 1)
)


def test_a_source_about_which_everything_is_recorded_is_in_order():
    assert of(WHOLE) == []
    assert of(Protection(anonymous="public-use file")) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"legal_basis": "consent, Art. 6(1)(a)"}, [("consent", "blocking")]),
        ({"legal_basis": "Einwilligung", "consent": Consent(column="c", values=("1",))}, []),
        ({"legal_basis": ""}, [("not-recorded", "warning")]),
        ({"purpose": ""}, [("not-recorded", "warning")]),
        ({"controller": ""}, [("not-recorded", "note")]),
        ({"retention": None}, [("not-recorded", "note")]),
        ({"retention": date(2026, 11, 20)}, [("retention", "blocking")]),
        ({"retention": date(2026, 11, 21)}, [("retention", "warning")]),
        ({"retention": date(2027, 2, 19)}, [("retention", "warning")]),
        ({"retention": date(2027, 2, 20)}, []),
    ],
)
def test_what_is_not_recorded_or_runs_out_is_told(changes, expected):
    assert of(WHOLE.model_copy(update=changes)) == expected


@pytest.mark.parametrize("protection", [WHOLE, Protection(anonymous="public-use file")])
def test_a_source_without_a_licence_is_noted_whether_it_is_of_people_or_not(protection):
    assert of(protection, licence="") == [("licence", "note")]
    assert of(protection, licence="", kind="synthesis") == []


def with_attribute(name, values):
    sound = material()
    column = [values[i % len(values)] for i in range(400)]
    people = from_columns(sound.people.ids, {name: column}, sound.people.weights)
    return replace(sound, people=people, attributes=(name,), kinds={name: ("observed",)})


def test_a_special_category_that_was_not_let_in_stops_the_training():
    found = with_attribute("religion", ["Catholic", "Muslim", "none"])
    assert told(compliance.special_categories(found)) == [("special-categories", "blocking", ("religion",))]
    let_in = SpecialCategories(names=("religion",), reason="explicit consent, Art. 9(2)(a)")
    (note,) = compliance.special_categories(replace(found, special=let_in))
    assert note.severity == "note"
    assert "explicit consent, Art. 9(2)(a)" in note.sentence
    cleared = SpecialCategories(cleared={"religion": "invented names"})
    assert compliance.special_categories(replace(found, special=cleared)) == []


def test_special_categories_of_one_kind_are_one_finding_that_names_them_all():
    words = ("Which party did you vote for?", "Which party would you vote for today?")
    asked_of = [question(f"q{i}", text, ("Democrats", "Republicans", "none")) for i, text in enumerate(words)]
    (finding,) = compliance.special_categories(asked(asked_of, material().answers.chosen[:, :2]))
    assert finding.names == ("q0", "q1")
    assert "question 'q0'" in finding.sentence
    assert "and 1 more" in finding.sentence


def test_a_special_category_among_attributes_that_are_not_used_is_no_finding():
    found = with_attribute("religion", ["Catholic", "Muslim", "none"])
    assert compliance.special_categories(replace(found, attributes=())) == []


def test_personal_data_in_a_text_that_the_model_reads_stop_the_training():
    chosen = material().answers.chosen[:, :1]
    found = asked(
        [question("q", "Do you know jane.miller@example.org?", ("too little", "right", "no"))], chosen
    )
    (finding,) = compliance.texts(found)
    assert (finding.check, finding.severity, finding.names) == ("personal-data", "blocking", ("question q",))
    assert "Looks like personal data in question q: 1 × email" in finding.sentence
    assert "jane" not in finding.sentence


def test_an_attribute_that_identifies_people_stops_the_training():
    found = with_attribute("telephone", ["one", "two"])
    assert ("identifiers", "blocking", ("telephone",)) in told(compliance.texts(found))
