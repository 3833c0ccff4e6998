"""Weighting that cannot be done, each as a user meets it: the program run on a file that asks for it."""

import pytest
from own_study import GROUND, QUESTIONS, contents, done, grounded_study, mirrorpanel, write_study

HEAD = GROUND.partition("margins:")[0]
SEX = {"female": 510, "male": 490}
PLACE = {"town": 600, "country": 400}
PEOPLE = ["a,20,female,town", "b,30,male,country", "c,60,female,country", "d,70,male,town"]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return grounded_study(tmp_path_factory.mktemp("refusals") / "own")


@pytest.fixture
def folder(workspace):
    """A workspace with a panel, which every refusal must leave as it is."""
    before = contents(workspace)
    yield workspace
    assert contents(workspace) == before


def own(folder, name, counts, dimensions="sex"):
    """A table of the user's own in a file, and the line of a grounding file that names it."""
    lines = [f"{dimensions},count", *(f"{cell},{count}" for cell, count in counts.items())]
    (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return f"  {name}: {{file: {name}.csv, source: office {name}}}"


def refused(folder, tables, margins, head=HEAD, rest=""):
    """What the program says to a grounding file with these tables and margins."""
    listed = "\n".join(["tables:", *tables]) if tables else ""
    text = "\n".join([head, listed, "margins:", *(f"  - {m}" for m in margins), rest])
    (folder / "asked.yaml").write_text(text, encoding="utf-8")
    outcome = mirrorpanel("ground", folder / "asked.yaml", "-w", folder)
    assert outcome.code == 1, outcome.out
    assert outcome.out == ""
    assert "Traceback" not in outcome.err
    return outcome.err


def survey(folder, name, rows, weight=""):
    """The head of a grounding file whose survey has other rows."""
    header = "id,age,sex,place" + (",w" if weight else "") + "," + ",".join(QUESTIONS)
    answers = "0,1,too little,too little,too much"
    (folder / name).write_text("\n".join([header, *(f"{r},{answers}" for r in rows)]), encoding="utf-8")
    head = HEAD.replace("people.csv", name)
    return head.replace("  id: id\n", f"  id: id\n  weight: {weight}\n") if weight else head


def one(table):
    return f"{{table: {table}, attributes: {{sex: sex}}}}"


def test_totals_that_differ_are_named_with_their_sources(folder):
    tables = [own(folder, "few", SEX), own(folder, "many", {"town": 6000, "country": 5000}, "place")]
    message = refused(folder, tables, [one("few"), "{table: many, attributes: {place: place}}"])
    assert "place has 11,000 people (office many" in message
    assert "sex has 1,000 (office few" in message
    assert "as_shares: true" in message


def test_categories_absent_from_either_side_are_named_together(folder):
    tables = [own(folder, "wide", {**SEX, "diverse": 3}), own(folder, "narrow", {"town": 1003}, "place")]
    message = refused(folder, tables, [one("wide"), "{table: narrow, attributes: {place: place}}"])
    assert "2 problems" in message
    assert "nobody in the sample of 480 people has sex: diverse (0.30\u00a0%)" in message
    assert "people have a value for which margin place (office narrow) has no target" in message
    assert "has place: country" in message


def test_people_of_a_sex_that_is_not_published_keep_their_weight_when_it_is_missing(folder, tmp_path):
    codes = [str(1 + i % 2) for i in range(40)] + ["3"] * 2
    rows = [f"p{i},{20 + i},{code},town" for i, code in enumerate(codes)]
    head = survey(folder, "codes.csv", rows)
    recode = "{column: sex, values: {male: 1, female: 2, divers: 3}}"
    tables = [own(folder, "plain", {"female": 600, "male": 400})]
    message = refused(folder, tables, [one("plain")], head.replace("{column: sex}", recode))
    assert "2 people have a value for which margin sex (office plain) has no target" in message
    assert "list its code under 'missing' of attribute 'sex', so that these people keep" in message
    study = write_study(tmp_path / "own")
    survey(study, "codes.csv", rows)
    tables = [own(study, "plain", {"female": 600, "male": 400})]
    recode = "{column: sex, values: {male: 1, female: 2}, missing: 3}"
    head = head.replace("{column: sex}", recode)
    text = "\n".join([head, "tables:", *tables, "margins:", f"  - {one('plain')}"])
    (study / "codes.yaml").write_text(text, encoding="utf-8")
    outcome = done("ground", study / "codes.yaml", "-w", study, "--json")
    assert outcome.json["people"] == 42
    assert outcome.json["largest_margin_error"] < 1e-8
    assert "2 of 42 people (4.8\u00a0%) have no value in it. They keep their weight there" in outcome.err


def test_an_empty_cell_of_a_joint_margin_is_named(folder):
    head = survey(folder, "holes.csv", [*PEOPLE[:2], *(f"e{i},50,female,country" for i in range(9))])
    cells = {"female,town": 3, "female,country": 3, "male,town": 2, "male,country": 2}
    tables = [own(folder, "joint", cells, "sex,place")]
    message = refused(folder, tables, ["{table: joint, attributes: {sex: sex, place: place}}"], head)
    assert "nobody in the sample of 11 people has sex: male, place: town (20.00\u00a0%)" in message
    assert "use its attributes as margins of their own" in message


def test_a_margin_whose_values_are_all_missing_is_named(folder):
    head = survey(folder, "gaps.csv", [row.replace("female", "").replace("male", "") for row in PEOPLE])
    message = refused(folder, [own(folder, "plain", SEX)], [one("plain")], head)
    assert "column 'sex'" in message or "all are unknown" in message


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        (["1", "-2", "1", "1"], ["weighted.csv", "line 3", "column 'w'", "'-2' is no weight", ">= 0"]),
        (["0", "0", "0", "0"], ["weighted.csv", "column 'w'", "all weights are zero"]),
        (["1", "much", "1", "1"], ["line 3", "'much' is no weight"]),
    ],
)
def test_design_weights_that_are_none_are_refused_with_their_line(folder, weights, expected):
    rows = [f"{row},{w}" for row, w in zip(PEOPLE, weights, strict=True)]
    head = survey(folder, "weighted.csv", rows, weight="w")
    message = refused(folder, [own(folder, "plain", SEX)], [one("plain")], head)
    for part in expected:
        assert part in message


