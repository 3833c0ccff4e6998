import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grounding.sources import microdata
from grounding.sources.codebook import Codebook, Recode
from grounding.sources.place import Place
from grounding.sources.spec import SurveySource
from grounding.sources.table import Table
from personas import document
from personas.errors import DataError
from personas.models.wheel import sha256_of

BOOK = document.parse(
    "source: s\nmissing: [-9]\nquestions:\n"
    "  - {name: parks, text: 'Parks?', options: {little: 1, right: 0, much: -1}}\n"
    "  - {name: party, text: 'Party?', options: [red, blue], scale: nominal}\n",
    Codebook,
    "book.yaml",
)
SPEC = document.parse(
    """
file: people.csv
codebook: book.yaml
id: id
weight: w
attributes:
  age_group: {column: age, bins: {young: [18, 39], old: [40, 120]}}
  sex: {column: sex, values: {male: 0, female: 1}, missing: [9]}
  city: {column: city}
""",
    SurveySource,
    "grounding.yaml",
)
ROWS = """id,age,sex,city,w,parks,party
a,20,0,Rome,1,1,red
b,40.0,1.0,,2,0.0,blue
c,,9,Oslo,3,-9,
"""


@pytest.fixture
def survey(tmp_path):
    def write(content: str | bytes, name: str = "people.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_rows_become_people_with_attributes_answers_and_weights(survey):
    path = survey(ROWS)
    found = microdata.read(SPEC, BOOK, Place(path=path))
    assert found.people.person(0).attributes == {"age_group": "young", "sex": "male", "city": "Rome"}
    assert found.people.person(1).attributes == {"age_group": "old", "sex": "female"}
    assert found.people.person(2).attributes == {"city": "Oslo"}
    assert found.people.weights.tolist() == [0.5, 1.0, 1.5]
    assert found.answers.chosen.tolist() == [[0, 0], [1, 1], [-1, -1]]
    assert found.source.sha256 == sha256_of(path)


def test_levels_keep_the_order_written_and_leave_out_what_nobody_has(survey):
    found = microdata.read(SPEC, BOOK, Place(path=survey(ROWS.replace("b,40.0", "b,30"))))
    assert found.people.levels == (("young",), ("male", "female"), ("Oslo", "Rome"))


def test_parquet_and_csv_give_the_same_people_and_answers(survey, tmp_path):
    folder = tmp_path / "survey [2018]"  # brackets are glob characters to DuckDB
    folder.mkdir()
    path = folder / "people.parquet"
    query = "COPY (SELECT * FROM read_csv(?, nullstr='')) TO (?) (FORMAT parquet)".replace(
        "(?) (", f"'{path}' ("
    )
    with duckdb.connect() as connection:
        connection.execute(query, [str(survey(ROWS))])
    one, other = (microdata.read(SPEC, BOOK, Place(path=p)) for p in (survey(ROWS), path))
    assert one.people.levels == other.people.levels
    assert np.array_equal(one.people.codes, other.people.codes)
    assert np.array_equal(one.answers.chosen, other.answers.chosen)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("b,40.0", "a,40.0", "column 'id' must be distinct, 1 ids are not: 'a' 2 times (lines 2, 3)"),
        ("b,40.0", ",40.0", "line 3: column 'id' is empty; every row needs an id"),
        (
            "0.0,blue",
            "3,blue",
            "line 3: column 'parks': '3' stands for no option of question 'parks'; allowed: 1 (little)",
        ),
        (
            "0.0,blue",
            "little,blue",
            "; the file holds labels where the codebook names codes: write the options as a list of labels, "
            "or both, as 'label: [code, label]'",
        ),
        (
            "0.0,blue",
            "0,green",
            "line 3: column 'party': 'green' stands for no option of question 'party'; allowed: red",
        ),
        (
            "a,20",
            "a,17",
            "line 2: column 'age': '17' stands for no value of attribute 'age_group'; allowed: 18 to 39",
        ),
        (
            "a,20,0",
            "a,20,2",
            "line 2: column 'sex': '2' stands for no value of attribute 'sex'; allowed: 0, 1",
        ),
        ("city,w", "town,w", "no column 'city'; there are id, age, sex, town, w, parks, party"),
        ("party\n", "partty\n", "no column 'party' (did you mean 'partty'?)"),
        ("Oslo,3", "Oslo,-3", "line 4: column 'w': '-3' is no weight; use a number >= 0"),
        ("Oslo,3", "Oslo,", "line 4: column 'w': an empty cell is no weight"),
        ("b,40.0", "b,1,40.0", "line 3: 8 fields, but the header names 7 columns"),
        ("age,sex", "sex,sex", "line 1: column 'sex' stands twice"),
        ("Rome", '"Ro"me', "line 2: not valid CSV"),
    ],
)
def test_a_survey_that_cannot_be_used_is_refused_with_its_line(survey, old, new, expected):
    path = survey(ROWS.replace(old, new))
    with pytest.raises(DataError) as caught:
        microdata.read(SPEC, BOOK, Place(path=path))
    assert expected in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_column_without_any_value_is_refused(survey):
    with pytest.raises(DataError, match="column 'city' is empty in all 3 rows"):
        microdata.read(SPEC, BOOK, Place(path=survey(ROWS.replace("Rome", "").replace("Oslo", " "))))


