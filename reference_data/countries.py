"""Countries by their English and German names and their codes."""

from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Country:
    """A country, or part of one that has figures of its own.

    Attributes:
        name: English name, as the tables have it.
        code: ISO 3166-1 alpha-2; empty for a part of a country.
        german: German name.
        other: further codes (ISO alpha-3, Eurostat's where they differ) and names.
    """

    name: str
    code: str
    german: str
    other: tuple[str, ...] = ()


UNITED_KINGDOM = "United Kingdom"
ENGLAND_AND_WALES = "England and Wales"
UNITED_STATES = "United States"

COUNTRIES = (
    Country("Austria", "AT", "Österreich", ("AUT",)),
    Country("Belgium", "BE", "Belgien", ("BEL",)),
    Country("Bulgaria", "BG", "Bulgarien", ("BGR",)),
    Country("Croatia", "HR", "Kroatien", ("HRV",)),
    Country("Cyprus", "CY", "Zypern", ("CYP",)),
    Country("Czechia", "CZ", "Tschechien", ("CZE", "Czech Republic", "Tschechische Republik")),
    Country("Denmark", "DK", "Dänemark", ("DNK",)),
    Country("Estonia", "EE", "Estland", ("EST",)),
    Country("Finland", "FI", "Finnland", ("FIN",)),
    Country("France", "FR", "Frankreich", ("FRA",)),
    Country("Germany", "DE", "Deutschland", ("DEU", "BRD", "Bundesrepublik Deutschland")),
    Country("Greece", "GR", "Griechenland", ("GRC", "EL")),
    Country("Hungary", "HU", "Ungarn", ("HUN",)),
    Country("Iceland", "IS", "Island", ("ISL",)),
    Country("Ireland", "IE", "Irland", ("IRL",)),
    Country("Italy", "IT", "Italien", ("ITA",)),
    Country("Latvia", "LV", "Lettland", ("LVA",)),
    Country("Lithuania", "LT", "Litauen", ("LTU",)),
    Country("Luxembourg", "LU", "Luxemburg", ("LUX",)),
    Country("Malta", "MT", "Malta", ("MLT",)),
    Country("Netherlands", "NL", "Niederlande", ("NLD", "The Netherlands", "Holland")),
    Country("Norway", "NO", "Norwegen", ("NOR",)),
    Country("Poland", "PL", "Polen", ("POL",)),
    Country("Portugal", "PT", "Portugal", ("PRT",)),
    Country("Romania", "RO", "Rumänien", ("ROU",)),
    Country("Serbia", "RS", "Serbien", ("SRB",)),
    Country("Slovakia", "SK", "Slowakei", ("SVK", "Slovak Republic", "Slowakische Republik")),
    Country("Slovenia", "SI", "Slowenien", ("SVN",)),
    Country("Spain", "ES", "Spanien", ("ESP",)),
    Country("Sweden", "SE", "Schweden", ("SWE",)),
    Country("Switzerland", "CH", "Schweiz", ("CHE",)),
    Country(UNITED_KINGDOM, "GB", "Vereinigtes Königreich", ("GBR", "UK", "Great Britain", "Großbritannien")),
    Country(ENGLAND_AND_WALES, "", "England und Wales", ("England", "Wales", "E&W")),
    Country(
        UNITED_STATES,
        "US",
        "Vereinigte Staaten",
        ("USA", "United States of America", "Vereinigte Staaten von Amerika"),
    ),
)


def name(text: str) -> str:
    """The English name of the country that ``text`` names: by name, German name or code, in any case.

    Raises:
        KeyError: it is none of those that this package has figures for; lists them.
    """
    key = text.strip().casefold()
    if key not in _by_any_name():
        raise KeyError(f"no figures for {text!r}; there are some for {', '.join(c.name for c in COUNTRIES)}")
    return _by_any_name()[key]


def parts(country: str) -> tuple[str, ...]:
    """Parts of a country that have tables of their own."""
    return (ENGLAND_AND_WALES,) if country == UNITED_KINGDOM else ()


@cache
def _by_any_name() -> dict[str, str]:
    return {
        known.casefold(): country.name
        for country in COUNTRIES
        for known in (country.name, country.code, country.german, *country.other)
        if known
    }
