"""Margins of Germany for a survey like the European Social Survey, as a researcher writes them."""

from pathlib import Path

import pytest

import reference_data
from grounding.population import bases, margins, tables
from grounding.population.spec import MarginUse
from personas import document
from personas.document import Document

CODES = """
margins:
  - table: de_land_sex_age_2021
    attributes: {land: region, sex: gndr, age: age_group}
    bins: {age_group: {15-29: [15, 29], 30-44: [30, 44], 45-59: [45, 59], 60 and over: [60, 120]}}
    levels:
      gndr: {1: [male], 2: [female]}
      region: {DE1: [Baden-Württemberg], DE2: [Bayern], DE3: [Berlin], DE4: [Brandenburg], DE5: [Bremen],
               DE6: [Hamburg], DE7: [Hessen], DE8: [Mecklenburg-Vorpommern], DE9: [Niedersachsen],
               DEA: [Nordrhein-Westfalen], DEB: [Rheinland-Pfalz], DEC: [Saarland], DED: [Sachsen],
               DEE: [Sachsen-Anhalt], DEF: [Schleswig-Holstein], DEG: [Thüringen]}
  - table: eu_education_2021
    where: {country: Deutschland}
    attributes: {education: bildung}
    levels:
      bildung:
        niedrig: [lower secondary or less]
        mittel: [upper secondary or post-secondary]
        hoch: [tertiary]
"""
WORDS = """
margins:
  - table: de_land_age_migration_2022
    where: {age: 20+}
    attributes: {land: landesteil, age: altersgruppe}
    levels:
      altersgruppe: {20-39: [20-29, 30-39], 40-59: [40-49, 50-59], ab 60: [60-69, 70-79, 80 and over]}
      landesteil:
        Ost: [Berlin, Brandenburg, Mecklenburg-Vorpommern, Sachsen, Sachsen-Anhalt, Thüringen]
        West: [Baden-Württemberg, Bayern, Bremen, Hamburg, Hessen, Niedersachsen, Nordrhein-Westfalen,
               Rheinland-Pfalz, Saarland, Schleswig-Holstein]
  - table: de_sex_age_labour_2024
    where: {age: 20+}
    attributes: {sex: geschlecht, labour_status: erwerbsstatus}
    levels:
      geschlecht: {männlich: [male], weiblich: [female]}
      erwerbsstatus: {erwerbstätig: [employed], nicht erwerbstätig: [unemployed, not in the labour force]}
"""


class Written(Document):
    """The margins of a grounding file."""

    margins: tuple[MarginUse, ...]


def met(text: str) -> list[margins.Target]:
    uses = document.parse(text, Written, "grounding.yaml").margins
    chosen = [tables.filtered(tables.table(u.table, {}, Path()), u.where) for u in uses]
    bases.check(chosen)
    return [
        margins.target(table, use.attributes, use.levels, use.bins)
        for table, use in zip(chosen, uses, strict=True)
    ]


def share(target: margins.Target, *values: str) -> float:
    return sum(
        float(s) for cell, s in zip(target.cells, target.shares, strict=True) if set(values) <= set(cell)
    )


def test_codes_of_the_survey_are_met_by_land_sex_and_age() -> None:
    people, education = met(CODES)
    assert len(people.cells) == 16 * 2 * 4
    table = reference_data.margin("de_land_sex_age_2021")
    adults = sum(n for cell, n in table.rows if int(cell[2]) >= 15)
    women = sum(n for cell, n in table.rows if int(cell[2]) >= 60 and cell[:2] == ("Thüringen", "female"))
    assert share(people, "DEG", "2", "60 and over") == pytest.approx(women / adults)
    assert share(people, "DEA") == pytest.approx(0.2153, abs=5e-4)  # 17.9 of 83.2 million live there
    assert share(education, "hoch") == pytest.approx(0.27)


def test_german_words_are_met_on_the_zensus_of_2022() -> None:
    place, work = met(WORDS)
    assert {cell[0] for cell in place.cells} == {"Ost", "West"}
    assert share(place, "Ost") == pytest.approx(0.195, abs=0.01)
    assert share(work, "erwerbstätig") == pytest.approx(41_502 / 67_113, abs=1e-3)


def test_their_totals_agree_so_that_counts_need_not_be_taken_as_shares() -> None:
    uses = document.parse(WORDS, Written, "grounding.yaml").margins
    chosen = [tables.filtered(reference_data.margin(u.table), u.where) for u in uses]
    targets = [
        margins.target(table, use.attributes, use.levels, use.bins)
        for table, use in zip(chosen, uses, strict=True)
    ]
    low, high = sorted(t.total for t in targets)
    assert high / low < 1.005
