"""Numbers that stand for a person or her money, with published reference numbers."""

import pytest

from grounding.privacy import pii_checks as checks
from grounding.privacy.pii import mask

# IBAN: SWIFT registry and ISO 13616 examples; Steuer-ID: python-stdnum's and BZSt's published examples;
# pension insurance number: 15070649C103 and 65180539W001 (Deutsche Rentenversicherung's example, VKVV);
# KVNR: A123456780 (GKV-Spitzenverband); cards: the networks' published test numbers; NHS: 943 476 5919
# (NHS data dictionary); NIR: 2 95 10 99 126 111 93 (python-stdnum); NINO: QQ123456C (HMRC's form).
KNOWN = [
    ("iban", "DE89370400440532013000"),
    ("iban", "DE89 3704 0044 0532 0130 00"),
    ("iban", "de89 3704 0044 0532 0130 00"),
    ("iban", "GB29 NWBK 6016 1331 9268 19"),
    ("iban", "FR14 2004 1010 0505 0001 3M02 606"),
    ("iban", "AT611904300234573201"),
    ("card number", "4111 1111 1111 1111"),
    ("card number", "5555-5555-5555-4444"),
    ("card number", "3782 822463 10005"),
    ("tax number", "36574261809"),
    ("tax number", "36 574 261 809"),
    ("tax number", "DE136695976"),
    ("social security number", "15070649C103"),
    ("social security number", "65 180539 W 001"),
    ("social security number", "295109912611193"),
    ("social security number", "536-90-4399"),
    ("social security number", "AB 12 34 56 C"),
    ("health insurance number", "943 476 5919"),
]
WITH_CONTEXT = [
    ("iban", "IBAN: ", "DE89 3704 0044 0532 0130 01"),
    ("health insurance number", "KVNR ", "A123456780"),
    ("health insurance number", "NHS no. ", "9434765919"),
    ("tax number", "Steuernummer: ", "181/815/08155"),
    ("social security number", "SSN ", "536904399"),
    ("social security number", "NI number ", "QQ 12 34 56 C"),
    ("identity document number", "Personalausweis ", "T220001293"),
    ("identity document number", "passport no. ", "533380006"),
    ("bank account", "Kontonummer ", "0532013000"),
    ("bank code", "BIC ", "COBADEFFXXX"),
    ("card number", "my credit card ", "4111 1111 1111 1112"),
]


@pytest.mark.parametrize(("kind", "number"), KNOWN)
def test_a_number_with_the_right_check_digits_needs_no_context(kind: str, number: str):
    assert mask(f"es geht um {number} bitte").text == f"es geht um [{kind}] bitte"


@pytest.mark.parametrize(("kind", "before", "number"), WITH_CONTEXT)
def test_a_number_that_its_words_announce_is_masked(kind: str, before: str, number: str):
    assert mask(before + number).text == f"{before}[{kind}]"


@pytest.mark.parametrize(
    "text",
    [
        "Artikelnummer 36574261809",
        "EAN 4006381333931",
        "4006381333931",
        "ISBN 978-3-16-148410-0",
        "SKU 536-90-4399",
        "Seriennummer 4111111111111111",
        "Bestellnummer 9434 765 919",
        "A123456781 gefällt mir",
        "12345678901234567890",
        "1.234.567,89 EUR",
    ],
)
def test_look_alikes_are_left(text: str):
    assert mask(text).text == text


def test_check_digits_agree_with_published_examples_and_refuse_one_wrong_digit():
    for check, number in (
        (checks.iban, "GB29NWBK60161331926819"),
        (checks.social_insurance, "15070649C103"),
        (checks.social_insurance, "65180539W001"),
        (checks.health_insurance, "A123456780"),
        (checks.card, "4111111111111111"),
        (checks.card, "378282246310005"),
        (checks.maestro, "6759649826438453"),
        (checks.article_number, "4006381333931"),
        (checks.article_number, "036000291452"),
    ):
        assert check(number)
        wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
        assert not check(wrong)


def test_a_card_number_needs_an_issuer_and_a_health_number_no_other_date():
    assert not checks.card("1111111111111117")
    assert not checks.card("0000000000000000")
    assert not checks.social_insurance("15077749C103")


def test_numbers_under_which_a_firm_keeps_a_person_need_their_label():
    assert mask("Kundennummer 8844 21097 bei euch").text == "Kundennummer [personal number] bei euch"
    assert mask("employee number E-448812").text == "employee number [personal number]"
    assert mask("card 4176-5055-2274-5221, cvv 331").text == "card [card number], cvv [card number]"
    assert mask("Artikel 8844 21097, order number E-448812").finds == ()
    assert mask("How many customer numbers do you have? 2 or 3").finds == ()
