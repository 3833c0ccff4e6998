"""Made-up personal data for the PII benchmark, with check digits computed from the published rules.

Nothing here is shared with the detector: names are composed from lists written for this benchmark, and every
check digit is computed by its own few lines.
"""

import string
from collections.abc import Callable

import numpy as np

Maker = Callable[[np.random.Generator], str]

NAMES = {
    "de": (

        "Sabine Jürgen Katrin Dieter Hiltrud Friederike Gisela Gunnar Heinz-Otto Edda Nele "
        "Burkhard Korbinian Walburga "

        "Jonas Mia Finn Leonie Ben Hanna Luisa Paul Ylvi Fiene Tamme Svea Anneliese Karl-Heinz "
        "Ann-Kathrin Hans-Georg",

        "Müller Schmidt Hoffmann Köhler Lindemann Hasenöhrl Osterloh Habermehl Kleefisch "
        "Vogelpohl Rosenkranz "

        "Tschentscher Drögemüller Sandhövel Knödlseder Gschwendtner Wohlleben Pfaffinger "
        "Brockhaus Kuckelkorn Nienaber "
        "Schulze-Westerath Meyer-Wiefhausen Zurmühlen Terhorst Petersen Lütkemeier Stratenwerth Bach",
    ),
    "en": (

        "Oliver Amelia Geoffrey Edith Hyacinth Nigel Callum Honor Tyrone Latoya Denzel Brandon "
        "Kayleigh Ethan Mildred "

        "Peggy Wayne Kelvin Tracey Saffron Rupert Harriet Stewart Bethany Lachlan Doreen Marcus "
        "Janet Trevor Abigail",

        "Smith Johnson Hollingworth Cruickshank Satterthwaite Mainwaring Wetherby Hathersage "
        "Okoro Washington Rodriguez "

        "Fitzgerald MacLeod O'Donnell Whitaker Dunwoody Bottomley Throckmorton Ravensdale "
        "Gallagher Hendricks "
        "Popplewell Rowbotham Auchterlonie Winstanley Plowright Holloway Kingsley Wigglesworth McGillicuddy",
    ),
    "tr": (
        "Ayşe Mehmet Fatma Emre Zeynep Hakan Gülay Serkan Nurhayat Tolga Sevda İbrahim Özlem Cengiz",

        "Yılmaz Öztürk Kaya Kızılkaya Çakır Karaosmanoğlu Aydoğan Değirmenci Bozkurt Türkoğlu "
        "Hatipoğlu Altınsoy",
    ),
    "pl": (
        "Agnieszka Krzysztof Małgorzata Zbigniew Bożena Ludmiła Jarosław Mirosław Halina Dorota",
        "Kowalski Wiśniewska Staszewski Grzegrzółka Lewandowska Chrzanowski Pawlak Świątek Dziedzic",
    ),
    "ar": (
        "Mohammed Fatima Youssef Khadija Abdelfattah Nour Rania Tariq Samira Hassan Jawad Hiba Moataz",

        "Al-Masri El-Guerrouj Haddad Benchekroun Khalil Abou-Shanab Al-Zoubi Mansouri Tlemcani "
        "Shamsi Rahmani",
    ),
    "fr": (
        "Chantal Thierry Capucine Jean-Baptiste Geneviève Aurélie Gaëtan Philomène Élodie Benoît",

        "Dupont Lefèvre Peyrefitte Vandenbroucke Charpentier Quatremer Le-Goff Ducroquet "
        "Thibault Castaignède",
    ),
}  # fmt: skip


def pick(rng: np.random.Generator, words: str | tuple[str, ...] | list[str]) -> str:
    """One of the words."""
    choices = words.split() if isinstance(words, str) else list(words)
    return choices[int(rng.integers(len(choices)))]


def digits(rng: np.random.Generator, n: int) -> str:
    """That many random digits."""
    return "".join(str(d) for d in rng.integers(0, 10, n))


def person(rng: np.random.Generator, lang: str) -> tuple[str, str]:
    """First name and surname, at times from another language than the text's."""
    group = lang if rng.random() < 0.5 else pick(rng, list(NAMES))
    first, last = NAMES[group]
    return pick(rng, first), pick(rng, last)


def mod97(number: str) -> int:
    """ISO 7064 mod 97-10 remainder, letters as 10 to 35."""
    rest = 0
    for c in number:
        value = string.digits.find(c)
        value = value if value >= 0 else ord(c) - 55
        rest = (rest * (10 if value < 10 else 100) + value) % 97
    return rest


