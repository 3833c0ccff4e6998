"""Words by which columns and values give themselves away, in English and German."""

import re


def listed(words: str) -> frozenset[str]:
    """Words separated by bars."""
    return frozenset(words.split("|"))


_SPELLING = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "’": "'", "‘": "'", "´": "'", "`": "'", "\u00a0": " "}
)
_COUNTED = (
    r"times|mal|hours?|days?|weeks?|months?|years?|min|people|persons?|child|or|and|of"
    r"|stunde|tage?|woche|monat|jahr|kind|oder|und"
)
_NUMBERING = re.compile(
    r"^\(?\d{1,3}\s*[-–.):=]+\s*(?=[^\W\d])|^[a-h][.)]\s*(?=[^\W\d])"
    rf"|^\d{{1,2}}\s+(?!({_COUNTED})\b)(?=[^\W\d]{{3}})"
)
_BRACKETS = re.compile(r"\([^)]*(\)|$)|\[[^\]]*(\]|$)")


def plain(label: str) -> str:
    """The label in lower case without numbering, brackets, umlauts, quotes and punctuation."""
    text = label.lower().translate(_SPELLING).strip()
    bare = _BRACKETS.sub(" ", _NUMBERING.sub("", text)).strip()
    bare = re.sub(r"\bnot(very|much|so|too)\b", r"not \1", bare)
    kept = (bare or text).replace("n t ", "nt ").replace("'", "")
    return " ".join(re.sub(r"[^\w\s<>+$€£%&/-]", " ", kept).replace("_", " ").split())


_NO_ANSWER = listed(
    "angabe verweigert|antwort verweigert|cannot say|cant choose|cant remember|cant say|declined|iap|"
    "dk|do not remember|does not apply|doesnt apply|dont recall|dont remember|entfaellt|fehlend|"
    "fehlender wert|fehlt|im not sure|inapplicable|interviewabbruch|k a|k/a|ka|"
    "kann ich nicht beurteilen|kann ich nicht einschaetzen|kann ich nicht sagen|keine ahnung|"
    "keine angabe|keine angaben|keine antwort|keine meinung|legitimate skip|missing|n a|n/a|na|nan|"
    "nicht beantwortet|nicht bestimmbar|nicht erhoben|nicht ermittelbar|nicht gefragt|"
    "nicht zutreffend|no answer|no idea|no opinion|no response|not answered|not applicable|"
    "not ascertained|not asked|not available|not sure|null|refusal|refuse|refused|skipped|"
    "system missing|tnz|unbekannt|unfamiliar|ungueltig|unknown|unsure|verweigert|weissnicht"
)
_BEGINS_NO_ANSWER = re.compile(
    r"(i )?(do ?nt|do not|dont) know|(i )?(would )?(prefer|rather|choose)( to)? not|(i )?(id|i'd) rather not"
    r"|refused?\b|declined? to|(i )?(do not|dont) want to|response not written|not in universe"
    r"|(das )?weiss (ich )?nicht|moechte (ich )?(dazu )?(nicht|keine)|will (ich )?nicht|keine angabe"
    r"|missing\b|filter\b|not applicable|skip(ped)? "
)
_RAW = {"-", "--", ".", "..", "?", "#n/a", "#null!", "<na>", "n.a.", "k.a.", "k. a.", "w.n."}
_AND = re.compile(r"\s*(?:/|;|,|\bor\b|\boder\b)\s*")


def means_no_answer(label: str) -> bool:
    """Whether a label says that nothing was answered, such as ``Don't know / refused``."""
    if label.strip().lower() in _RAW:
        return True
    text = plain(label)
    parts = [part for part in _AND.split(text) if part]
    return _no_answer(text) or (bool(parts) and all(map(_no_answer, parts)))


def _no_answer(text: str) -> bool:
    return text in _NO_ANSWER or (len(text.split()) <= 7 and bool(_BEGINS_NO_ANSWER.match(text)))


