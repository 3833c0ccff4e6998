import random
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grounding.sources.inspection import Inspection, inspect
from grounding.sources.inspection_findings import Finding
from grounding.sources.inspection_words import means_no_answer, plain
from grounding.sources.table import ResponseSet, Table, Variable

ROWS = 120


def table(columns: Mapping[str, Sequence[str | None]], **about) -> Table:
    rows = len(next(iter(columns.values())))
    return Table("survey.csv", columns, range(2, rows + 2), **about)


def repeated(*values: str | None, rows: int = ROWS) -> tuple[str | None, ...]:
    return tuple(values[i % len(values)] for i in range(rows))


def look(name: str, cells: Sequence[str | None], **about) -> Finding:
    """The finding about a column that is not the first one."""
    first = tuple(f"p{i}x" for i in range(len(cells)))
    return find(inspect(table({"key of rows": first, name: cells}, **about)), name)


def find(inspection: Inspection, name: str) -> Finding:
    return next(f for f in inspection.findings if f.column == name)


def labels(finding: Finding) -> list[str]:
    return [option.label for option in finding.options]


@pytest.mark.parametrize(
    ("values", "ordered"),
    [
        (("Yes", "No"), ["No", "Yes"]),
        (("ja", "nein"), ["nein", "ja"]),
        (("TRUE", "FALSE"), ["FALSE", "TRUE"]),
        (("0", "1"), ["no", "yes"]),
        (("1", "2"), ["no", "yes"]),
    ],
)
def test_yes_and_no_are_found_in_both_languages_and_in_codes(values, ordered):
    finding = look("q1", repeated(*values))
    assert finding.type == "yes_no"
    assert labels(finding) == ordered


def test_two_codes_without_labels_are_less_sure_than_words():
    assert look("q1", repeated("1", "2")).sure < 0.5 < look("q1", repeated("Yes", "No")).sure


def test_codes_with_labels_keep_their_codes_and_say_when_these_fall():
    scale = {"1": "Strongly agree", "2": "Agree", "3": "Disagree", "4": "Strongly disagree", "9": "Refused"}
    finding = look("q1", repeated("1", "2", "3", "4", "9"), variables={"q1": Variable("Taxes", scale)})
    assert finding.type == "scale"
    assert [(o.label, o.codes) for o in finding.options] == [
        ("Strongly disagree", ("4",)),
        ("Disagree", ("3",)),
        ("Agree", ("2",)),
        ("Strongly agree", ("1",)),
    ]
    assert finding.falling is True
    assert finding.missing == ("9",)
    assert finding.text == "Taxes"


def test_options_that_nobody_chose_stay_where_the_file_names_them():
    scale = {str(i): label for i, label in enumerate(("never", "rarely", "often", "always"), 1)}
    finding = look("q1", repeated("2", "3"), variables={"q1": Variable("", scale)})
    assert labels(finding) == ["never", "rarely", "often", "always"]


@pytest.mark.parametrize(
    ("low", "high", "falling"),
    [("Very dissatisfied", "Delighted", False), ("stimme voll zu", "stimme gar nicht zu", True)],
)
def test_a_scale_of_numbers_with_labelled_ends_has_all_its_steps(low, high, falling):
    said = Variable("", {"1": low, "7": high})
    finding = look("q1", repeated("1", "2", "4", "6", "7"), variables={"q1": said})
    assert finding.type == "scale"
    assert len(finding.options) == 7
    assert finding.falling is falling


