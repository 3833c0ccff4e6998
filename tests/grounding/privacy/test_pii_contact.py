"""E-mail, telephone, networks and profiles."""

import pytest

from grounding.privacy.pii import mask

MAILS = [
    "anna.schmidt@firma.de",
    "anna.schmidt (at) firma punkt de",
    "anna [at] example dot com",
    "anna(at)firma.de",
    "anna AT firma DOT de",
    "anna punkt schmidt at web punkt de",
    "anna_schmidt_at_outlook[dot]com",
    "anna @ firma.de",
    "a n n a @ f i r m a . d e",
    "anna&#64;firma.de",
    "anna at gmail dot com",
    "ａｎｎａ＠ｆｉｒｍａ．ｄｅ",
    "аnnа@fіrma.de",
    "an\u200bna@fir\u00adma.de",
]
PHONES = [
    "0171 2345678", "0171/2345678", "+49 171 2345678", "+49 (0) 171 234 56 78", "0049 171 2345678",
        "(030) 123456",
    "030/123456", "0221-12 34 56", "0 1 7 1 - 2 3 4 5 6 7 8", "07700 900123", "020 7946 0958",
        "+44 20 7946 0958",
    "(415) 555-0132", "415-555-0132", "+1 415 555 0132", "06 12 34 56 78", "+33 6 12 34 56 78",
        "٠١٧١ ٢٣٤٥٦٧٨",
    "null eins sieben eins zwei drei vier fünf sechs",
    "oh seven seven double zero nine one two three",
]  # fmt: skip


@pytest.mark.parametrize("mail", MAILS)
def test_plain_and_disguised_mail_addresses_are_masked(mail: str):
    assert mask(f"meine Adresse: {mail}").text == "meine Adresse: [email]"


@pytest.mark.parametrize("phone", PHONES)
def test_telephone_numbers_are_masked_without_a_word_before_them(phone: str):
    assert mask(f"bitte {phone} danke").text == "bitte [phone] danke"


@pytest.mark.parametrize("text", ["Durchwahl 4711-123", "call me: 555-1234", "Tel. 12345678"])
def test_short_numbers_need_the_word(text: str):
    assert "[phone]" in mask(text).text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Zugriff von 203.0.113.45", "Zugriff von [ip address]"),
        ("203[.]0[.]113[.]45", "[ip address]"),
        ("host 2001:db8::ff00:42:8329", "host [ip address]"),
        ("00:1A:2B:3C:4D:5E", "[mac address]"),
        ("Gerät FD-FD-4A-F9-DA-7C", "Gerät [mac address]"),
        ("https://www.instagram.com/anna.s92", "[profile]"),
        ("folgt @anna_s92", "folgt [handle]"),
        ("Benutzername: maxm92", "Benutzername: [handle]"),
        ("Passwort: geheim123", "Passwort: [password]"),
    ],
)
def test_networks_profiles_and_secrets(text: str, masked: str):
    assert mask(text).text == masked


@pytest.mark.parametrize(
    "text",
    [
        "Version 10.2.1.4", "firmware 2.4.1.7", "Kapitel 3.2.1.1", "v1.2.3.4", "10:15:30", "3 @ 1,99",
        "look at amazon.com", "@media print", "1 2 3 4 5 6 7 8 9 10", "0 1 2 3 4 5 6 7 8 9 10",
        "one two three four five six seven", "eins zwei drei vier fünf sechs sieben",
            "02.07.24, 03.07.24 und 04.07.24",
        "von 2019/20 bis 2022/23", "tracking number 8274 8274 8274", "100 200 300 400", "5000 mAh und 256 GB",
        "$50,000 to $74,999", "Mo-Fr 09:00-18:30", "order 123-4567890-1234567",
    ],
)  # fmt: skip
def test_versions_times_scales_and_amounts_are_left(text: str):
    assert mask(text).text == text