def iban(rng: np.random.Generator, lang: str) -> str:
    """An IBAN of a random country with right check digits, compact."""
    country, body = pick(rng, ["DE", "GB", "FR", "AT", "NL", "PL", "ES"]), ""
    sizes = {"DE": 18, "AT": 16, "PL": 24, "ES": 20}
    if country == "GB":
        body = pick(rng, "NWBK BARC MIDL LOYD") + digits(rng, 14)
    elif country == "NL":
        body = pick(rng, "ABNA INGB RABO") + digits(rng, 10)
    elif country == "FR":
        body = digits(rng, 10) + digits(rng, 11) + digits(rng, 2)
    else:
        body = digits(rng, sizes[country])
    check = 98 - mod97(body + country + "00")
    return f"{country}{check:02d}{body}"


def luhn(body: str) -> str:
    """The body with its Luhn digit."""
    total = 0
    for place, c in enumerate(reversed(body)):
        value = int(c) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return body + str(-total % 10)


def card(rng: np.random.Generator) -> str:
    """A Visa, Mastercard or American Express number."""
    prefix, size = (("4", 16), ("5" + str(rng.integers(1, 6)), 16), ("37", 15))[int(rng.integers(3))]
    return luhn(prefix + digits(rng, size - len(prefix) - 1))


def tax_id(rng: np.random.Generator) -> str:
    """A Steuer-ID: ten digits of which one occurs twice, then the ISO 7064 mod 11,10 digit."""
    while True:
        chosen = [str(d) for d in rng.permutation(10)[:9]]
        chosen.append(chosen[int(rng.integers(9))])
        body = "".join(chosen[int(i)] for i in rng.permutation(10))
        if body[0] != "0":
            break
    product = 10
    for c in body:
        product = (((int(c) + product) % 10 or 10) * 2) % 11
    return body + str((11 - product) % 10)


def pension(rng: np.random.Generator) -> str:
    """A German pension insurance number: area, birth date, initial, serial, check digit."""
    day, month, year = int(rng.integers(1, 29)), int(rng.integers(1, 13)), int(rng.integers(0, 100))
    initial = int(rng.integers(26))
    head = f"{pick(rng, '12 13 15 25 53 65')}{day:02d}{month:02d}{year:02d}"
    serial = f"{int(rng.integers(100)):02d}"
    total = 0
    for c, weight in zip(f"{head}{initial + 1:02d}{serial}", "212571212121", strict=True):
        product = int(c) * int(weight)
        total += sum(int(x) for x in str(product))
    return f"{head}{string.ascii_uppercase[initial]}{serial}{total % 10}"


def health(rng: np.random.Generator) -> str:
    """A German health insurance number: letter, eight digits, check digit."""
    letter, body = int(rng.integers(26)), digits(rng, 8)
    total = 0
    for place, c in enumerate(f"{letter + 1:02d}{body}"):
        product = int(c) * (1 if place % 2 == 0 else 2)
        total += product if product < 10 else product - 9
    return f"{string.ascii_uppercase[letter]}{body}{total % 10}"


def ssn(rng: np.random.Generator) -> str:
    """A US social security number."""
    area = int(rng.integers(100, 660))
    return f"{area}-{int(rng.integers(10, 99))}-{int(rng.integers(1000, 9999))}"


def nino(rng: np.random.Generator) -> str:
    """A British national insurance number."""
    return pick(rng, "AB CE HJ JN LR MW PY SK WX YZ") + digits(rng, 6) + pick(rng, "A B C D")


def nhs(rng: np.random.Generator) -> str:
    """A British health service number with its modulus 11 digit."""
    while True:
        body = digits(rng, 9)
        check = 11 - sum(int(c) * w for c, w in zip(body, range(10, 1, -1), strict=True)) % 11
        if check != 10 and body[0] != "0":
            return body + str(check % 11)


def nir(rng: np.random.Generator) -> str:
    """A French social security number with its key."""
    body = (
        f"{rng.integers(1, 3)}{rng.integers(30, 99)}{rng.integers(1, 13):02d}{rng.integers(10, 90)}"
        f"{rng.integers(100, 600)}{rng.integers(100, 600)}"
    )
    return f"{body}{97 - int(body) % 97:02d}"


def ean(rng: np.random.Generator) -> str:
    """An article number (EAN-13) with its check digit; a look-alike, not personal data."""
    body = pick(rng, "40 41 42 50 30 76 0") + digits(rng, 11)
    body = body[:12]
    total = sum(int(c) * (3 if i % 2 else 1) for i, c in enumerate(body))
    return body + str(-total % 10)