@pytest.mark.parametrize(
    ("cells", "codes"),
    [
        (("1", "2", "3", "4", "5", "-1", "-2"), {"-1", "-2"}),
        (("1", "2", "3", "4", "5", "98", "99"), {"98", "99"}),
        (("1", "2", "3", "4", "8", "9"), {"8", "9"}),
        (("0", "1", "7"), {"7"}),
        (("18", "33", "47", "61", "72", "999"), {"999"}),
        (("Agree", "Disagree", "Don’t know", "Refused / no answer"), {"Don’t know", "Refused / no answer"}),
        (("Ja", "Nein", "weiß nicht", "k.A."), {"weiß nicht", "k.A."}),
        (("1", "2", "3", "4", "5", "6", "7", "8", "9"), set()),
        (("-2", "-1", "0", "1", "2"), set()),
        (("18", "33", "47", "61", "72", "99"), set()),
        (("Good", "Fair", "Poor", "-99"), {"-99"}),
        (("Good", "Fair", "-1", "0", "1"), set()),
    ],
)
def test_missing_codes_are_told_from_answers(cells, codes):
    assert set(look("q1", repeated(*cells)).missing) == codes


def test_minus_one_means_no_answer_where_the_rest_of_the_file_says_so():
    alone = look("q1", repeated("-1", "0", "1"))
    assert (alone.type, alone.missing) == ("scale", ())
    others = {f"b{i}": repeated("1", "2", "3", "4", "-1") for i in (1, 5, 9)}
    beside = find(
        inspect(table({"who": tuple(map(str, range(ROWS))), "q": repeated("-1", "0", "1"), **others})), "q"
    )
    assert (beside.type, beside.missing) == ("yes_no", ("-1",))


def test_a_file_s_own_missing_codes_are_kept():
    said = Variable("", {"1": "yes", "2": "no", "3": "maybe later"}, missing=("3",))
    finding = look("q1", repeated("1", "2", None), variables={"q1": said})
    assert (finding.type, finding.missing) == ("yes_no", ("3",))


def test_a_label_that_holds_a_refusal_beside_an_answer_is_an_answer():
    assert not means_no_answer("Other / Prefer not to say")
    assert means_no_answer("Don't know / prefer not to say")
    assert not means_no_answer("😎")


@given(st.text(max_size=30))
def test_any_text_can_be_read_as_a_label(text):
    assert plain(text) == plain(text).strip()
    assert means_no_answer(text) in (True, False)


def test_items_of_a_block_are_one_set_whether_empty_or_said_not_to_be_selected():
    empty = {
        "Which? Please select all. - Corn": repeated("Corn", None),
        "Which? Please select all. - Peas": repeated(None, None, "Peas"),
    }
    said = {"q4_1": repeated("Friends", "Not selected"), "q4_2": repeated("Not selected", "Family", "NA")}
    found = inspect(table({"id": tuple(map(str, range(ROWS))), **empty, **said}))
    items = found.of_type("multi")
    assert [f.column for f in items] == [*empty, *said]
    assert len({f.set for f in items}) == 2
    assert items[0].options[0].codes == ("",)
    assert items[0].text == "Which? Please select all. – Corn"
    assert (items[3].options[0].codes, items[3].missing) == (("Not selected",), ("NA",))


def test_a_declared_set_gives_its_items_question_and_code():
    columns = {"id": tuple(map(str, range(ROWS))), "a": repeated("0", "1"), "b": repeated("1", "0", "0")}
    variables = {
        "a": Variable("Radio", {"0": "No", "1": "Yes"}),
        "b": Variable("TV", {"0": "No", "1": "Yes"}),
    }
    one = ResponseSet("media", "What do you use?", ("a", "b"), "1")
    found = inspect(table(columns, variables=variables, sets=(one,)))
    item = find(found, "a")
    assert (item.type, item.set, item.text) == ("multi", "media", "What do you use? – Radio")
    assert [o.codes for o in item.options] == [("0",), ("1",)]


def test_yes_no_questions_that_people_skipped_one_by_one_are_no_set():
    asked = {f"b_{i}": repeated("0", "1", *(["-1"] if i == 2 else ["1"])) for i in (1, 2, 3)}
    ticked = {f"m_{i}": repeated(*(["0"] * i), "1") for i in (1, 2, 3)}
    clear = {f"rated{i}x": repeated("1", "2", "3", "-1") for i in (1, 2)}
    found = inspect(table({"id": tuple(map(str, range(ROWS))), **asked, **ticked, **clear}))
    assert {find(found, c).type for c in asked} == {"yes_no"}
    assert {find(found, c).type for c in ticked} == {"multi"}


