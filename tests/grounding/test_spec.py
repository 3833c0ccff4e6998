from pathlib import Path

import pytest

from grounding.spec import GroundSpec
from personas import document
from personas.errors import DocumentError

EXAMPLE = Path(__file__).parents[2] / "examples" / "spending" / "grounding.yaml"
TEXT = """panel: own
persons: 10
survey:
  file: people.csv
  codebook: book.yaml
  id: id
  attributes:
    sex: {column: sex, values: {male: 0, female: 1}}
crm:
  - name: shop
    files: {people: p.csv, sales: s.parquet}
    people: people
    key: id
    attributes:
      spend: {table: sales, measure: sum, of: price, quantiles: [low, high]}
    match:
      age:
        people: {column: age, bins: {young: [0, 39], old: [40, 120]}}
        customers: {column: age, values: {young: Y, old: O}}
impute:
  - {attribute: region, table: us_region_2022}
margins:
  - {table: us_age_sex_2022, attributes: {sex: sex}}
"""


def test_the_example_of_the_demo_is_valid():
    spec = document.read(EXAMPLE, GroundSpec)
    assert spec.persons == 1000
    assert {a for source in spec.crm for a in source.attributes} == {
        "spend_level",
        "shopping_frequency",
        "organic_share",
        "private_label_share",
        "coupon_use",
    }


def test_survey_alone_is_enough():
    spec = document.parse(TEXT.partition("crm:")[0], GroundSpec, "grounding.yaml")
    assert (spec.crm, spec.margins, spec.impute, spec.weight_cap) == ((), (), (), None)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("persons: 10", "persons: ten", "grounding.yaml:2: persons: Input should be a valid integer"),
        ("persons: 10", "persons: 0", "greater than or equal to 1, found 0"),
        ("persons: 10", "persons: 10\nseed: -1", "grounding.yaml:3: seed: Input should be greater than or"),
        ("panel: own", "panel: ../own", "grounding.yaml:1: panel: a panel's name names a folder, too"),
        ("panel: own", "panel: ''", "grounding.yaml:1: panel: a panel's name names a folder, too"),
        ("    sex: {", "    '': {", "survey.attributes"),
        ("panel: own", "panel: .own", "grounding.yaml:1: panel: a panel's name names a folder, too"),
        (
            "persons: 10",
            "person: 10",
            "grounding.yaml:2: person: unknown key 'person' (did you mean 'persons'?)",
        ),
        (
            "  file: people.csv\n",
            "",
            "grounding.yaml:3: survey: give one of data (a name of the catalogue), file",
        ),
        (
            "column: sex, values",
            "colum: sex, values",
            "survey.attributes.sex.colum: unknown key 'colum' (did you mean 'column'?)",
        ),
        (
            "quantiles: [low, high]",
            "quantiles: [low]",
            "grounding.yaml:15: crm.0.attributes.spend.quantiles: name at least 2",
        ),
        (
            "quantiles: [low, high]",
            "up_to: {low: 5, high: 9}",
            "limits must ascend, one for each group, and the last must be null",
        ),
        ("quantiles: [low, high]", "up_to: {low: 5, mid: 2, high: null}", "limits must ascend"),
        (", quantiles: [low, high]", "", "give either quantiles (names of equal groups) or up_to"),
        ("measure: sum, of: price", "measure: sum", "measure sum needs 'of'"),
        ("measure: sum, of: price", "measure: count, of: price", "count counts rows and takes no column"),
        ("measure: sum", "measure: share", "measure share needs 'where'"),
        (
            "measure: sum",
            "measure: median",
            "'recency', 'tenure', 'rate', 'most_common' or 'value', found 'median'",
        ),
        (
            "{young: Y, old: O}",
            "{young: Y, aged: O}",
            "the same groups in the same order: people have 'young', 'old', customers have 'young', 'aged'",
        ),
        ("spend: {table", "sex: {table", "attribute 'sex' is made twice"),
        (
            "attribute: region",
            "attribute: spend",
            "grounding.yaml:20: impute: attribute 'spend' is made twice",
        ),
        (
            "{sex: sex}",
            "{sex: gender}",
            "margin 'us_age_sex_2022' uses attribute 'gender'; there are sex, spend, region",
        ),
        (
            "{sex: sex}}",
            "{sex: sex}, levels: {sx: {a: [b]}}}",
            "'sx' is not among the attributes used here: sex",
        ),
    ],
)
def test_a_grounding_file_that_cannot_be_used_is_refused_with_its_line(old, new, expected):
    assert old in TEXT
    with pytest.raises(DocumentError) as caught:
        document.parse(TEXT.replace(old, new), GroundSpec, "grounding.yaml")
    assert expected in str(caught.value)


def test_two_crm_sources_need_two_names():
    start, end = TEXT.index("  - name: shop"), TEXT.index("impute:")
    again = TEXT[start:end].replace("spend:", "spend2:")
    with pytest.raises(DocumentError, match="give each CRM source a name of its own"):
        document.parse(TEXT[:end] + again + TEXT[end:], GroundSpec, "grounding.yaml")


def test_an_attribute_says_how_it_is_made_in_words():
    attribute = document.parse(TEXT, GroundSpec, "grounding.yaml").crm[0].attributes["spend"]
    assert attribute.sentence == "sum of 'price' in sales, cut into equal groups low, high"


def test_what_is_wrong_with_the_whole_file_is_said_without_repeating_the_file():
    with pytest.raises(DocumentError) as refused:
        document.parse(
            TEXT + "households: {margins: [{table: t, attributes: {s: s}}]}\n", GroundSpec, "g.yaml"
        )
    assert str(refused.value) == (
        "g.yaml:1: the file: households need survey.household, the column with the id of the household"
    )
