import json
from pathlib import Path

import pytest

from grounding.privacy import special
from grounding.privacy.spec import SpecialCategories
from grounding.sources import codebook
from personas.errors import DataError
from personas.question import Question

DATA = Path(__file__).parents[4] / "shared" / "data"
GSS = DATA / "gss20" / "questions.json"


def question(text, options=("yes", "no")):
    return Question(name="q", text=text, options=tuple(options))


def category(text, options=("yes", "no")):
    found = special.found({}, [question(text, options)])
    return found[0].category if found else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("What is your religious preference?", "religious or philosophical beliefs"),
        ("Gehören Sie einer Religionsgemeinschaft an?", "religious or philosophical beliefs"),
        ("Wie oft besuchen Sie den Gottesdienst?", "religious or philosophical beliefs"),
        ("Wie oft gehen Sie in die Kirche?", "religious or philosophical beliefs"),
        ("Which ethnic group do you belong to?", "racial or ethnic origin"),
        ("Are you vaccinated against Covid-19?", "health"),
        ("Waren Sie in den letzten 12 Monaten beim Psychologen?", "health"),
        ("What race do you consider yourself?", "racial or ethnic origin"),
        ("Haben Sie einen Migrationshintergrund?", "racial or ethnic origin"),
        ("Which party did you vote for in the last election?", "political opinions"),
        ("Welche Partei würden Sie wählen, wenn am Sonntag Bundestagswahl wäre?", "political opinions"),
        ("Where would you place yourself on a scale from left to right?", "political opinions"),
        ("Do you or your spouse belong to a labor union?", "trade-union membership"),
        ("Sind Sie Mitglied einer Gewerkschaft?", "trade-union membership"),
        ("Have you ever been diagnosed with diabetes?", "health"),
        ("Wie würden Sie Ihren Gesundheitszustand beschreiben?", "health"),
        ("Haben Sie eine anerkannte Behinderung?", "health"),
        ("Have you ever had a genetic test?", "genetic data"),
        ("How often did you have sex in the last year?", "sex life or sexual orientation"),
        ("Bezeichnen Sie sich selbst als homosexuell oder heterosexuell?", "sex life or sexual orientation"),
    ],
)
def test_what_is_asked_of_the_person_is_recognised(text, expected):
    assert category(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Are we spending too much, too little, or about the right amount on improving and protecting health?",
        "Are we spending too little on improving the conditions of Black Americans?",
        "How much confidence do you have in churches and religious organisations?",
        "Should a homosexual man be allowed to teach in a college?",
        "Do you think labor unions have too much power in this country?",
        "Do you have health insurance?",
        "Which party do you bring when you host a birthday?",
        "Do you favour or oppose the death penalty?",
        "What is your personal attitude towards Hindus?",
        "Geben wir zu viel für das Gesundheitswesen aus?",
        "Sollten Kirchen mehr Einfluss auf die Politik haben?",
        "How satisfied are you with your job?",
        "What is your sex?",
        "Wie oft kaufen Sie Gesundheitsprodukte?",
    ],
)
def test_public_matters_and_neighbouring_subjects_are_left_alone(text):
    assert category(text) is None


def test_options_that_name_groups_count_only_where_the_person_is_asked():
    kinds = ("gay or lesbian", "bisexual", "heterosexual or straight")
    assert category("Which of the following best describes you?", kinds) == "sex life or sexual orientation"
    groups = ("white people", "black people", "hispanic people")
    assert category("Which group do you think meets most discrimination?", groups) is None


@pytest.mark.parametrize(
    ("name", "levels", "expected"),
    [
        ("race", (), "racial or ethnic origin"),
        ("Q-demos-hispanic", (), "racial or ethnic origin"),
        ("Religionszugehörigkeit", (), "religious or philosophical beliefs"),
        ("partyid", (), "political opinions"),
        ("unionMember", (), "trade-union membership"),
        ("chronische_krankheit", (), "health"),
        ("sexual_orientation", (), "sex life or sexual orientation"),
        ("fingerprint_hash", (), "biometric data"),
        (
            "v17",
            ("römisch-katholisch", "evangelisch", "konfessionslos"),
            "religious or philosophical beliefs",
        ),
        ("group", ("White, non-Hispanic", "Black, non-Hispanic", "Other"), "racial or ethnic origin"),
        ("v9", ("CDU/CSU", "SPD", "Die Grünen"), "political opinions"),
        ("sex", ("female", "male"), None),
        ("race_time", (), None),
        ("health_insurance", ("public", "private"), None),
        ("health_beauty_share", (), None),
        ("party_size", ("2", "3"), None),
        ("credit_union_account", (), None),
        ("education", ("Bachelor", "Master"), None),
        ("region", ("Northeast", "South"), None),
    ],
)
def test_attributes_are_recognised_by_name_and_by_values(name, levels, expected):
    found = special.found({name: levels})
    assert (found[0].category if found else None) == expected