def isbn(rng: np.random.Generator) -> str:
    """A book number (ISBN-13) with hyphens; a look-alike."""
    body = "9783" + digits(rng, 8)
    total = sum(int(c) * (3 if i % 2 else 1) for i, c in enumerate(body))
    n = body + str(-total % 10)
    return f"{n[:3]}-{n[3]}-{n[4:7]}-{n[7:12]}-{n[12]}"


def grouped(rng: np.random.Generator, number: str, size: int, separators: str = " -.") -> str:
    """The number in groups."""
    by = separators[int(rng.integers(len(separators)))]
    return by.join(number[i : i + size] for i in range(0, len(number), size))


def phone(rng: np.random.Generator, lang: str) -> str:
    """A telephone number as people of that language write it."""
    if lang == "de":
        mobile = pick(rng, "0151 0152 0157 0160 0170 0171 0172 0176 0179")
        area = pick(rng, "030 040 089 0221 069 0711 0511 0341 0421 0911 06131 04321")
        a, b = digits(rng, 7), "23456789"[int(rng.integers(8))] + digits(rng, 5)
        return pick(rng, [
            f"{mobile} {a}", f"{mobile}/{a}", f"{mobile}-{a}", f"+49 {mobile[1:]} {a}",
                f"+49 (0){mobile[1:]} {a}",
            f"0049{mobile[1:]}{a}", f"{area} {b}", f"{area}/{b}", f"({area}) {b}",
                f"+49 {area[1:]} {b[:3]} {b[3:]}",
            f"{mobile} {a[:2]} {a[2:4]} {a[4:]}", f"{area}-{b[:2]} {b[2:4]} {b[4:]}", f"{mobile}{a}",
        ])  # fmt: skip
    x = digits(rng, 6)
    uk = pick(rng, [f"07{pick(rng, '400 701 812 911 960')} {x}", f"020 7{digits(rng, 3)} {digits(rng, 4)}",
                    f"+44 7{pick(rng, '400 701 812')} {x}", f"0161 4{digits(rng, 2)} {digits(rng, 4)}",
                    f"(0121) 4{digits(rng, 2)} {digits(rng, 4)}",
                        f"+44 (0)20 7946 0{digits(rng, 3)}"])  # fmt: skip
    area, office, line = pick(rng, "212 415 312 617 713 206"), f"{rng.integers(200, 990)}", digits(rng, 4)
    us = pick(rng, [f"({area}) {office}-{line}", f"{area}-{office}-{line}", f"{area}.{office}.{line}",
                    f"+1 {area} {office} {line}", f"1-{area}-{office}-{line}"])  # fmt: skip
    fr = f"+33 {pick(rng, '6 7 1')} {' '.join(digits(rng, 2) for _ in range(4))}"
    return pick(rng, [uk, uk, us, us, fr])


_HOSTS = (
    "gmail.com web.de gmx.net t-online.de outlook.com firma-nord.de example.org "
    "btinternet.com yahoo.co.uk kanzlei.info"
)


def email(rng: np.random.Generator, lang: str) -> str:
    """A plain e-mail address."""
    first, last = person(rng, lang)
    fold = str.maketrans("äöüßşıçğİéèëêôłżśąęćńŻ", "aousSicgIeeeeolzsaecnZ".lower())
    a, b = (n.lower().translate(fold).replace("'", "").replace(" ", "") for n in (first, last))
    local = pick(
        rng, [f"{a}.{b}", f"{a[0]}.{b}", f"{a}_{b}{rng.integers(60, 99)}", f"{b}{digits(rng, 3)}", f"{a}-{b}"]
    )
    return f"{local}@{pick(rng, _HOSTS)}"


