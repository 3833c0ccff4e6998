"""Lines of survey comments and customer notes for the PII benchmark: with personal data, and looking alike.

Each line says what was planted in it and where. Families marked as held out were set aside before the
detector was tried on any line, and are reported on their own.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks import pii_secrets as S
from benchmarks.pii_frames import CLEAN
from benchmarks.pii_secrets import pick


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text and what is planted in it.

    Attributes:
        text: the line.
        planted: (start, end) of each secret; empty for a clean line.
        kind: what is planted, or the kind of look-alike.
        language: ``de`` or ``en``.
        held: whether its family was held out.
    """

    text: str
    planted: tuple[tuple[int, int], ...]
    kind: str
    language: str
    held: bool


@dataclass(frozen=True, slots=True)
class _Family:
    kind: str
    language: str
    held: bool
    frames: tuple[str, ...]
    make: Callable[[np.random.Generator, str], str]


def dirty(rng: np.random.Generator, n: int) -> list[Line]:
    """``n`` lines with personal data, each family equally often."""
    families = _dirty_families()
    return [_filled(rng, families[i % len(families)]) for i in range(n)]


def clean(rng: np.random.Generator, n: int) -> list[Line]:
    """``n`` lines without personal data that look as if they had some."""
    return [_look_alike(rng, i) for i in range(n)]


def _filled(rng: np.random.Generator, family: _Family) -> Line:
    frame = pick(rng, family.frames)
    text = ""
    planted: list[tuple[int, int]] = []
    for i, piece in enumerate(frame.split("{}")):
        if i:
            secret = family.make(rng, family.language)
            planted.append((len(text), len(text) + len(secret)))
            text += secret
        text += piece
    return Line(text, tuple(planted), family.kind, family.language, family.held)


def _full(rng: np.random.Generator, lang: str) -> str:
    return " ".join(S.person(rng, lang))


def _first(rng: np.random.Generator, lang: str) -> str:
    return S.person(rng, lang)[0]


def _last(rng: np.random.Generator, lang: str) -> str:
    return S.person(rng, lang)[1]


def _spaced(rng: np.random.Generator, text: str) -> str:
    return pick(rng, [" ", "  ", " - ", "."]).join(c for c in text if c.isalnum() or c == "+")


_FULL_WIDTH = {chr(n): chr(n + 0xFEE0) for n in range(33, 127)}
_ARABIC = {str(n): chr(0x0660 + n) for n in range(10)}
_CYRILLIC = dict(zip("aeopcyxi", "аеорсухі", strict=True))


def _disguised(rng: np.random.Generator, text: str) -> str:
    """The text in look-alike characters: full width, Arabic-Indic, Cyrillic, invisible ones between."""
    way = int(rng.integers(5))
    if way == 0:
        return "".join(_FULL_WIDTH.get(c, c) for c in text)
    if way == 1:
        return "".join(_ARABIC.get(c, c) for c in text)
    if way == 2:
        return "".join(_CYRILLIC.get(c, c) if rng.random() < 0.6 else c for c in text)
    if way == 3:
        return pick(rng, ["\u200b", "\u200d", "\u00ad", "\u2060"]).join(text)
    return text.replace(" ", "\u00a0").replace("-", "\u2011")


def _hidden_mail(rng: np.random.Generator, lang: str) -> str:
    local, domain = S.email(rng, lang).split("@")
    dot = {
        "de": [" punkt ", "(punkt)", " [Punkt] ", " (dot) ", "."],
        "en": [" dot ", "[dot]", " (dot) ", " DOT ", "."],
    }[lang]
    at = pick(
        rng,
        [
            " (at) ",
            "[at]",
            " [at] ",
            "(at)",
            " {at} ",
            " AT ",
            "(ät)" if lang == "de" else "<at>",
            "_at_",
            " @ ",
        ],
    )
    by = pick(rng, dot) if at.strip().lower() != "at" else pick(rng, dot[:4])
    return local + at + domain.replace(".", by)