def test_a_special_category_is_refused_with_the_lines_that_would_let_it_in():
    found = special.found({"religion": (), "age": ()}, [question("Would you say your health is good?")])
    with pytest.raises(DataError) as refused:
        special.check(found, SpecialCategories())
    text = str(refused.value)
    assert "attribute 'religion': religious or philosophical beliefs (the name says 'religion')" in text
    assert "question 'q': health (asks 'your health')" in text
    assert "  names: [religion, q]\n  reason: the exception relied on" in text


def test_what_is_let_in_or_cleared_passes():
    found = special.found({"religion": (), "race": ()})
    special.check(
        found, SpecialCategories(names=("religion",), reason="consent", cleared={"race": "of horses"})
    )
    with pytest.raises(DataError, match="attribute 'race'"):
        special.check(found, SpecialCategories(names=("religion",), reason="consent"))


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("E-Mail", (), "e-mail address"),
        ("Kundenname", (), "name"),
        ("first_name", (), "name"),
        ("IBAN", (), "bank account"),
        ("Telefonnummer", (), "telephone number"),
        ("customerId", (), "customer number"),
        ("geburtsdatum", (), "date of birth"),
        ("v1", ("a@b.de", "c.d@e.org", "unknown", "x@y.com"), "e-mail address"),
        (
            "v2",
            ("DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432", "DE02120300000000202051"),
            "bank account",
        ),
        ("v3", ("+49 30 1234567", "030 1234567", "(212) 555-0100"), "telephone number"),
    ],
)
def test_direct_identifiers_are_never_attributes(name, values, kind):
    assert special.identifiers({name: values, "age": ("18-29", "30-44", "45+")}) == ((name, kind),)
    with pytest.raises(DataError, match=r"customers\.csv: .* is never stored as an attribute"):
        special.refuse_identifiers({name: values}, "customers.csv")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("brand_name", ("Cola", "Burger")),
        ("email_opt_in", ()),
        ("mobile_app_user", ("yes", "no")),
        ("income", ("10000", "20000", "30000")),
        ("age_group", ("18-29", "30-44", "45-59")),
        ("years", ("2019-2020", "2021-2022", "2023-2024")),
        ("number_of_phones", ("1", "2", "3")),
    ],
)
def test_what_only_sounds_like_an_identifier_passes(name, values):
    assert special.identifiers({name: values}) == ()


def test_the_shipped_spending_questions_raise_no_alarm():
    book = codebook.load(codebook.locate("gss_spending", Path()))
    assert special.found({}, [b if isinstance(b, Question) else b.question for b in book.questions]) == ()


@pytest.mark.skipif(not GSS.exists(), reason="shared data are not here")
def test_the_survey_of_606_questions_is_sorted_as_a_reader_would():
    raw = json.loads(GSS.read_text(encoding="utf-8"))
    asked = [Question(name=q["id"], text=q["text"], options=tuple(dict.fromkeys(q["options"]))) for q in raw]
    found = {f.name for f in special.found({}, asked)}
    facts = {
        "fund", "reliten", "postlife", "health", "union1", "reborn", "relpersn", "sprtprsn", "health1",
        "backpain", "painarms", "slpprblm", "arthrtis", "depress", "cesd1", "hlthphys", "hlthmntl",
        "fatigue", "ratepain", "healthissp", "godchnge", "heaven", "hell", "theism", "godmeans",
        "relgeneq", "vistholy", "sexsex", "sexfreq", "evpaidsx", "evstray", "condom", "hivtest",
        "sexornt", "hlthstrt", "rhlthend",
    }  # fmt: skip
    opinions = {
        "nathealy", "natracey", "spkath", "colrac", "spkhomo", "colhomo", "spkmslm", "colmslm",
        "conclerg", "abhlth", "homosex", "sexeduc", "helpblk", "discaff", "sphlth", "hlthcare",
        "prvdhlth", "trdunion", "unionsbd", "relext1", "relext3", "religcon", "christns", "hindus",
        "jews", "clergvte", "conchurh", "mhdiagno", "hlpsick",
    }  # fmt: skip
    assert facts - found == set()
    assert opinions & found == set()
    assert len(found) <= 65


def test_a_name_that_only_shares_a_word_with_a_category_is_let_pass():
    attributes = {"European Union membership": ["yes", "no"], "credit_union_member": ["yes", "no"]}
    attributes |= {"Rasse (Hund)": ["Pudel", "Dackel"]}
    attributes |= {"health_insurance": ["yes", "no"], "party_size": ["2", "3"]}
    assert special.found(attributes) == ()
    kept = {"psychotherapie": ["ja", "nein"], "sick_days": ["0", "1"], "trade_union_member": ["y", "n"]}
    assert {f.name for f in special.found(kept)} == set(kept)
