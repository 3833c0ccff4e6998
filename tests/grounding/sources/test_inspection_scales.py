import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grounding.sources.inspection_bands import band, rate
from grounding.sources.inspection_scales import leaning, order

# Each from low to high.
SCALES = (
    (
        *("Strongly disagree", "Somewhat disagree", "Neither agree nor disagree"),
        *("Somewhat agree", "Strongly agree"),
    ),
    ("STRONGLY DISAGREE", "disagree", "Agree", "Strongly agree"),
    (
        *("Stimme überhaupt nicht zu", "Stimme eher nicht zu", "Teils, teils"),
        *("Stimme eher zu", "Stimme voll und ganz zu"),
    ),
    ("lehne stark ab", "lehne eher ab", "weder noch", "stimme eher zu", "stimme stark zu"),
    ("trifft gar nicht zu", "trifft eher nicht zu", "trifft eher zu", "trifft voll und ganz zu"),
    ("Very dissatisfied", "Dissatisfied", "Neutral", "Satisfied", "Very satisfied"),
    (
        *("sehr unzufrieden", "eher unzufrieden", "weder zufrieden noch unzufrieden"),
        *("eher zufrieden", "sehr zufrieden"),
    ),
    ("Not at all important", "Not too important", "Somewhat important", "Very important"),
    ("ganz unwichtig", "eher unwichtig", "eher wichtig", "sehr wichtig"),
    ("unwichtig", "weniger wichtig", "wichtig", "sehr wichtig"),
    ("Extremely unlikely", "Unlikely", "Likely", "Extremely likely"),
    ("sehr unwahrscheinlich", "eher unwahrscheinlich", "eher wahrscheinlich", "sehr wahrscheinlich"),
    ("Definitely not", "Probably not", "Might or might not", "Probably", "Definitely"),
    ("Never", "Rarely", "Sometimes", "Often", "Always"),
    ("nie", "selten", "gelegentlich", "häufig", "immer"),
    ("Never, and not open to it", "Never, but open to it", "Rarely", "Sometimes", "Often"),
    ("Never", "Once or twice a year", "Once every 3 months", "Once a month", "Once a week", "Every day"),
    ("nie", "seltener", "mehrmals im Monat", "mehrmals pro Woche", "täglich"),
    ("Never", "Every year", "Every half a year", "Every two months", "Every two weeks", "Daily"),
    ("Poor", "Fair", "Good", "Very good", "Excellent"),
    ("sehr schlecht", "schlecht", "teils gut / teils schlecht", "gut", "sehr gut"),
    ("Ungenügend", "Mangelhaft", "Ausreichend", "Befriedigend", "Gut", "Sehr gut"),
    ("Hate", "Dislike", "Neither like nor dislike", "Like", "Love"),
    ("Much worse", "Somewhat worse", "About the same", "Somewhat better", "Much better"),
    ("wesentlich schlechter", "etwas schlechter", "gleichbleibend", "etwas besser", "wesentlich besser"),
    ("Gar nicht", "Wenig", "Mittel", "Stark", "Sehr stark"),
    ("gar kein Vertrauen", "wenig Vertrauen", "großes Vertrauen", "volles Vertrauen"),
    ("None at all", "Not very much", "A fair amount", "A great deal"),
    ("Too little", "About right", "Too much"),
    ("nein, auf keinen Fall", "eher nein", "eher ja", "ja, auf jeden Fall"),
    ("Very liberal", "Liberal", "Moderate", "Conservative", "Very conservative"),
    ("Less than $25,000", "$25,000 - $49,999", "$50,000 - $99,999", "$100,000 or more"),
    ("Less than $40k", "$40-75k", "$75-125k", "$125k or more"),
    ("unter 1.000 €", "1.000 bis unter 2.000 €", "2.000 bis unter 3.000 €", "3.000 € und mehr"),
    ("18-29", "30-44", "45-59", "> 60"),
    ("bis 29 Jahre", "30-44 Jahre", "45-59 Jahre", "60 Jahre und älter"),
    ("Less than 30 minutes", "30-60 minutes", "1-2 hours", "More than 2 hours"),
    ("1 (just me!)", "2", "3", "4+"),
    ("Once", "Twice", "Three times", "Four times"),
    ("Less than high school", "High school graduate", "Some college", "Bachelor's degree", "Graduate degree"),
    ("kein Abschluss", "Hauptschulabschluss", "Mittlere Reife", "Abitur", "Hochschulabschluss"),
    ("No, not at all rude", "Yes, somewhat rude", "Yes, very rude"),
    ("I don’t agree at all", "I somewhat agree", "I agree", "I completely agree"),
    ("keine Sorgen", "einige Sorgen", "große Sorgen"),
    ("no trust", "some trust", "a lot of trust"),
    ("mache mir gar keine Sorgen", "mache mir einige Sorgen", "mache mir große Sorgen"),
    ("keinen Einfluss", "geringen Einfluss", "mittleren Einfluss", "großen Einfluss", "sehr großen Einfluss"),
    ("kenne ich nicht", "nur dem Namen nach", "kenne ich gut"),
    ("Unterschicht", "untere Mittelschicht", "Mittelschicht", "obere Mittelschicht", "Oberschicht"),
    ("sehr unsicher", "eher unsicher", "eher sicher", "sehr sicher"),
    ("strikt dagegen", "eher dagegen", "weder dafür noch dagegen", "eher dafür", "voll und ganz dafür"),
    ("stimmt gar nicht", "stimmt wenig", "stimmt mittelmäßig", "stimmt ziemlich", "stimmt sehr"),
    ("passt überhaupt nicht", "passt eher nicht", "passt eher", "passt sehr gut"),
    ("glaube ich gar nicht", "glaube ich eher nicht", "glaube ich eher", "glaube ich fest"),
    ("viel zu günstig", "etwas zu günstig", "genau richtig", "etwas zu teuer", "viel zu teuer"),
    ("Very Low", "Fairly Low", "Average", "Fairly High", "Very High"),
    ("not", "notvery", "somewhat", "very"),
    ("gar nicht", "bis zu 1 Stunde", "1 bis 3 Stunden", "mehr als 3 Stunden"),
    ("do not watch", "<1", "1", "2", "3", "4", "5+"),
    ("lt $1000", "$1000 to 2999", "$3000 to 3999", "$25000 or more"),
    ("never", "lt once a year", "once a year", "sevrl times a yr", "2-3x a month", "every week"),
    ("Less Than High School", "High School", "Junior College", "Bachelor", "Graduate"),
    ("hs drop out", "hs", "some college", "college", "master"),
    ("lessHS", "HS", "somePS", "college", "bachelors", "higher"),
    ("1. < HS Grad", "2. HS Grad", "3. Some College", "4. College Grad", "5. Advanced Degree"),
)  # fmt: skip