def _spoken_mail(rng: np.random.Generator, lang: str) -> str:
    first, last = pick(rng, "anna jonas merle tariq"), pick(rng, "lindner brook haddad kaya")
    if lang == "de":
        return f"{first} punkt {last} at {pick(rng, 'web gmx firma-nord')} punkt de"
    return f"{first} {pick(rng, 'dot underscore')} {last} at {pick(rng, 'gmail outlook example')} dot com"


def _iban(rng: np.random.Generator, lang: str) -> str:
    n = S.iban(rng, lang)
    return pick(
        rng,
        [n, n.lower(), S.grouped(rng, n, 4), S.grouped(rng, n.lower(), 4, " "), S.grouped(rng, n, 2, " ")],
    )


def _card(rng: np.random.Generator, lang: str) -> str:
    n = S.card(rng)
    if len(n) == 15:
        return pick(rng, [n, f"{n[:4]} {n[4:10]} {n[10:]}"])
    return pick(rng, [n, S.grouped(rng, n, 4), S.grouped(rng, n, 4, "-")])


def _tax(rng: np.random.Generator, lang: str) -> str:
    n = S.tax_id(rng)
    return pick(
        rng, [n, f"{n[:2]} {n[2:5]} {n[5:8]} {n[8:]}", f"{n[:2]}/{n[2:5]}/{n[5:8]}/{n[8:]}", " ".join(n)]
    )


def _steuernummer(rng: np.random.Generator, lang: str) -> str:
    d = S.digits
    return pick(
        rng,
        [
            f"{rng.integers(100, 300)}/{d(rng, 4)}/{d(rng, 4)}",
            f"{rng.integers(10, 99)}/{d(rng, 3)}/{d(rng, 5)}",
            f"{rng.integers(10, 99)} {d(rng, 3)} {d(rng, 5)}",
        ],
    )


def _pension(rng: np.random.Generator, lang: str) -> str:
    n = S.pension(rng)
    return pick(rng, [n, f"{n[:2]} {n[2:8]} {n[8]} {n[9:]}", n.lower(), f"{n[:2]}-{n[2:8]}-{n[8]}-{n[9:]}"])


def _health(rng: np.random.Generator, lang: str) -> str:
    n = S.health(rng)
    return pick(rng, [n, f"{n[0]} {n[1:4]} {n[4:7]} {n[7:]}", n.lower()])


def _national(rng: np.random.Generator, lang: str) -> str:
    nino, nhs, ssn = S.nino(rng), S.nhs(rng), S.ssn(rng)
    return pick(
        rng,
        [
            ssn,
            ssn.replace("-", " "),
            f"{nino[:2]} {nino[2:4]} {nino[4:6]} {nino[6:8]} {nino[8]}",
            nino,
            f"{nhs[:3]} {nhs[3:6]} {nhs[6:]}",
        ],
    )


def _nir(rng: np.random.Generator, lang: str) -> str:
    n = S.nir(rng)
    return pick(rng, [n, f"{n[0]} {n[1:3]} {n[3:5]} {n[5:7]} {n[7:10]} {n[10:13]} {n[13:]}"])


def _document(rng: np.random.Generator, lang: str) -> str:
    return pick(
        rng,
        [
            f"L{S.digits(rng, 2)}X{S.digits(rng, 5)}",
            f"C{S.digits(rng, 2)}K{S.digits(rng, 2)}T{S.digits(rng, 2)}",
            S.digits(rng, 9),
        ],
    )


def _network(rng: np.random.Generator, lang: str) -> str:
    return pick(rng, [S.ipv4(rng), S.ipv4(rng), S.ipv6(rng), S.mac(rng), S.ipv4(rng).replace(".", "[.]")])