_YES = {"yes", "ja", "y", "j", "true", "wahr", "oui", "richtig", "correct", "zutreffend", "1 yes"}
_NO = {"no", "nein", "n", "false", "falsch", "non", "incorrect", "unzutreffend", "unwahr"}
_CHOSEN = {
    *("selected", "checked", "chosen", "mentioned", "quoted", "marked", "ticked", "x", "picked"),
    *("genannt", "ausgewaehlt", "gewaehlt", "angekreuzt", "markiert", "erwaehnt"),
}
_NOT_CHOSEN = {
    *(f"{no} {word}" for no in ("not", "nicht") for word in _CHOSEN),
    *("unchecked", "unselected", "unticked", "nichtgenannt", "not mention", "nicht genannt worden"),
}


def yes_or_no(label: str) -> bool | None:
    """True for yes, False for no, ``None`` for anything else; ``Yes, they should`` is a yes."""
    text = plain(label)
    first = text.split(" ")[0].rstrip(",")
    if text in _YES or (first in ("yes", "ja") and re.match(r"\W*\w+\s*[,:–-]", label)):
        return True
    if text in _NO or (first in ("no", "nein") and re.match(r"\W*\w+\s*[,:–-]", label)):
        return False
    return None


def chosen_or_not(label: str) -> bool | None:
    """True for an item that was chosen, False for one that was not, ``None`` for other labels."""
    text = plain(label)
    return True if text in _CHOSEN else False if text in _NOT_CHOSEN else None


_METADATA_NAMES = re.compile(
    r"(start|end|recorded|submit|finish)[ _]?(date|time|zeit)?s?|startdate|enddate|datestamp|submitdate"
    r"|status|progress|finished|duration([ _].*)?|distribution[ _]?channel|user[ _]?language|startlanguage"
    r"|ip[ _]?addr(ess|esse)?|location(latitude|longitude)|lastpage|maxpage|refurl|referer|seed|interviewtime"
    r"|collector[ _]?id|custom[ _]?data|external[ _]?(data)?reference|questnnr|mode|started|lastdata|ref"
    r"|time\d{3}|time[_ ](sum|rsi)|missing|missrel|mailsent|deg_?(time|max)?|dispcode|tester|quality"
    r"|(group|question)time\d*|rts\d+|device_?type|browser|useragent|user[ _]?agent|fl_\d+_do.*|.*_do_.*"
    r"|.*_(first click|last click|page submit|click count)|.*_(browser|version|operating system|resolution)"
    r"|create new field or choose from dropdown.*|recipient(last|first)name|recipientemail|.*_do"
    r"|q_(recaptcha|relevant|duplicate|ballot|total|url|fraud).*|interview_?(start|end|date|dauer|duration)"
    r"|dauer|bearbeitungszeit|startzeit|endzeit|datum_?(start|ende)|progressdate|last_?resp(onse)?"
)
_METADATA_TEXTS = re.compile(
    r"timing - .*|.*browser meta info.*|.*display order.*|page \S+ was viewed|.*block randomizer.*"
    r"|(total )?duration( \(.*\))?|date and time .*|the date and time .*|(seconds|time) spent on page.*"
    r"|(start|end|recorded) date|user language|distribution channel|response type"
)
_PERSONAL = re.compile(
    r".*\b(e-?mail|mail ?adress\w*|ip[ _]?addr\w*|phone|telephone|telefon\w*|mobile|handy\w*|iban"
    r"|last ?name|first ?name|surname|full ?name|vorname|nachname|familienname|street|strasse|hausnummer"
    r"|latitude|longitude|geburtsdatum|date of birth|birthdate|dob|ssn|social security number)\b.*"
    r"|recipient(last|first)name|recipientemail|ip_?addr(ess)?|location(latitude|longitude)"
    r"|customer ?name|kundenname|name"
)
_NAMES_PEOPLE = re.compile(
    r"(.*\b)?(last ?name|first ?name|surname|full ?name|vorname|nachname|familienname|kundenname"
    r"|customer ?name|street|strasse|iban)\d?|name"
)
_AREA_CODE = re.compile(r"(.*\b)?(plz\d?|postleitzahl|post ?code|postal ?code|zip|zip ?code|zip ?5)(\b.*)?")
_ID_NAME = re.compile(
    r"(.*[^a-z])?(id|ids|uid|uuid|guid|pid|lfdn|lfd|caseid|respid|respondentid|responseid|userid|serial|token"
    r"|idno|seriennummer|kundennummer|kdnr|record|hhid|case|key|nr|persnr|hidp|pidp|puf_?id|vpn|vpnr"
    r"|probandennummer|fallnummer|interview_?number|respondent|idnr|laufnummer|lfdnr|participant)"
    r"|(respondent|response|participant|case|customer|person|household|user|party|research|survey|panelist"
    r"|teilnehmer|befragten|kunden|personen|haushalts)[-_ ]?(id|nr|no|number|nummer|key|identifier|code)\d*"
    r"|[db]030|[rp]b030|db030|rb030|pb030|db_?030|urlid|resp_?id|.*_id"
)
_WEIGHT_NAME = re.compile(
    r"(.*[^a-z])?(weights?|wgts?|wts?|gewichte?|gew|wght|wtfactor|w8)([^a-z].*|\d*)?"
    r"|(final|p|d|a|pspw|pw|dw|ind|hh|person|design|post|sample|survey|rim|rake|raking)_?(weight|wgt|wt|wght)"
    r"|pspwght|pspwght|anweight|wtss(all|ps|nr)?|wght\w{1,4}|[pr]b0[46]0|[dr]b090|rb050|db090"
    r"|.*(gewichtung|gewicht|weighting).*|design_?gewicht|w_\w+"
)