_STREETS_DE = (
    "Hauptstraße", "Bahnhofstr.", "Goethestr.", "Lindenallee", "Am Mühlenberg", "Kirchgasse", "Schillerplatz",
    "Berliner Straße", "An der alten Ziegelei", "Rosenweg", "Karl-Marx-Allee", "Unter den Eichen",
        "Birkenring",
    "Heinrich-Heine-Str.", "Lange Reihe",
)  # fmt: skip
_TOWNS_DE = (
    "Köln", "Bad Homburg", "Frankfurt am Main", "Leipzig", "Buxtehude", "Neustadt an der Weinstraße",
    "Stuttgart", "Halle (Saale)", "Castrop-Rauxel",
)  # fmt: skip
_STREETS_UK = (
    "High Street", "Station Road", "Church Lane", "Victoria Avenue", "Mill Close", "Kings Way", "Elm Grove",
)  # fmt: skip
_STREETS_US = ("Maple Ave", "Oak Street", "N. Washington Blvd", "Sunset Drive", "W 34th St", "Ridgewood Ct")
_TOWNS_US = ("Springfield, IL", "Austin, TX", "Salem, OR", "Des Moines, IA", "New York, NY")
_STREETS_FR = ("rue de la République", "avenue Victor Hugo", "bis rue des Lilas", "boulevard Voltaire")


def address(rng: np.random.Generator, lang: str) -> str:
    """A postal address as it is written in Germany, or in Britain, the United States or France."""
    code = f"{rng.integers(10000, 95000)}"
    if lang == "de":
        street, town = pick(rng, _STREETS_DE), pick(rng, _TOWNS_DE)
        number = f"{rng.integers(1, 180)}{pick(rng, ['', '', 'a', ' b'])}"
        return f"{street} {number}{pick(rng, [', ', ', D-', ' in '])}{code} {town}"
    country = pick(rng, "UK US US UK FR")
    if country == "UK":
        area = (
            f"{pick(rng, 'LS BS CR AB NR')}{rng.integers(1, 20)} "
            f"{rng.integers(1, 9)}{pick(rng, 'AB DE LN QT')}"
        )
        town = pick(rng, "Leeds Bristol Croydon Aberdeen Norwich")
        return f"{rng.integers(1, 300)} {pick(rng, _STREETS_UK)}, {town} {area}"
    if country == "US":
        flat = pick(rng, ["", "Apt 4B, ", "Suite 200, "])
        return f"{rng.integers(10, 9900)} {pick(rng, _STREETS_US)}, {flat}{pick(rng, _TOWNS_US)} {code}"
    return f"{rng.integers(1, 200)} {pick(rng, _STREETS_FR)}, {code} {pick(rng, 'Paris Lyon Rennes')}"


_MONTHS_DE = (
    "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November",
    "Dezember",
)  # fmt: skip
_MONTHS_EN = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
        "November",
    "December",
)  # fmt: skip


def birth_date(rng: np.random.Generator, lang: str) -> str:
    """A date as people write their birthday."""
    d, m, y = int(rng.integers(1, 29)), int(rng.integers(1, 13)), int(rng.integers(1935, 2006))
    german, english = _MONTHS_DE[m - 1], _MONTHS_EN[m - 1]
    if lang == "de":
        return pick(rng, [f"{d:02d}.{m:02d}.{y}", f"{d}.{m}.{y % 100:02d}", f"{d}. {german} {y}"])
    return pick(
        rng,
        [
            f"{d:02d}/{m:02d}/{y}",
            f"{y}-{m:02d}-{d:02d}",
            f"{d} {english} {y}",
            f"{english} {d}, {y}",
        ],
    )


def plate(rng: np.random.Generator, lang: str) -> str:
    """A German or a British licence plate."""
    if lang == "de":
        place = pick(rng, "B M HH K F S DD L GÖ BÜD MTK WAK TÜ")
        letters = pick(rng, "AB MW KL R XY TS ZP CC")
        number = f"{rng.integers(1, 9999)}"
        return (
            f"{place}-{letters} {number}{pick(rng, ['', '', 'E', 'H'])}"
            if len(number) < 4
            else f"{place}-{letters} {number}"
        )
    return f"{pick(rng, 'AB BD LK SW YH KN')}{pick(rng, '07 12 19 65 71')} {pick(rng, 'BCD KLM SVR TYU HJK')}"


def ipv4(rng: np.random.Generator) -> str:
    """An IPv4 address."""
    return ".".join(str(n) for n in (rng.integers(11, 223), *rng.integers(0, 255, 3)))


def ipv6(rng: np.random.Generator) -> str:
    """An IPv6 address, at times shortened."""
    parts = [f"{n:x}" for n in rng.integers(1, 65535, 7)]
    return pick(
        rng, [":".join(["2001", *parts]), f"2001:db8::{parts[0]}:{parts[1]}", f"fe80::{':'.join(parts[:4])}"]
    )


def mac(rng: np.random.Generator) -> str:
    """A hardware address."""
    by = pick(rng, ": -")
    return by.join(f"{n:02X}" for n in rng.integers(0, 255, 6))
