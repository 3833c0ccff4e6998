"""Postal addresses, dates of birth and licence plates."""

import pytest

from grounding.privacy.pii import mask


@pytest.mark.parametrize(
    "address",
    [
        "Musterstr. 12a, 12345 Musterstadt", "Straße des 17. Juni 135, 10623 Berlin", "Karl-Marx-Allee 33",
        "Unter den Linden 77, 10117 Berlin", "An der alten Ziegelei 42, D-63490 Halle (Saale)",
        "Mozartgasse 4/12, 1040 Wien", "Bahnhofstrasse 21, 8001 Zürich", "Postfach 10 20 30, 50450 Köln",
        "Hauptstr. 5 in 67433 Neustadt an der Weinstraße", "10 Downing Street, London SW1A 2AA",
        "Flat 3, 27 Park Lane, Manchester M14 5TQ", "123 Main St, Springfield, IL 62701",
        "9057 N. Washington Blvd, Suite 200, Salem, OR 12415", "PO Box 1234, Austin, TX 78701",
        "55 rue du Faubourg Saint-Honoré, 75008 Paris", "12 bis avenue de la Grande Armée, 75116 Paris",
    ],
)  # fmt: skip
def test_addresses_are_masked_with_their_town(address: str):
    assert mask(f"{address} - ok").text == "[postal address] - ok"


@pytest.mark.parametrize(
    "birth",
    [
        "geb. 12.03.1980",
        "DOB: 04/01/1975",
        "born April 1st, 1975",
        "geboren am 1. April 1975",
        "* 12.03.1980",
    ],
)
def test_full_dates_are_masked_where_they_are_birthdays(birth: str):
    assert mask(birth).text.endswith("[date of birth]")


@pytest.mark.parametrize(
    "plate",
    [
        "B-MW 1234",
        "GÖ-AB 12H",
        "M-XY 123E",
        "BD51 SMR",
        "Kennzeichen k-ab 123",
        "mein Auto HH AB 1234",
        "plate 7ABC123",
    ],
)
def test_licence_plates_are_masked(plate: str):
    assert "[licence plate]" in mask(plate).text
    assert not any(c.isdigit() for c in mask(plate).text)


@pytest.mark.parametrize(
    "text",
    [
        "Haus 12", "Platz 1 im Test", "Parkplatz 7 war frei", "Umweg 5 km", "Heimweg 20 Minuten",
            "2 lane road",
        "5 star way to relax", "PLZ 10115, 20095, 80331", "ZIP 90210", "Route 66", "Autobahn A8",
            "B 27 Richtung Ulm",
        "am 12.03.2024 geliefert", "Were you born in this country?", "Größe S-XL 2024", "Modell KA-BX 500",
        "SKU BP47-YUV-7964", "Filiale in Köln-Ehrenfeld", "40.7128, -74.0060", "Frankfurt am Main",
    ],
)  # fmt: skip
def test_places_dates_and_codes_that_nobody_lives_at_are_left(text: str):
    assert mask(text).text == text
