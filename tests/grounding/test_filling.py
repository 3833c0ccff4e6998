"""Missing values and modelled people, from the grounding file to the persons."""

import numpy as np
import pytest
from plain_guard import plain_guard

from grounding import Grounded, GroundSpec, ground
from personas import document
from personas.errors import DataError, DocumentError
from personas.panel import UNKNOWN

OWN = """
panel: own
persons: 400
seed: 3
population: adults in the country
frame: members of an online panel
protection: {anonymous: made for a test}
"""
SURVEY = """
survey:
  file: people.csv
  id: id
  weight: w
  attributes:
    age: {column: age, bins: {young: [18, 39], middle: [40, 59], old: [60, 99]}}
    sex: {column: sex}
    income: {column: income, bins: {low: [0, 1], high: [2, 3]}, missing: ["", "9"]}
    savings: {column: savings, values: {none: 0, some: 1}, missing: [""]}
"""
FILL = """
impute:
  - {attribute: income, method: model, using: [age, sex], copies: 4}
  - {attribute: savings, method: hot_deck, using: [age, income], copies: 4}
"""
MARGINS = """
margins:
  - {table: sexes, attributes: {sex: sex}}
  - {table: incomes, attributes: {income: income}}
tables:
  sexes: {file: sexes.csv, source: Office of Sexes, vintage: "2024", licence: free}
  incomes: {file: incomes.csv, source: Office of Incomes}
"""
MODELLED = """
synthesis:
  people: 3000
  sample:
    file: people.csv
    id: id
    weight: w
    attributes:
      sex: {column: sex}
      income: {column: income, bins: {low: [0, 1], high: [2, 3]}, missing: ["", "9"]}
"""


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(1)
    rows = ["id,age,sex,income,savings,w"]
    for i in range(600):
        age, income = int(rng.integers(18, 90)), int(rng.integers(0, 4))
        told = income if rng.random() < 0.75 else [9, ""][i % 2]
        saved = int(rng.random() < (0.9 if income > 1 else 0.1)) if rng.random() < 0.7 else ""
        rows.append(
            f"n{i},{age},{'f' if rng.random() < 0.6 else 'm'},{told},{saved},{rng.uniform(0.5, 2):.3f}"
        )
    (tmp_path / "people.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "sexes.csv").write_text("sex,count\nf,510\nm,490\n")
    (tmp_path / "incomes.csv").write_text("income,count\nlow,700\nhigh,300\n")
    return tmp_path


def built(folder, text: str, said: list[str] | None = None) -> Grounded:
    report = (lambda line: None) if said is None else said.append
    return ground(
        document.parse(text, GroundSpec, "ground.yaml"), folder, folder / "cache", plain_guard(), report
    )


def test_every_missing_value_is_filled_nobody_is_dropped_and_all_is_on_record(folder):
    said: list[str] = []
    found = built(folder, OWN + SURVEY + FILL, said)
    assert len(found.people) == 600
    assert np.all(found.people.codes != UNKNOWN)
    assert np.all(found.persons.codes != UNKNOWN)
    entries = {(p.attribute, p.kind): p for p in found.provenance}
    assert set(entries) == {
        ("age", "observed"),
        ("sex", "observed"),
        ("income", "observed"),
        ("income", "imputed"),
        ("savings", "observed"),
        ("savings", "imputed"),
    }
    imputed = entries["savings", "imputed"]
    assert imputed.seed == 3
    assert "lent by somebody alike in age, income" in imputed.method
    assert "for these people no fact" in imputed.method
    assert "multinomial regression on age, sex" in entries["income", "imputed"].method
    assert sum(line.startswith("imputed ") for line in said) == 2
    summary = {f.attribute: f for f in found.found.filled}
    assert (summary["income"].copies, summary["savings"].copies) == (4, 4)
    assert 100 < summary["income"].people < 200


def test_donors_are_people_of_the_panel_alike_in_what_was_asked(folder):
    found = built(folder, OWN + SURVEY + FILL)
    filled, income = found.imputed["savings"], found.imputed["income"]
    ages = found.people.codes[:, found.people.attributes.index("age")]
    rows = np.flatnonzero(filled.imputed)
    assert filled.donors is not None
    assert filled.distance is not None
    for copy in range(4):
        donors = filled.donors[rows, copy]
        assert not np.any(filled.imputed[donors])
        apart = (
            np.abs(ages[donors] - ages[rows]) / 2 + (income.codes[donors, copy] != income.codes[rows, copy])
        ) / 2
        assert filled.distance[rows, copy] == pytest.approx(apart, abs=1e-4)


def test_persons_have_the_values_of_their_own_copy(folder):
    found = built(folder, OWN + SURVEY + FILL)
    assert set(found.copies.tolist()) == {0, 1, 2, 3}
    row = {i: n for n, i in enumerate(found.people.ids)}
    for name in ("income", "savings"):
        place = found.people.attributes.index(name)
        filled = found.imputed[name]
        wanted = [filled.codes[row[m], c] for m, c in zip(found.mirrors, found.copies, strict=True)]
        assert found.persons.codes[:, place].tolist() == wanted


def test_a_fitted_attribute_is_filled_once_so_that_the_persons_meet_its_margin(folder):
    found = built(folder, OWN + SURVEY + FILL + MARGINS)
    assert found.imputed["income"].copies == 1
    assert found.imputed["savings"].copies == 4
    assert any("every person has the first of its 4 copies" in w for w in found.found.filled[0].warnings)
    high = found.persons.levels[found.persons.attributes.index("income")].index("high")
    drawn = np.mean(found.persons.codes[:, found.persons.attributes.index("income")] == high)
    assert drawn == pytest.approx(0.3, abs=2 / 400)


def test_persons_keep_the_merged_levels_of_an_attribute_that_was_filled_too(folder):
    text = OWN + SURVEY + FILL + MARGINS
    text = text.replace("{low: [0, 1], high: [2, 3]}", "{low: [0, 1], middle: [2, 2], high: [3, 3]}")
    (folder / "incomes.csv").write_text("income,count\nlow,700\nmiddle,200\nhigh,100\n")
    found = built(folder, text + "collapse_below: 160\n")
    assert found.found.merges
    place = found.people.attributes.index("income")
    merged = found.people.levels[place]
    assert len(merged) < 3
    row = {i: n for n, i in enumerate(found.people.ids)}
    assert found.persons.codes[:, place].tolist() == [
        found.people.codes[row[m], place] for m in found.mirrors
    ]


def test_the_stated_error_of_the_draw_is_that_of_the_persons_own_values(folder):
    found = built(folder, OWN + SURVEY + FILL)
    gap = next(g for g in found.found.drawing.by_attribute if g.attribute == "savings")
    place = found.persons.attributes.index("savings")
    share = np.mean(found.persons.codes[:, place] == found.persons.levels[place].index(gap.value))
    assert gap.drawn == pytest.approx(share)


def test_the_same_seed_fills_alike_and_the_order_of_the_rows_changes_no_value(folder):
    one, again = (built(folder, OWN + SURVEY + FILL) for _ in range(2))
    assert np.array_equal(one.persons.codes, again.persons.codes)
    lines = (folder / "people.csv").read_text().splitlines()
    (folder / "people.csv").write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n")
    turned = built(folder, OWN + SURVEY + FILL)
    assert np.array_equal(one.people.codes, turned.people.codes[::-1])


def test_without_copies_the_report_says_what_one_filling_leaves_out(folder):
    found = built(folder, OWN + SURVEY + FILL.replace(", copies: 4", ""))
    assert any("income is filled once" in w for w in found.found.filled[0].warnings)


def test_the_coverage_report_is_in_words_with_and_without_margins(folder):
    said = built(folder, OWN + SURVEY + FILL + MARGINS).found.coverage
    assert said is not None
    assert said.sentences[0].startswith(
        "The people come from members of an online panel; figures are for adults in the country, who are not"
    )
    alone = built(folder, OWN + SURVEY).found.coverage
    assert alone is not None
    assert "weighted to no official figures: they stand for members of an online panel" in alone.sentences[0]


def test_modelled_people_meet_the_margins_and_go_together_as_the_sample_does(folder):
    found = built(folder, OWN + MODELLED + MARGINS)
    assert len(found.people) == 3000
    assert {p.kind for p in found.provenance} == {"modelled"}
    entry = found.provenance[0]
    assert (entry.attribute, entry.source, entry.vintage, entry.licence) == (
        "sex",
        "Office of Sexes",
        "2024",
        "free",
    )
    assert "what it goes with: reference sample people.csv (column 'sex'" in entry.method
    assert (entry.seed, entry.raked) == (3, "sexes")
    assert found.answers.questions == ()
    shares = {m.cell: (m.official, m.weighted) for m in found.weighting.margins}
    assert shares["high",] == pytest.approx((0.3, 0.3))
    assert not any(i.startswith("n") for i in found.people.ids)  # nobody of the sample becomes a person
    assert found.found.modelled[0].startswith("Modelled: these 3,000 people exist in no data set")
    assert found.found.coverage is not None
    assert found.found.coverage.sentences[0].startswith("There is no frame")


def test_a_sample_cut_by_bins_lends_its_bins_to_the_margins(folder):
    years = "\n".join(f"{age},{10 if age < 60 else 5}" for age in range(18, 90))
    (folder / "ages.csv").write_text("age,count\n" + years + "\n")
    text = OWN + MODELLED.replace(
        "      sex: {column: sex}\n",
        "      age_group: {column: age, bins: {younger: [18, 59], older: [60, 99]}}\n",
    )
    text += """
margins:
  - {table: ages, attributes: {age: age_group}}
  - {table: incomes, attributes: {income: income}}
tables:
  ages: {file: ages.csv, source: Office of Ages}
  incomes: {file: incomes.csv, source: Office of Incomes}
as_shares: true
"""
    found = built(folder, text)
    place = found.people.attributes.index("age_group")
    assert set(found.people.levels[place]) == {"younger", "older"}
    assert found.weighting.largest_margin_error is not None
    assert found.weighting.largest_margin_error < 1e-6


def test_without_a_sample_the_report_warns_of_crossings(folder):
    found = built(folder, OWN + "synthesis: {people: 500}\n" + MARGINS)
    assert any("Nothing says how these go together" in s for s in found.found.modelled)
    assert "no reference sample has it" in found.provenance[0].method
    assert built(folder, OWN + "synthesis: {people: 500}\n" + MARGINS).mirrors == found.mirrors


@pytest.mark.parametrize(
    ("old", "new", "error", "said"),
    [
        (
            "attribute: income,",
            "attribute: incomes,",
            DocumentError,
            r"impute: there is no attribute 'incomes' to fill",
        ),
        (
            "using: [age, sex]",
            "using: [age, sexx]",
            DocumentError,
            r"impute: income is filled using 'sexx', which there is not",
        ),
        (
            "using: [age, sex]",
            "using: [income]",
            DocumentError,
            r"impute: income cannot be filled using itself",
        ),
        ("copies: 4", "copies: 0", DocumentError, r"impute\.0\.copies: .*greater than or equal to 1"),
        ("method: model", "method: mice", DocumentError, r"impute\.0\.method: .*'hot_deck'"),
        ("method: model", "method: margin", DocumentError, r"impute\.0: method margin needs 'table'"),
    ],
)
def test_a_filling_that_cannot_be_done_is_refused_by_the_key_in_the_file(folder, old, new, error, said):
    text = OWN + SURVEY + FILL
    assert old in text
    with pytest.raises(error, match=said):
        built(folder, text.replace(old, new, 1))


def test_an_attribute_that_nobody_answered_cannot_be_learnt(folder):
    lines = (folder / "people.csv").read_text().splitlines()
    blank = [",".join([*(c := line.split(","))[:3], "9", *c[4:]]) for line in lines[1:]]
    (folder / "people.csv").write_text("\n".join([lines[0], *blank]) + "\n")
    with pytest.raises(
        DataError, match=r"impute\.0: imputation of 'income': 'income' is observed for none"
    ) as info:
        built(folder, OWN + SURVEY + FILL)
    assert "use method margin" in str(info.value)


def test_margins_that_contradict_one_another_make_no_people(folder):
    (folder / "both.csv").write_text("sex,income,count\nf,low,90\nf,high,0\nm,low,5\nm,high,5\n")
    use = "  - {table: both, attributes: {sex: sex, income: income}}\n"
    own = "  both: {file: both.csv, source: Other}\n"
    margins = MARGINS.replace("tables:\n", f"{use}tables:\n{own}")
    text = OWN + "synthesis: {people: 500}\n" + margins
    with pytest.raises(DataError, match=r"no table of people meets all margins|contradict"):
        built(folder, text + "as_shares: true\n")
