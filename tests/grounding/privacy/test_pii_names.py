"""Names of people, by gazetteer and context."""

import pytest

from grounding.privacy.pii import mask


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Herr Dr. Müller hat mich angerufen", "[name] hat mich angerufen"),
        ("frau yılmaz war super", "[name] war super"),
        ("Frau Dr. von der Heide", "[name]"),
        ("Mrs Jones-Parker complained", "[name] complained"),
        ("my name is john smith and i wait", "my name is [name] and i wait"),
        ("ich heiße Fatma Özdemir.", "ich heiße [name]."),
        ("Mein Name ist Agnieszka Brzęczyszczykiewicz", "Mein Name ist [name]"),
        ("Hallo, hier ist Gökhan Çelik", "Hallo, hier ist [name]"),
        ("Dear Emily, thanks", "Dear [name], thanks"),
        ("Best regards,\nEmily Clarke", "Best regards,\n[name]"),
        ("Mit freundlichen Grüßen\nKarl-Heinz Müller", "Mit freundlichen Grüßen\n[name]"),
        ("LG Anna", "LG [name]"),
        ("Name: Quxley, Brannagh", "Name: [name]"),
        ("SCHMIDT Anna", "[name]"),
        ("Schmidt, Anna", "[name]"),
        ("J. R. Miller", "[name]"),
        ("anna schmidt hat gekündigt", "[name] hat gekündigt"),
        ("Nguyễn Thị Hoa rief an", "[name] rief an"),
        ("my husband Mark", "my husband [name]"),
        ("my friend josh told me", "my friend [name] told me"),
        ("meine Frau Claudia kauft ein", "meine Frau [name] kauft ein"),
        ("die Hendersons next door", "die [name] next door"),
        ("Herr Krüger ist weg, Krügers Filiale auch", "[name] ist weg, [name] Filiale auch"),
        ("Thomas\nBergmann unterschrieb", "[name] unterschrieb"),
        ("M a r i a  S c h u l z", "[name]"),
        ("Coach Daniels yells", "Coach [name] yells"),
        ("Student ID of Chloe Bennett", "Student ID of [name]"),
        ("Beraterin: S. Hallmann", "Beraterin: [name]"),
        ("Familie Öztürk aus Köln", "Familie [name] aus Köln"),
        ("Zorblat Quendrick in customer service never rang back",
            "[name] in customer service never rang back"),
        ("Anna was very helpful", "[name] was very helpful"),
        ("Маria Schmidt", "[name]"),
        ("Herr M\u00adü\u200bller", "[name]"),
    ],
)  # fmt: skip
def test_names_are_masked_and_what_stands_around_them_stays(text: str, masked: str):
    assert mask(text).text == masked


@pytest.mark.parametrize(
    "text",
    [
        "Apple", "Ford Fiesta", "100 Mark", "Will they come?", "May I ask", "Hugo Boss Anzug",
            "Calvin Klein Jeans",
        "Dr. Oetker", "Dr. Pepper", "Mr. Proper", "Jack Daniel's", "Ben & Jerry's", "Levi's 501", "St. Louis",
        "San Diego", "Frau, ledig", "Frau oder Mann?", "Ich bin Rentner", "I am American",
            "My name is private",
        "Hello World", "Hallo zusammen", "Sehr geehrte Damen und Herren", "Best regards",
            "Thanks, great service",
        "Paris, London und Berlin", "Jordan and Georgia were lovely", "The bill was wrong", "grace and joy",
        "Barack Obama and Joe Biden", "A. Banks and financial institutions", "I AM OVER 18 YEARS OF AGE",
        "strongly agree", "Lehrerin, 45, ledig", "North West", "John Lewis", "Peter Pan und Harry Potter",
    ],
)  # fmt: skip
def test_brands_places_words_and_public_figures_are_left(text: str):
    assert mask(text).text == text