def _handle(rng: np.random.Generator, lang: str) -> str:
    user = f"{pick(rng, 'lena kofi marv_ sunny.')}{pick(rng, 'fit art travels')}{rng.integers(1, 99)}"
    return pick(
        rng,
        [
            f"@{user}",
            f"https://www.instagram.com/{user}",
            f"facebook.com/{user}",
            f"https://www.linkedin.com/in/{user.replace('_', '-').replace('.', '-')}",
        ],
    )


def _caps(rng: np.random.Generator, lang: str) -> str:
    first, last = S.person(rng, lang)
    return pick(rng, [f"{last}, {first}", f"{last.upper()} {first}", f"{first} {last}".upper()])


def _wrapped(
    make: Callable[[np.random.Generator, str], str], change: Callable[[np.random.Generator, str], str]
) -> Callable[[np.random.Generator, str], str]:
    return lambda rng, lang: change(rng, make(rng, lang))


def _dirty_families() -> list[_Family]:
    rows: list[tuple[str, str, int, str, Callable[[np.random.Generator, str], str]]] = []
    for lang, kinds in (("de", _GERMAN), ("en", _ENGLISH)):
        for kind, held, frames, make in kinds:
            rows.append((kind, lang, held, frames, make))
    return [
        _Family(kind, lang, bool(held), tuple(frames.split("|")), make)
        for kind, lang, held, frames, make in rows
    ]