def test_german_items_with_yes_and_no_are_a_set_where_one_of_them_is_other():
    brands = {
        f"Marken [{b}]": repeated(*yes) for b, yes in (("A", ("Ja", "Nein")), ("B", ("Nein", "Nein", "Ja")))
    }
    more = {"Marken [C]": repeated("Nein", "Ja"), "Marken [Sonstiges]": (*([None] * (ROWS - 2)), "D", "E")}
    found = inspect(table({"id": tuple(map(str, range(ROWS))), **brands, **more}))
    assert [f.type for f in found.findings[1:]] == ["multi", "multi", "multi", "text"]


def test_answers_joined_in_one_cell_are_several_answers():
    cells = repeated("Divorce", "Job", "Child", "Job,Child", "Divorce,Job", "Divorce,Child", None)
    finding = look("changes", cells)
    assert (finding.type, finding.options) == ("multi", ())


@pytest.mark.parametrize(
    ("name", "cells", "kind"),
    [
        ("RespondentID", [f"34{i:06d}" for i in range(ROWS)], "id"),
        ("lfdn", [str(i) for i in range(ROWS)], "id"),
        ("token", [f"R_{i:09x}" for i in range(ROWS)], "id"),
        ("HH_ID", [str(i // 3) for i in range(ROWS)], "id"),
        ("wgt", [f"{0.5 + (i % 100) / 99:.4f}" for i in range(ROWS)], "weight"),
        ("Gewicht", [f"{0.5 + (i % 100) / 99:.4f}" for i in range(ROWS)], "weight"),
        ("day", [f"2024-03-{1 + i % 28:02d}" for i in range(ROWS)], "date"),
        ("Kunde seit", [f"{1 + i % 28}.{1 + i % 12}.20{10 + i % 14}" for i in range(ROWS)], "date"),
        ("bought", [f"{1 + i % 12}/{1 + i % 28}/2023" for i in range(ROWS)], "date"),
        ("Alter", [str(18 + i % 60) for i in range(ROWS)], "number"),
        ("Umsatz", [f"{i * 7}.{i % 9}5".replace(".", ",") for i in range(ROWS)], "number"),
        ("how many children", [str(i % 5) for i in range(ROWS)], "number"),
        ("StartDate", [f"2024-03-01 12:{i % 60:02d}:00" for i in range(ROWS)], "metadata"),
        ("Q7_Page Submit", [f"{i / 7:.3f}" for i in range(ROWS)], "metadata"),
        ("groupTime12", [f"{i / 7:.3f}" for i in range(ROWS)], "metadata"),
        ("wave", ["4"] * ROWS, "constant"),
        ("nothing", [None] * ROWS, "constant"),
        ("Q5 - Other (please specify)", ["", "cats", "a dog", "none at all", "fish"] * (ROWS // 5), "text"),
        ("why", [f"because of reason {i}" for i in range(ROWS)], "text"),
        ("region", ["North", "South", "East", "West"] * (ROWS // 4), "choice"),
        ("rating", [str(1 + i % 5) for i in range(ROWS)], "scale"),
        ("nps", [str(i % 11) for i in range(ROWS)], "scale"),
        ("gender", [str(1 + i % 2) for i in range(ROWS)], "choice"),
        ("how much you like it", [str(1 + i % 5) for i in range(ROWS)], "scale"),
    ],
)  # fmt: skip
def test_each_kind_of_column_is_known(name, cells, kind):
    finding = look(name, tuple(c or None for c in cells))
    assert finding.type == kind, finding.reason


def test_direct_identifiers_are_flagged():
    mail = look("Kontakt", tuple(f"p{i}@example.org" for i in range(ROWS)))
    assert (mail.type, mail.personal) == ("id", True)
    assert look("Nachname", tuple(f"Meier{i}" for i in range(ROWS))).personal
    assert look("IPAddress", tuple(f"10.0.0.{i}" for i in range(ROWS))).personal
    assert not look(
        "Phone", repeated("1", "2", "3"), variables={"Phone": Variable("Satisfaction", {"1": "low"})}
    ).personal


@pytest.mark.parametrize("name", ["Name", "Nachname", "Vorname", "last_name", "Straße"])
def test_names_are_direct_identifiers_even_where_they_recur(name):
    finding = look(name, repeated("Anna", "Ben", "Carla", "Deniz"))
    assert (finding.type, finding.personal, finding.options) == ("metadata", True, ())


def test_a_question_that_only_mentions_a_name_is_none():
    assert not look("name_known", repeated("yes", "no")).personal
    assert not look("street food", repeated("often", "never")).personal
    assert look("name", repeated("Austria", "Germany", "United Kingdom")).type == "choice"
    assert not look(
        "name", repeated("1", "2"), variables={"name": Variable("", {"1": "A", "2": "B"})}
    ).personal


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("PLZ", ("10115", "80331", "01067", "50667")),
        ("postcode", ("SW1A 1AA", "M1 1AE", "EH1 2NG")),
        ("zip_code", ("02139", "94103-1234", "60601")),
        ("Postleitzahl", ("D-10115", "A-1010", "1020")),
        ("plz2", ("10", "20", "99")),
    ],
)
def test_postcodes_are_no_numbers_and_no_options(name, codes):
    finding = look(name, repeated(*codes))
    assert (finding.type, finding.options, finding.personal) == ("text", (), False)
    assert "postcodes" in finding.reason


def test_items_of_a_set_keep_the_words_that_the_file_has_for_them():
    codes = {f"m_{i}": repeated(*("0" * i), "1") for i in (1, 2)}
    german = {name: Variable(f"Medien: {name}", {"0": "nicht genannt", "1": "genannt"}) for name in codes}
    found = inspect(table({"id": tuple(map(str, range(ROWS))), **codes}, variables=german))
    assert [labels(find(found, name)) for name in codes] == [["nicht genannt", "genannt"]] * 2
    words = {"q4_1": repeated("genannt", "nicht genannt"), "q4_2": repeated("nicht genannt", "genannt", "NA")}
    found = inspect(table({"id": tuple(map(str, range(ROWS))), **words}))
    assert labels(find(found, "q4_2")) == ["nicht genannt", "genannt"]
    assert find(found, "q4_2").text == ""
    bare = {"m_1": repeated("0", "1"), "m_2": repeated("0", "0", "1"), "m_3": repeated("1", "0", "0")}
    found = inspect(table({"id": tuple(map(str, range(ROWS))), **bare}))
    assert labels(find(found, "m_1")) == ["not chosen", "chosen"]


def test_the_weight_that_a_file_declares_is_believed():
    assert look("v12", repeated("1", "2", "5"), weight="v12").type == "weight"


def test_neighbours_of_a_battery_lend_steps_that_nobody_chose():
    full = {f"q_{i}": repeated("1", "2", "3", "4", "5") for i in (1, 2, 3)}
    found = inspect(table({"id": tuple(map(str, range(ROWS))), **full, "q_4": repeated("2", "3", "4", "5")}))
    assert labels(find(found, "q_4")) == ["1", "2", "3", "4", "5"]


def test_counts_are_told_from_scales_by_how_differently_far_they_reach():
    counts = {f"n_{i}": repeated(*map(str, range(i == 3, 3 + i))) for i in range(1, 6)}
    found = inspect(table({"id": tuple(map(str, range(ROWS))), **counts}))
    assert {f.type for f in found.findings[1:]} == {"number"}


def test_a_hundred_thousand_rows_by_two_hundred_columns_take_seconds():
    draw = random.Random(1)
    answers = draw.choices(("Agree", "Disagree", "Neither agree nor disagree", None), k=20_000)
    columns = {f"q{i}": tuple(answers) for i in range(40)}
    found = inspect(table(columns))  # a fiftieth of the whole, to keep the test short
    assert found.counts() == {"scale": 40}