def is_metadata(name: str, text: str) -> bool:
    """Whether a column was written by the survey software rather than answered."""
    return bool(_METADATA_NAMES.fullmatch(name.strip().lower()) or _METADATA_TEXTS.fullmatch(text.lower()))


def is_personal(name: str, text: str) -> bool:
    """Whether a column's name says that it identifies people directly."""
    return any(_PERSONAL.fullmatch(w) for w in (*_fields(name, text), name.lower()))


def names_people(name: str, text: str) -> bool:
    """Whether a column is named as one for names or streets, which identify people even where they recur."""
    return any(map(_NAMES_PEOPLE.fullmatch, _fields(name, text)))


def is_area_code(name: str, text: str) -> bool:
    """Whether a column is named as one for postcodes."""
    return any(map(_AREA_CODE.fullmatch, _fields(name, text)))


def _fields(name: str, text: str) -> list[str]:
    """Name and label of a column where they are short enough for a field of a form rather than a question."""
    words = [re.sub(r"[_-]+", " ", w.lower().translate(_SPELLING)).strip() for w in (name, text)]
    return [w for w in words if 0 < len(w) <= 40 and "?" not in w]


def names_an_id(name: str, text: str) -> bool:
    """Whether a column's name or label is one that ids have."""
    camel = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().translate(_SPELLING)
    label = text.lower().translate(_SPELLING)
    return bool(_ID_NAME.fullmatch(camel.strip()) or _ID_NAME.fullmatch(name.lower().strip())) or (
        len(label) <= 40 and bool(_ID_NAME.fullmatch(label))
    )


_PLAIN_WEIGHT = re.compile(
    r"(body|birth|own|koerper|geburts)?[ _]?(weight|gewicht|wt|wgt)[ _(]*(in )?(kg|lbs?|pounds?|kilo\w*)?\)?"
    r"|.*\b(body weight|koerpergewicht|geburtsgewicht|birth ?weight|how much do you weigh"
    r"|wie viel wiegen)\b.*"
)


def names_a_plain_weight(name: str, text: str) -> bool:
    """Whether a column is named as one that may hold weights of bodies as well as of rows."""
    return any(
        bool(_PLAIN_WEIGHT.fullmatch(w.lower().translate(_SPELLING).strip())) for w in (name, text) if w
    )


