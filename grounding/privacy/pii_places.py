"""Postal addresses: German, British, American, French and the commonest forms of their neighbours."""

import re
from collections.abc import Iterator

from grounding.privacy.pii_context import UNIT, Found, speaks_against, words
from grounding.privacy.pii_gazetteer import word_set

_L = r"[^\W\d_]"
_NUMBER = (
    r"(?:(?i:nr|no|hausnummer|"
    r"hausnr)\.?\s?)?\d{1,4}(?:\s?[a-hA-H](?![^\W_]))?(?:\s?[-/+]\s?\d{1,4}(?:\s?[a-hA-H](?![^\W_]))?){0,3}"
    r"(?:\s?[,/]?\s?(?i:top|stiege|stg\.?|tür|whg\.?|wohnung)\s?\d{1,3}(?!\d)){0,2}"
)
_CAP = r"[A-ZÀ-ÖØ-ÞŁŚŠŽİ][\w'.-]*"
_CITY_DE = (
    rf"{_CAP}(?:[ /-](?:{_CAP}|\({_CAP}\)|an der|am|im|ob der|vor der|bei|a\.\s?d\.|a\.|d\.|"
    rf"i\.|\({_CAP}\)))*(?:[ ]{_CAP})?"
)
_PLZ = r"(?:(?:D|A|CH|L|DE|AT)\s?[-–]\s?)?\d{4,5}"
_TAIL_DE = (
    rf"(?:\s*[,;/|·-]?\s*(?:in\s+)?{_PLZ}\s+{_CITY_DE}|\s*,\s*(?:in\s+)?{_CITY_DE}|"
    rf"\s+in\s+{_CITY_DE})?"
)
_SURE_DE = (
    r"(?i:straße|strasse|straat|str\.|str(?=\s?\.?\d)|strasze|stra(?:ss|ß)e|allee|gasse|"
    r"chaussee|weg|platz|laan|gracht|kade)"
)
_VAGUE_DE = (
    r"(?:ring|damm|ufer|steig|pfad|hof|markt|graben|wall|park|berg|stieg|kamp|brink|winkel|"
    r"promenade|garten|anger|"
    r"bogen|tor|brücke|kai|zeile|wiese|wiesen|feld|grund|rain|halde|höhe|bruch|twiete|redder|"
    r"deich|gürtel|lände|reihe|straße|plein|steenweg)"
)
_STREET_DE = re.compile(
    rf"(?<![^\W_])(?P<street>(?:(?:{_CAP}|{_L}+(?:er|en|sche)|[Aa]m|[Aa]n der|[Zz]um|[Zz]ur)[ -]){{0,3}}?"
    rf"(?:{_L}(?:{_L}|['.-])*?)?-?{_SURE_DE}(?:\s(?:des|der|am|vom|"
    rf"von)(?:\s\d\d\.)?(?:\s{_CAP}){{1,2}})?)\.?,?\s*"
    rf"(?P<number>{_NUMBER})(?![^\W_])(?:(?=\s*(?:[,;/|·-]|in)?\s*(?:[dD]-)?\d{{5}}\s[a-zäöü])\s*(?:[,;/|·-]|in)?\s*(?:[dD]-)?\d{{5}}\s{_L}+"
    rf"(?:\s(?:am|an der|im|in der|ob der|bei)\s{_L}+|\s\(\w+\))?(?![^\W_])|"
    rf"{_TAIL_DE})"
)
_STREET_PLZ = re.compile(
    rf"(?<![^\W_])(?:(?:[Aa]n?|[Aa]m|[Aa]uf|[Ii]m|[Ii]n|[Zz]um|[Zz]ur|[Uu]nter|[Hh]inter|"
    rf"[Vv]or|[Bb]ei|[Ii]nnere|[Aa]lte[rn]?|[Ll]ange|[Gg]roße|"
    rf"[Kk]leine)\s(?:de[rnm]\s)?(?:[a-zäöü]+en\s)?)?"
    rf"(?:{_CAP}[ -]?){{1,4}}\.?\s?{_NUMBER}(?![^\W_])(?:\s*[,;/|]\s*|\s+-\s+|\s+in\s+|"
    rf"\s+)(?:(?:D|A|CH|L)\s?-\s?)?(?:\d{{5}}\s+{_CITY_DE}|"
    rf"\d{{4}}\s(?:[A-Z]{{2}}\s)?{_CITY_DE})"
)
_STREET_VAGUE = re.compile(
    rf"(?<![^\W_])(?:(?:[Aa]m|[Aa]n de[rn]|[Ii]m|[Aa]uf de[rm]|[Zz]um|[Zz]ur|[Uu]nter den|"
    rf"[Hh]inter de[rm])\s(?:[a-zäöü]+en\s)?(?:{_CAP}(?:\s{_CAP})?|{_L}{{5,}})|"
    rf"{_CAP}-(?:[Rr]ing|[Dd]amm|[Uu]fer|[Ww]all|[Pp]ark)|{_L}+{_VAGUE_DE}|"
    rf"(?:{_CAP}er|[Ll]ange|[Gg]roße|[Kk]leine|[Nn]eue|[Aa]lte[r]?|[Hh]ohe|[Oo]bere|[Uu]ntere)\s"
    rf"(?i:{_VAGUE_DE}))\s{_NUMBER}(?![^\W_])"
)
_HERE = words(
    r"wohn(?:e|t|en|haft|ung|sitz)?\b|adresse?\b|addres\b|anschrift|lieferadresse|adresse|address|live at|"
    r"lives at|living at|"
    r"residing|reside|ship(?:ped)? to|deliver(?:ed|y)? to|deliver|geliefert|liefern|zustell|"
    r"schick|lieferung an|umgezogen|hausanschrift|"
    r"gemeldet|moved to|house is at|home is at|habite|domicili|demeur|send it to|pick ?up at|abhol"
)
_NOT_STREETS = re.compile(
    r"(?:^|[ -])(?:(?:arbeits|sitz|stell|park|kunden-?park|tabellen|start|steh|lager|speicher|"
    r"spiel|camping|flug|rast|bolz|liege|warte|listen|"
    r"rang|kinder|fenster|gang|kita|betreuungs|ausbildungs|studien|praktikums|schul|treff|"
    r"spitzen|ehren|podest|stamm)?platz|"
    r"(?:um|heim|arbeits|schul|fuß|rad|fahr|anfahrts|hin|rück|vertriebs|aus|mittel|rechts|"
    r"lösungs|bezahl|zahlungs|verbreitungs|kommunikations|"
    r"kontakt|bestell|liefer|wander|lebens|verkehrs|service|dienst|um)?weg|(?:bundes|land|"
    r"schnell|auto|kraftfahr|milch|daten|einbahn|wasser|seiden|"
    r"fertigungs|produktions|prozess|lebens|straßen|haupt?verkehrs)?stra(?:ß|ss)e)$",
    re.IGNORECASE,
)
_NO_NAME = re.compile(
    r"(?:der|die|das|den|dem|des|ein|eine[nmr]?|dieser?|diesen|jeder|mein|kein|kurzer|langer|erster|letzter)\s"
    r"(?:weg|platz|straße|strasse|allee|gasse|chaussee)",
    re.IGNORECASE,
)
_MEASURE = re.compile(
    r"\s?(?:km|m\b|meter|min|stunden|std|h\b|%|prozent|€|euro|mal\b|x\b|tage|jahre|plätze|"
    r"sterne)",
    re.IGNORECASE,
)