_Row = tuple[str, int, str, Callable[[np.random.Generator, str], str]]
_GERMAN: tuple[_Row, ...] = (
    ("email", 0,
        "Bitte antworten Sie an {}.|Meine Mail: {}|{} ist meine Adresse für Rückfragen|"
        "Newsletter bitte an {} und nicht mehr per Post", S.email),
    ("email", 0, "erreichbar unter {}|Schreibt mir: {}!|Kontakt {} (privat)", _hidden_mail),
    ("email", 1, "Der Gutschein kam nie an, obwohl ich {} angegeben hatte|{} / Betreff: Reklamation",
        _hidden_mail),
    ("email", 1, "Am besten per Mail: {}|meine E-Mail lautet {} danke", _spoken_mail),
    ("email", 0, "Mail {} bitte notieren", _wrapped(S.email, _disguised)),
    ("phone", 0, "Rufen Sie mich unter {} an.|Tel.: {}|Mobil {} ab 18 Uhr|Meine Nummer ist {}, danke",
        S.phone),
    ("phone", 1,
        "Hinterlegt war bisher {}, das stimmt nicht mehr|Bitte um Rückmeldung ({})|{} - am "
        "liebsten vormittags", S.phone),
    ("phone", 0, "Telefon {}|Handy: {}", _wrapped(S.phone, _spaced)),
    ("phone", 1, "WhatsApp geht auch: {}|unter {} ging niemand ans Telefon", _wrapped(S.phone, _disguised)),
    ("iban", 0, "Erstattung bitte auf {}|IBAN {}|Mein Konto: {} bei der Sparkasse", _iban),
    ("iban", 1, "Die Lastschrift ging von {} ab, zweimal!|{} Sparkasse Köln", _iban),
    ("iban", 0, "IBAN: {}", _wrapped(_iban, _disguised)),
    ("card number", 0, "Kreditkarte {} wurde abgelehnt|Zahlung mit {} nicht möglich", _card),
    ("card number", 1, "Meine Visa {} ist abgelaufen|bitte belasten Sie {} nicht noch einmal", _card),
    ("tax number", 0, "Steuer-ID {}|Meine IdNr. lautet {}|{} ist meine Steueridentifikationsnummer", _tax),
    ("tax number", 1, "Für die Rechnung: Steuernummer {}|St.-Nr.: {} (Finanzamt Mitte)", _steuernummer),
    ("social security number", 0, "Sozialversicherungsnummer: {}|SV-Nr. {} liegt der Personalabteilung vor",
        _pension),
    ("social security number", 1, "Rentenversicherung kennt mich unter {}|{} steht auf meinem SV-Ausweis",
        _pension),
    ("health insurance number", 0, "Versichertennummer {}|KVNR: {}|Krankenkasse AOK, Nr. {}", _health),
    ("identity document number", 1, "Personalausweis {} lag vor|Reisepass Nr. {} gültig bis 2029", _document),
    ("network", 0, "Zugriff von {} gesperrt|Login mit der IP {}", lambda rng, lang: S.ipv4(rng)),
    ("network", 1, "Mein Router zeigt {} an|gemeldet von Gerät {} im Netz", _network),
    ("postal address", 0, "Lieferadresse: {}|Ich wohne {} und bekam nichts|Neue Anschrift: {}", S.address),
    ("postal address", 1, "Das Paket ging an {} statt an mich|Umzug: ab Mai {}|{} - bitte korrigieren",
        S.address),
    ("date of birth", 0, "geb. {}|Geburtsdatum: {}|geboren am {} in Ulm", S.birth_date),
    ("licence plate", 0, "Kennzeichen {}|Mein Auto ({}) stand davor|Firmenwagen {} ist gemeint", S.plate),
    ("licence plate", 1, "Auf dem Kundenparkplatz wurde {} zugeparkt|{} falsch geparkt", S.plate),
    ("name", 0,
        "Mein Name ist {}.|Ich heiße {} und bin Stammkundin|Ansprechpartner: {}|Viele Grüße, {}|"
        "Mit freundlichen Grüßen {}", _full),
    ("name", 0,
        "Frau {} war sehr freundlich|Herr {} aus der Filiale half mir|Sehr geehrter Herr {}, ich "
        "bin enttäuscht|Dr. {} hat mich beraten", _last),
    ("name", 1,
        "Die Beratung durch {} war super|Ich habe mit {} telefoniert, ohne Ergebnis|{} aus dem "
        "Kundendienst rief nie zurück|Vertrag läuft auf {} seit 2019", _full),
    ("name", 1,
        "Meine Tochter {} nutzt die App|Kollegin {} sagte etwas anderes|LG {}|Hallo {}, danke "
        "für den Anruf", _first),
    ("name", 1, "Name: {}|Kunde {} meldet sich erneut|Unterschrift gez. {}", _caps),
    ("name", 0, "mein name ist {} und ich warte immer noch", _wrapped(_full, lambda rng, t: t.lower())),
    ("name", 0, "Herr {} hat unterschrieben", _wrapped(_full, _disguised)),
    ("handle", 0, "Folgt mir auf {}|Auf Instagram bin ich {}", _handle),
    ("mixed", 1, "Kontakt: {}, danke", lambda rng,
        lang: f"{_full(rng, lang)}, {S.phone(rng, lang)}, {S.email(rng, lang)}"),
)  # fmt: skip
_ENGLISH: tuple[_Row, ...] = (
    ("email", 0, "Please reply to {}.|My e-mail: {}|Send the voucher to {} thanks", S.email),
    ("email", 0, "reach me at {}|write to {} please|contact: {} (work)", _hidden_mail),
    ("email", 1, "The receipt never came although I gave {} at the till|{} - re: complaint", _hidden_mail),
    ("email", 1, "Best by mail: {}|my email is {} cheers", _spoken_mail),
    ("email", 0, "Email {} for details", _wrapped(S.email, _disguised)),
    ("phone", 0, "Call me on {}.|Tel: {}|Mobile {} after 6pm|My number is {}, thanks", S.phone),
    ("phone", 1,
        "You still have {} on file, that is wrong|Please get back to me ({})|{} - mornings are "
        "best", S.phone),
    ("phone", 0, "Phone {}|Cell: {}", _wrapped(S.phone, _spaced)),
    ("phone", 1, "WhatsApp works too: {}|nobody picked up the phone on {}", _wrapped(S.phone, _disguised)),
    ("iban", 0, "Refund to {} please|IBAN {}|My account: {} at Barclays", _iban),
    ("iban", 1, "The direct debit left {} twice!|{} is where the money should go", _iban),
    ("card number", 0, "Credit card {} was declined|Paying with {} did not work", _card),
    ("card number", 1, "My Visa {} has expired|do not charge {} again", _card),
    ("card number", 0, "card no. {}", _wrapped(_card, _disguised)),
    ("social security number", 0, "SSN {}|my social security number is {}|NI number {}|NHS no. {}",
        _national),
    ("social security number", 1, "they asked for my SSN {} over the phone|National Insurance: {}",
        lambda rng, lang: pick(rng, [S.ssn(rng), S.nino(rng)])),
    ("social security number", 1, "French social security no. {}", _nir),
    ("identity document number", 0, "Passport no. {}|passport {} was scanned|ID card number: {}", _document),
    ("network", 0, "Blocked access from {}|Logged in from IP {}", lambda rng, lang: S.ipv4(rng)),
    ("network", 1, "My router shows {}|reported by device {} on the network", _network),
    ("postal address", 0, "Ship to {}|I live at {} and got nothing|New address: {}", S.address),
    ("postal address", 1, "The parcel went to {} instead|We moved: {} from May|{} - please correct",
        S.address),
    ("date of birth", 0, "DOB {}|Date of birth: {}|born on {} in Hull", S.birth_date),
    ("date of birth", 1, "I was born {} so I should get the discount|customer (born {}) asked twice",
        S.birth_date),
    ("licence plate", 0, "Number plate {}|My car ({}) was outside|registration {}", S.plate),
    ("licence plate", 1, "the van {} blocked the drive|clamped {} for no reason", lambda rng,
        lang: S.plate(rng, "en")),
    ("name", 0, "My name is {}.|This is {} from Hull|Contact: {}|Best regards, {}|Kind regards\n{}", _full),
    ("name", 0,
        "Mrs {} was very kind|Mr {} at the branch helped me|Dear Mr {}, I am disappointed|Dr {} "
        "advised me", _last),
    ("name", 1,
        "The advice from {} was great|I spoke with {} on Tuesday, no result|{} in customer "
        "service never rang back|The contract is in the name of {} since 2019", _full),
    ("name", 1,
        "My daughter {} uses the app|my colleague {} said otherwise|Cheers, {}|Hi {}, thanks for "
        "calling", _first),
    ("name", 1, "Name: {}|Customer {} is calling again|Signed {}", _caps),
    ("name", 0, "my name is {} and i am still waiting", _wrapped(_full, lambda rng, t: t.lower())),
    ("name", 0, "Mr {} signed for it", _wrapped(_full, _disguised)),
    ("handle", 0, "Follow me at {}|On Instagram I am {}", _handle),
    ("mixed", 1, "Contact: {}, thanks", lambda rng,
        lang: f"{_full(rng, lang)}, {S.phone(rng, lang)}, {S.email(rng, lang)}"),
)  # fmt: skip


def _look_alike(rng: np.random.Generator, turn: int) -> Line:
    kind = list(CLEAN)[turn % len(CLEAN)]
    frame = pick(rng, CLEAN[kind])
    letters = "ABCDEFGHKLMNPRSTUVWXYZ"
    fills = {f"d{n}": S.digits(rng, n) for n in range(1, 13)}
    fills |= {f"A{n}": "".join(letters[int(i)] for i in rng.integers(0, len(letters), n)) for n in (1, 2, 3)}
    fills |= {"ean": S.ean(rng), "isbn": S.isbn(rng), "n100": str(rng.integers(1, 100))}
    fills |= {"day": f"{rng.integers(1, 29):02d}", "month": f"{rng.integers(1, 13):02d}"}
    german = any(c in frame for c in "äöüß") or any(
        f" {w} " in f" {frame} " for w in ("und", "von", "am", "im", "zu", "statt")
    )
    return Line(frame.format(**fills), (), kind, "de" if german else "en", False)