def names_only_a_weight(name: str) -> bool:
    """Whether a column's name is one that weights of rows have and bodies have not."""
    word = name.lower().translate(_SPELLING).strip()
    return names_a_weight(name, "") and not word.endswith("gewicht") and not names_a_plain_weight(name, "")


def names_a_weight(name: str, text: str) -> bool:
    """Whether a column's name or short label is one that weights have."""
    return bool(_WEIGHT_NAME.fullmatch(name.lower().translate(_SPELLING).strip())) or (
        len(text) <= 40 and bool(_WEIGHT_NAME.fullmatch(text.lower().translate(_SPELLING).strip()))
    )


_FREE_TEXT = re.compile(
    r".*\[(other|sonstiges)\]|.*(_text|_txt|_other|_sonst\w*|_offen|_open|_o|_oe)|.*[-–] text"
    r"|.*(please|bitte) (specify|describe|angeben)\)?"
    r"|.*\bspecified\b|.*\bspecify\b|.*\b(comments?|kommentare?|anmerkung\w*|remarks?|feedback"
    r"|open[- ]?end\w*)\b.*"
    r"|.*(und zwar|naemlich|sonstiges:|please tell us|in your own words|in ihren eigenen worten).*"
)
_COUNT = re.compile(
    r".*\b(how many|number of|anzahl|wie viele|count|times ordered|hh ?size|household ?size"
    r"|haushaltsgroesse|hh ?gr\w*|haushaltsgr\w*|personen im haushalt|size of household|years? of"
    r"|hours? per|stunden pro|score"
    r"|punktwert"
    r"|index|total|sum|summe|how old|how tall|wie alt)\b.*|.*_?score|.*h_?size|kids_?\d*|n_?\w*kids"
    r"|age|alter|.*_n"
)
_NOMINAL = re.compile(
    r".*\b(gender|sex|geschlecht|race|ethnic\w*|ethm|region|state|bundesland|country|land|marital|marit"
    r"|religion"
    r"|employ\w*|occupation|beruf\w*|job|industry|branche|party|partei|nationality|staatsangehoerigkeit"
    r"|citizenship|group|gruppe|condition|sample|which of|welche[rs]?|who|familienstand|erwerb\w*|housing"
    r"|living ?arrangement|status|district|kreis|segment|cluster|brand|marke|order|reihenfolge|version"
    r"|randomi[sz]ation)\b.*"
    r"|pp(ethm|gender|marit|reg\d+|work)|sex|.*gender|(eth)?race\w{0,3}|reg\d+|geschl\w*|wrk ?st\w*|cond|trt"
    r"|prod(uct|ukt)?( ?(id|nr|no|code))?|(day|tag|session|sitzung|visit|besuch|wave|welle|round|runde) ?\d*"
)

_GRADED = re.compile(
    r".*\b(satisf\w*|dissatisf\w*|zufrieden\w*|agree\w*|important|importance|wichtig\w*|trust|vertrau\w*|likely"
    r"|wahrscheinlich\w*|how (much|often|well|good|strongly|interested|worried|concerned|happy|safe)"
    r"|wie (sehr|oft|gut|stark|haeufig|gern\w*|interessiert|sicher)|bewert\w*|beurteil\w*|rating)\b.*"
)


def _worded(pattern: re.Pattern[str], name: str, text: str) -> bool:
    words = (re.sub(r"[_\-.]+", " ", w.lower().translate(_SPELLING)) for w in (name, text))
    return any(pattern.fullmatch(w) for w in (*words, name.lower()) if w)


def asks_for_text(name: str, text: str) -> bool:
    """Whether a column is named as one for people's own words."""
    return _worded(_FREE_TEXT, name, text) or bool(_FREE_TEXT.fullmatch(name.lower()))


def asks_for_a_count(name: str, text: str) -> bool:
    """Whether whole numbers in this column are amounts rather than codes."""
    return _worded(_COUNT, name, text)


def asks_for_a_kind(name: str, text: str) -> bool:
    """Whether codes in this column name kinds without an order, such as regions."""
    return _worded(_NOMINAL, name, text) and not _worded(_GRADED, name, text)