_ROAD = (
    r"(?:street|st\.?|road|rd\.?|lane|ln\.?|avenue|ave?\.?|boulevard|blvd\.?|terrace|crescent|"
    r"cres\.?|mews|drive|dr\.?|"
    r"highway|hwy\.?|parkway|pkwy\.?|turnpike|circle|cir\.?|trail|trl\.?|court|ct\.?|gardens|"
    r"gdns|close|grove|broadway)"
)
_ROAD_VAGUE = (
    r"(?:way|place|pl\.?|park|green|hill|view|walk|row|square|sq\.?|rise|parade|row|loop|run|"
    r"ridge|point|path|pike|wharf|quay|yard|vale|fields?|common|heights|row|bank|end|gate|"
    r"mount|drove|croft|side|meadows?|embankment)"
)
_UNIT_EN = r"(?i:(?:flat|apartment|apt\.?|unit|suite|ste\.?|room|floor|#)\s?#?\s?\w{1,4}\b)"
_NAME_EN = (
    r"(?:(?:[NSEW]\.?|North|South|East|West|NE|NW|SE|SW|St\.?|Old|Upper|Lower|Great|Little|"
    r"\d{1,3}(?:st|nd|rd|th)|[A-Z][\w'.-]*)\s){1,4}?"
)
_UK_CODE = r"(?:GIR\s?0AA|[A-PR-UWYZ](?:[A-HK-Y]?\d(?:\d|[A-HJKPSTUW])?)\s{0,2}\d[ABD-HJLNP-UW-Z]{2})"
_STATE = (
    r"(?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|"
    r"S[CD]|T[NX]|UT|V[AT]|W[AIVY])"
)
_CITY_EN = r"(?:[A-Z][\w'.-]+(?:[ -](?:[A-Z][\w'.-]+|upon|on|under|le|the|in|of)){0,3})"
_TAIL_EN = (
    rf"(?:\s(?:[NSEW]|NE|NW|SE|SW)(?![^\W_]))?(?:\s*,?\s*{_UNIT_EN})?(?:\s*[,;]\s*{_CITY_EN}){{0,3}}(?:\s*,?\s*(?:(?:{_STATE}|"
    rf"{_CITY_EN})?\s*,?\s*(?:{_STATE}\s*,?\s*\d{{5}}(?:-\d{{4}})?|{_UK_CODE})|"
    rf"{_STATE}(?![^\W_])))?(?:\s*,?\s*\d{{5}}(?:-\d{{4}})?(?!\d))?"
)
_STREET_EN = re.compile(
    rf"(?<![^\W_])(?<![.,:]\d)(?<!\d[.,:])(?:{_UNIT_EN}\s*,?\s*)?"
    rf"(?:\d{{1,5}}[A-Za-z]?(?:\s?-\s?\d{{1,4}}[A-Za-z]?)?|One|Two|Three|Four|Five|Six|Seven|Eight|Nine|Ten),?\s"
    rf"(?:{_NAME_EN}(?:(?i:{_ROAD})|Way|Place|Pl|Sq|Square|Broadway)|Broadway)(?![^\W_]){_TAIL_EN}"
)
_STREET_EN_LOOSE = re.compile(
    rf"(?<![^\W_])(?:{_UNIT_EN}\s*,?\s*)?\d{{1,5}}[a-z]?,?\s(?:[\w'.-]+\s){{1,4}}?(?:{_ROAD}|"
    rf"{_ROAD_VAGUE})(?![^\W_])"
    rf"(?P<tail>(?:[\s,]+[^\W\d_][\w'-]*){{0,4}}?[\s,]+(?:{_UK_CODE}|"
    rf"{_STATE}\s*,?\s*\d{{5}}(?:-\d{{4}})?)(?![^\W_]))?",
    re.IGNORECASE,
)
_US_TAIL = re.compile(
    rf"(?<![^\W_])\d{{1,5}}\s(?:[A-Z][\w'.#-]*[,\s]\s?){{1,7}}{_STATE}\s*,?\s*\d{{5}}(?:-\d{{4}})?(?!\d)"
)
_POSTCODE = re.compile(rf"(?<![^\W_])(?<![\w]-){_UK_CODE}(?![^\W_])(?!-\w)")
_POSTCODE_LOWER = re.compile(rf"(?<![^\W_]){_UK_CODE}(?![^\W_])", re.IGNORECASE)
_AREAS = word_set(
    "AB AL B BA BB BD BH BL BN BR BS BT CA CB CF CH CM CO CR CT CV CW DA DD DE DG DH DL DN DT "
    "DY E EC EH EN EX FK FY G GL GU GY HA HD HG HP HR HS HU HX IG IM IP IV JE KA KT KW KY L "
    "LA LD LE LL LN LS LU M ME MK ML N NE NG NN NP NR NW OL OX PA PE PH PL PO PR RG RH RM S "
    "SA SE SG SK SL SM SN SO SP SR SS ST SW SY TA TD TF TN TQ TR TS TW UB W WA WC WD WF WN WR "
    "WS WV YO ZE"
)
_ROMANCE = re.compile(
    rf"(?<![^\W_])(?:\d{{1,4}}\s?(?:bis|ter|quater|[A-Da-d])?\s?,?\s(?i:rue|avenue|av\.|"
    rf"boulevard|bd\.?|place|chemin|all[ée]e|"
    rf"impasse|quai|cours|route|faubourg|passage|sentier)\s(?:(?:de|du|des|la|le|les|l'|d'|"
    rf"aux?|à)[\s-]?)*(?:{_CAP}|saint\S*|\d+)"
    rf"(?:[\s-](?:(?:de|du|des|la|le|"
    rf"les)\s(?:la\s)?)?{_CAP}){{0,4}}(?:\s*,?\s*(?:F-)?\d{{5}}\s{_CAP}(?:[ -]{_CAP})*)?|"
    rf"\d{{1,4}}\s?(?:bis|ter)?,?\s(?:rue|avenue|boulevard|place|chemin|impasse|quai|"
    rf"route)\s[^\d\n]{{3,40}}\d{{5}}\s[\w-]+|"
    rf"(?:Via|Viale|Piazza|Corso|Vicolo|Calle|C/|Avda?\.?|Avenida|Plaza|Paseo|Carrer|Rua|Praça|"
    rf"[uU]l\.|[uU]lica|[aA]l\.|[oO]s\.)\s?"
    rf"(?:{_CAP}|de|del|della|dei|la|las|los|di|da|do)(?:\s(?:{_CAP}|de|del|della|"
    rf"la)){{0,4}},?\s(?:n[°º.]\s?)?\d{{1,4}}(?:/\d+)?[a-zA-Z]?"
    rf"(?![^\W_])(?:\s*,?\s*(?:\d{{2}}-\d{{3}}|\d{{4,5}})\s{_CAP}(?:\s{_CAP})?)?)"
)
_ROMANCE_BEHIND = re.compile(
    rf"(?<![^\W_])(?<!\d\s)(?<!\d,\s)(?:Rue|Avenue|Av\.|Chemin|Ch\.|Route|Rte|Place|Boulevard|Bd\.?|Quai|Allée|Passage|"
    rf"rue|avenue|chemin|route|boulevard|quai)\s(?:(?:de|du|des|la|le|les|l'|d'|aux?|à)[\s-]?)*{_CAP}"
    rf"(?:[\s-](?:(?:de|du|des|la|le|les)\s(?:la\s)?)?{_CAP}){{0,3}},?\s\d{{1,3}}\s?[a-fA-F]?(?![^\W_])"
    rf"(?:\s*,?\s*(?:(?:CH|B|BE|L|LU|F)\s?-\s?)?\d{{4,5}}\s{_CAP}(?:[ -]{_CAP})*)?"
)
_ROMANCE_MARK = re.compile(
    r"\b(?:rue|avenue|av\.|boulevard|bd|place|chemin|all[ée]e|impasse|quai|cours|route|"
    r"faubourg|passage|sentier|via|viale|piazza|corso|vicolo|calle|c/|avda?|avenida|plaza|"
    r"paseo|carrer|rua|praça|ul\.|ulica|al\.|os\.)",
    re.IGNORECASE,
)
_BOX = re.compile(
    rf"(?<![^\W_])(?i:P\.?\s?O\.?\s?Box|Post\s?Box|Postfach|Packstation|Boîte postale|"
    rf"(?<!-)BP(?=\s\d))\s?(?:Nr\.?|no\.?|#)?\s?\d(?:[\d ]{{0,8}}\d)?"
    rf"(?:\s*[,;]?\s*(?:{_PLZ}\s{_CITY_DE}|{_CITY_EN},?\s{_STATE},?\s\d{{5}}(?:-\d{{4}})?|{_UK_CODE}))?"
)
_PLZ_CITY = re.compile(rf"(?<![^\W_])(?:D-)?\d{{5}}\s{_CITY_DE}")
_COUNTED = re.compile(
    r"\s(?:Stück|Stk|Euro|EUR|Einwohner|Exemplare|Teile|Personen|Meter|Kilometer|Punkte|Mal|"
    r"Liter|Tage|Stunden|Uhr)\b"
)
_PUBLIC_PLACES = frozenset(
    {"10 downing street", "11 downing street", "42nd street", "5th avenue", "21 jump street"}
)
_LETTERS = re.compile(r"[^\W\d_]{3}")
_ROAD_MARK = re.compile(rf"(?<![^\W\d_])(?:{_ROAD}|{_ROAD_VAGUE})(?![^\W\d_])", re.IGNORECASE)
_DE_MARK = re.compile(rf"{_SURE_DE}", re.IGNORECASE)