def test_weights_that_add_up_to_no_number_are_refused_with_the_line_of_the_largest(survey):
    rows = ROWS.replace("Rome,1", "Rome,1e308").replace("Oslo,3", "Oslo,1.1e308")
    with pytest.raises(DataError, match=r"line 4: column 'w\w*': '1.1e308' is too large for a weight"):
        microdata.read(SPEC, BOOK, Place(path=survey(rows)))


def test_all_weights_zero_is_refused(survey):
    rows = ROWS.replace("Rome,1", "Rome,0").replace(",2,0.0", ",0,0.0").replace("Oslo,3", "Oslo,0")
    with pytest.raises(DataError, match="all weights are zero"):
        microdata.read(SPEC, BOOK, Place(path=survey(rows)))


@given(st.lists(st.sampled_from(["1", "1.0", "0", "-1", "-1.00", "-9", ""]), min_size=1, max_size=20))
def test_codes_mean_the_same_in_every_numeric_spelling(values):
    table = microdata.Table(
        "t", {"parks": [v or None for v in values], "x": ["1"] * len(values)}, range(len(values))
    )
    if not any(values):
        return
    lookup = microdata.code_lookup([("1",), ("0",), ("-1",)], ["-9"])
    codes = microdata.encoded(table, "parks", lookup, [], "option")
    meaning = {"1": 0, "0": 1, "-1": 2, "-9": -1}
    assert codes.tolist() == [meaning[str(int(float(v)))] if v else -1 for v in values]


def as_they_stand(values: list[str]) -> tuple[str, ...]:
    recode = Recode(column="c")
    table = Table("people.csv", {"c": tuple(values)}, range(2, len(values) + 2))
    _, codes = microdata.recoded(table, recode, "value of attribute 'c'")
    return microdata.free_text(codes, recode, "survey people.csv, attribute 'c'")


def test_a_column_of_hundreds_of_values_that_do_not_recur_is_named_as_free_text():
    texts = [f"because of reason {i}" for i in range(300)]
    (line,) = as_they_stand([*texts, *texts[:10]])
    assert "attribute 'c': column 'c' looks like free text or an id: 300 values for 310 people" in line
    (line,) = as_they_stand([str(100_000 + 7 * i) for i in range(1000)])
    assert "looks like free text or an id" in line


@pytest.mark.parametrize(
    "values",
    [
        [str(18 + i % 70) for i in range(480)],
        [f"state {i % 51}" for i in range(100)],
        [f"occupation {i % 250}" for i in range(2000)],
        [f"town {i}" for i in range(200)],
    ],
    ids=["ages", "states", "many values that recur", "a small survey"],
)
def test_columns_taken_as_they_stand_are_not_named_where_their_values_recur(values):
    assert as_they_stand(values) == ()