def test_one_category_that_holds_everything_is_named(folder):
    head = survey(folder, "women.csv", [row.replace(",male", ",female") for row in PEOPLE])
    message = refused(folder, [own(folder, "plain", SEX)], [one("plain")], head)
    assert "one category holds everything" in message
    assert "all whose value is known have sex: female" in message


def test_of_margins_that_contradict_one_another_the_smallest_set_is_named(folder):
    joint = {"female,town": 300, "female,country": 300, "male,town": 300, "male,country": 100}
    tables = [own(folder, "plain", SEX), own(folder, "joint", joint, "sex,place")]
    tables.append(own(folder, "ages", {"18-44": 500, "45 and over": 500}, "age"))
    margins = [
        "{table: ages, attributes: {age: age_group}}",
        one("plain"),
        "{table: joint, attributes: {sex: sex, place: place}}",
    ]
    message = refused(folder, tables, margins)
    assert "margins sex and sex × place contradict each other" in message
    message = message.replace("\u00a0", " ")
    assert "sex: female is officially 51.00 % (office plain), but officially 60.00 % together" in message
    assert "office ages" not in message


def two_hundred(folder):
    """200 tables, half by sex and half by place, and the margins that they set."""
    tables, margins = [], []
    for i in range(200):
        tables.append(own(folder, f"m{i}", SEX if i % 2 else PLACE, "sex" if i % 2 else "place"))
        margins.append(one(f"m{i}") if i % 2 else f"{{table: m{i}, attributes: {{place: place}}}}")
    return tables, margins


def test_a_clash_among_two_hundred_margins_is_named(folder):
    tables, margins = two_hundred(folder)
    tables[100] = own(folder, "m100", {"town": 610, "country": 390}, "place")
    message = refused(folder, tables, margins)
    assert "officially 61.00\u00a0% together (office m100)" in message
    assert "place (office m100) also contradicts place (office m2), place (office m4)" in message
    assert "and 93 more" in message
    assert len(message.splitlines()) < 40


def test_two_hundred_margins_that_agree_are_all_met(tmp_path):
    folder = write_study(tmp_path / "own")
    tables, margins = two_hundred(folder)
    text = "\n".join([HEAD, "tables:", *tables, "margins:", *(f"  - {m}" for m in margins)])
    (folder / "all.yaml").write_text(text, encoding="utf-8")
    found = done("ground", folder / "all.yaml", "-w", folder, "--json").json
    assert found["largest_margin_error"] < 1e-8


def test_two_census_bases_of_one_country_are_never_mixed(folder):
    margins = [
        "{table: de_land_sex_age_2021, attributes: {age: age_group, sex: sex}}",
        "{table: de_sex_age_labour_2024, attributes: {sex: sex}}",
    ]
    for rest in ("", "as_shares: true"):
        message = refused(folder, [], margins, rest=rest)
        assert "tables de_land_sex_age_2021 (2011 census, updated) and de_sex_age_labour_2024" in message
        assert "cannot be met in one fit" in message
    rest = "impute:\n  - {attribute: labour_status, table: de_sex_age_labour_2024}"
    assert "cannot be met in one fit" in refused(folder, [], margins[:1], rest=rest)


def test_a_table_of_households_is_no_margin_of_people(folder):
    message = refused(folder, [], ["{table: us_household_income_2021, attributes: {income: sex}}"])
    assert "table us_household_income_2021 counts households, and is used as a margin of people" in message
    assert "households.margins" in message


def test_a_table_that_is_not_there_is_named_with_its_line(folder):
    message = refused(folder, [], [one("us_age_sex_2022"), one("de_household_size")])
    number = (folder / "asked.yaml").read_text().splitlines().index(f"  - {one('de_household_size')}") + 1
    assert f"asked.yaml:{number}: margins.1.table: Unknown margin table 'de_household_size'" in message
    message = refused(folder, ["  lost: {file: lost.csv, source: office}"], [one("lost")])
    assert "tables.lost.file: no such file 'lost.csv'; paths are relative to" in message
    rest = "impute:\n  - {attribute: region, table: us_regions}"
    assert "impute.0.table: Unknown margin table 'us_regions'" in refused(
        folder, [], [one("us_age_sex_2022")], rest=rest
    )