def find(text: str) -> Iterator[Found]:
    """Street addresses with their town, post boxes and British postcodes in folded text."""
    here = _HERE.search(text) is not None
    for start, end in _german(text, here):
        yield Found("postal address", start, end, 66)
    if _ROAD_MARK.search(text) or " " in text:
        for start, end in _english(text, here):
            yield Found("postal address", start, end, 65)
    if _ROMANCE_MARK.search(text):
        for pattern in (_ROMANCE, _ROMANCE_BEHIND):
            for match in pattern.finditer(text):
                yield Found("postal address", *match.span(), 65)
    for match in _BOX.finditer(text):
        yield Found("postal address", *match.span(), 65)


def _german(text: str, here: bool) -> Iterator[tuple[int, int]]:
    if _DE_MARK.search(text):
        for match in _STREET_DE.finditer(text):
            if _is_street(text, match):
                yield match.span()
    for match in _STREET_PLZ.finditer(text):
        if _COUNTED.search(match.group()) is None and _LETTERS.search(match.group()):
            yield match.span()
    for match in _HYPHENED.finditer(text):
        if not _MEASURE.match(text, match.end()):
            yield match.span()
    if here or _REACHED.search(text):
        yield from _announced(text)


_REACHED = re.compile(r",?\s*(?:tel|telefon|mobil|fon|phone|e-?mail)\b", re.IGNORECASE)
_HYPHENED = re.compile(
    rf"(?<![^\W_]){_CAP}-(?:Ring|Damm|Ufer|Wall|Park|Promenade)\s{_NUMBER}(?![^\W_]){_TAIL_DE}"
)