KINDS = (
    ("Married", "Divorced", "Widowed", "Never married", "Separated"),
    ("White", "Black", "Hispanic", "Other"),
    ("North", "South", "East", "West"),
    ("CDU", "SPD", "Grüne", "FDP"),
    ("Own", "Rent", "Other"),
    ("Vollzeit", "Teilzeit", "arbeitslos", "Rentner"),
    ("Group 1", "Group 2", "Group 3"),
    ("Region 1", "Region 2", "Region 3"),
    ("Left", "Right"),
    ("Employed, working full-time", "Employed, working part-time", "Not employed, student"),
    ("To be admired", "To be appreciated"),
    ("Male", "Female"),
)


@pytest.mark.parametrize("scale", SCALES, ids=lambda s: s[-1])
@pytest.mark.parametrize("coded", [False, True])
def test_known_scales_run_from_low_to_high_in_whatever_order_they_come(scale, coded):
    for seed in range(5):
        shuffled = list(scale)
        random.Random(seed).shuffle(shuffled)
        # Codes that follow the scale but for one place would decide; a shuffle of four or more seldom does.
        found = order(shuffled, False)
        assert found is not None
        assert [shuffled[i] for i in found.places] == list(scale)
    for given_order in (scale, scale[::-1]):
        found = order(given_order, coded)
        assert found is not None
        assert [given_order[i] for i in found.places] == list(scale)


@pytest.mark.parametrize("kinds", KINDS, ids=lambda k: k[0])
def test_labels_of_kinds_have_no_order(kinds):
    assert order(kinds, False) is None


def test_the_codes_decide_where_most_labels_are_known_and_follow_them():
    labels = ("Never", "Rarely (once or twice a year)", "Quite often", "Every chance that I have got so far")
    found = order(labels, True)
    assert found is not None
    assert found.places == (0, 1, 2, 3)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        ("Very dissatisfied", "Delighted", 1),
        ("Extremely important", "Not at all important", -1),
        ("not at all", "very much so", 1),
        ("Apples", "Pears", 0),
    ],
)
def test_the_words_at_the_ends_say_which_is_high(low, high, expected):
    assert leaning(low, high) == expected


def test_bands_begin_at_their_lowest_number():
    assert band("Under $5,000") == (5000.0, -1)
    assert band("$5,000 to $9,999") == (5000.0, 0)
    assert band("1.000 bis unter 2.000 Euro") == (1000.0, 0)
    assert band("65 and older") == (65.0, 1)
    assert band("6'2\"") == (74.0, 0)
    assert band("no number here, Version 3") is None


@given(st.integers(1, 30), st.sampled_from(["day", "week", "month", "year"]))
def test_more_often_is_a_higher_rate(times, unit):
    fewer, more = rate(f"{times} times a {unit}"), rate(f"{times + 1} times a {unit}")
    assert fewer is not None
    assert more is not None
    assert fewer < more


def test_rates_are_counted_by_the_year():
    assert rate("2 to 3 days a week") == 130.0
    assert rate("once every 2 weeks") == 26.0
    assert rate("alle 2 Wochen") == 26.0
    assert rate("Never") == 0.0
    assert rate("Berlin") is None