def _announced(text: str) -> Iterator[tuple[int, int]]:
    """Street names of any form and towns with their code, behind words such as "Adresse" or "wohne"."""
    for pattern in (_STREET_VAGUE, _PLZ_CITY):
        for match in pattern.finditer(text):
            spoken = _HERE.search(text, max(0, match.start() - 60), match.start())
            if (spoken or _REACHED.match(text, match.end())) and not UNIT.match(text, match.end()):
                yield match.span()


def _is_street(text: str, match: re.Match[str]) -> bool:
    street, behind = match["street"].strip(), match.end("number")
    if (
        _MEASURE.match(text, behind)
        or text[behind : behind + 1] == "%"
        or re.match(r"[.,:]\d", text[behind:])
    ):
        return False
    if _NO_NAME.fullmatch(street) and not re.search(r"\d{4,5}\s", text[behind : match.end()]):
        return False
    if street[:1].islower() and " " not in street and len(street) < 8 and not street.endswith("str"):
        return False
    last = street.rsplit(" ", 1)[-1]
    tail = re.search(r"\d{4,5}\s", text[behind : match.end()]) is not None
    return tail or not _NOT_STREETS.search(last) or bool(re.match(_CAP, street) and " " in street)


def _english(text: str, here: bool) -> Iterator[tuple[int, int]]:
    if _ROAD_MARK.search(text):
        for match in _STREET_EN.finditer(text):
            if match.group().lower() in _PUBLIC_PLACES:
                continue
            if not speaks_against(text, match.start(), 14):
                yield match.span()
        for match in _STREET_EN_LOOSE.finditer(text):
            near = here and _HERE.search(text, max(0, match.start() - 40), match.start()) is not None
            if (match["tail"] or near) and not speaks_against(text, match.start(), 14):
                yield match.span()
    for match in _US_TAIL.finditer(text):
        yield match.span()
    pattern = (
        _POSTCODE_LOWER if here or "postcode" in text.lower() or "post code" in text.lower() else _POSTCODE
    )
    for match in pattern.finditer(text):
        if _is_postcode(text, match):
            yield match.span()


def _is_postcode(text: str, match: re.Match[str]) -> bool:
    area = re.match(r"[A-Z]+", match.group().upper())
    parted = " " in match.group() or _HERE.search(text) or "postcode" in text.lower()
    return (
        area is not None
        and area.group() in _AREAS
        and bool(parted)
        and not speaks_against(text, match.start(), 24)
    )
