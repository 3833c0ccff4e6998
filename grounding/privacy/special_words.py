"""The words by which special categories of data and direct identifiers are known, English and German.

A question is recognised by what it asks of the person ("your religion", "have you ever been diagnosed", "Ihre
Konfession"), never by its subject alone: what somebody thinks of health care, of churches or of a minority is
no fact about that person's health, faith or origin. Opinions on public matters are not counted as political
opinions; party, vote and the place between left and right are.
"""

import re
from typing import Literal

Category = Literal[
    "racial or ethnic origin",
    "political opinions",
    "religious or philosophical beliefs",
    "trade-union membership",
    "genetic data",
    "biometric data",
    "health",
    "sex life or sexual orientation",
]


def _any(*parts: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{part})" for part in parts), re.IGNORECASE)


# Attribute names, split into words: matched from the beginning of a word or of a pair of words.
NAMES: dict[Category, re.Pattern[str]] = {
    "racial or ethnic origin": _any(
        r"\b(?:race|racial|ethnic\w*|ethnie|hispanic|latin[oax]|skin colou?r|hautfarbe|migration\w*|"
        r"ancestry|abstammung|rasse|tribe|caste|minority)\b(?! (?:time|number|distance|result|day|event|"
        r"track|hund\w*|katze\w*|dog|cat|horse|car))"
    ),
    "political opinions": _any(
        r"\b(?:party ?id|polviews?|political|politisch\w*|ideolog\w*|partisan\w*|parteineigung|parteipr\w+|"
        r"wahlabsicht|sonntagsfrage|zweitstimme|erststimme|parteimitglied\w*|wahlentscheidung)\b",
        r"\bleft right\b|\blinks rechts\b|\bpres(?:ident)?\d*\b|^partei$|^party$|^vote\d*$|"
        r"\bvoted? for\b|\bvote (?:choice|intention)\b|\bparty (?:affiliation|preference|member\w*|"
        r"identification)\b",
    ),
    "religious or philosophical beliefs": _any(
        r"\b(?:relig(?:ion|ious|io|iosity|16)?|denomination|faith|konfession\w*|glaube\w*|kirchenmitglied\w*|"
        r"religionszugeh\w+|kirchgang|kirchensteuer|church attendance|church member\w*|attend church|"
        r"pray(?:er)?|"
        r"fundamentalis\w+|weltanschauung|attends?)\b"
    ),
    "trade-union membership": _any(
        r"(?<!european )(?<!eu )(?<!credit )\b(?:union ?member\w*|trade union\w*|"
        r"labou?r union\w*|gewerkschaft\w*)\b|^union\d*$|^memunion$"
    ),
    "genetic data": _any(r"\b(?:genetic\w*|genom\w*|genotyp\w*|dna|genetisch\w*|snps?|brca\w*)\b"),
    "biometric data": _any(
        r"\b(?:biometri\w+|fingerprint\w*|fingerabdruck\w*|iris ?scan|retina|face ?id|faceprint|voiceprint|"
        r"stimmabdruck|gesichtserkennung)\b"
    ),
    "health": _any(
        r"\b(?:health|gesundheit\w*)\b(?! (?:insur|care|product|beauty|food|spend|share|categor|club|app|"
        r"and beaut|"
        r"budget|policy|sector))",
        r"\b(?:disab(?:led|ility|ilities)|behinder\w+|handicap\w*|krankheit\w*|erkrank\w+|chronisch\w*|"
        r"diagnos\w+|"
        r"disease\w*|illness\w*|bmi|body mass|pregnan\w+|schwanger\w*|depress\w+|diabet\w+|cancer|krebs|"
        r"hiv|aids|"
        r"asthma|allerg\w+|wheelchair|rollstuhl\w*|memory loss|medication\w*|medikament\w*|"
        r"blood (?:pressure|type|group)|blutdruck|blutgruppe|"
        r"pflegegrad|pflegestufe|schwerbehind\w+|gdb|covid\w*|vaccin\w+|impf\w+|mental ?health|hlth\w*|"
        r"psychotherap\w+|psychiatr\w+|therapie|therapy|injur(?:y|ies)|verletzung\w*|rehabilitation|symptoms?|"
        r"symptome|suicid\w*|suizid\w*|sick ?(?:days|leave)|krankentage|krankschreibung\w*)\b",
    ),
    "sex life or sexual orientation": _any(
        r"\b(?:sexual\w*|sexuell\w*|sexualit\w+|sex ?orient\w*|orientation|lgbt\w*|gay|lesbian|bisexual|"
        r"transgender|sex ?life|sexleben|sex ?partner\w*|partners?1?2? sex|schwul|lesbisch|sexfreq)\b"
    ),
}

# Values that name membership of a category; two different ones make an attribute or question suspicious.
VALUES: dict[Category, re.Pattern[str]] = {
    "racial or ethnic origin": _any(
        r"^(?:white|black|asian|hispanic|latin[oax]|caucasian|african[- ]american|native american|"
        r"pacific islander|"
        r"multiracial|mixed race|black british|arab|roma|sinti|romani|alaska native|american indian)\b",
        r"\b(?:non-?hispanic|migrationshintergrund)\b",
    ),
    "political opinions": _any(
        r"\b(?:republicans?|democrats?|labour party|tor(?:y|ies)|conservatives?|liberal|lib dems?|cdu|csu|"
        r"spd|"
        r"b(?:ü|ue)ndnis 90|die gr(?:ü|ue)nen|fdp|afd|die linke|bsw|fianna|sinn f|plaid cymru|ukip|snp|"
        r"labour|green party|trump|biden|clinton|obama|romney|mccain|harris|"
        r"f(?:ar|airly) (?:left|right)|left[- ]wing|right[- ]wing)\b"
    ),
    "religious or philosophical beliefs": _any(
        r"\b(?:protestant\w*|catholic\w*|katholi\w+|evangeli\w+|jew(?:ish)?|j(?:ü|ue)disch|muslim\w*|"
        r"islam\w*|"
        r"moslem\w*|hindu\w*|buddhis\w+|orthodox\w*|mormon\w*|atheis\w+|agnosti\w+|konfessionslos|"
        r"christ(?:ian|lich)\w*|no religion|lutheran\w*|baptist\w*|"
        r"(?:very|extremely|moderately|slightly|somewhat|not) (?:religious|spiritual))\b"
    ),
    "trade-union membership": _any(r"\bunion member\b|\bgewerkschaftsmitglied\b|\bver\.di\b|\big metall\b"),
    "genetic data": _any(r"\bbrca\b|\bcarrier of\b"),
    "biometric data": _any(r"\bfingerprint\b"),
    "health": _any(
        r"\b(?:diabet\w+|cancer|krebs|depression|asthma|epileps\w+|arthritis|hiv|disabled|behindert|pregnant|"
        r"schwanger|chronically ill|chronisch krank|hypertension|bluthochdruck)\b"
    ),
    "sex life or sexual orientation": _any(
        r"\b(?:gay|lesbian|bisexual\w*|heterosexual\w*|homosexual\w*|straight|schwul|lesbisch|asexual|"
        r"pansexual|queer)\b"
    ),
}

_YOUR = r"\b(?:your|my|respondents?'?s?'?|r's)\b"
_OWN = r"(?:own |current |present |general |overall |physical |mental |emotional |usual )*"
_IHRE = r"\b(?:ihre?[nmrs]?|deine?[nmrs]?|meine?[nmrs]?)\b"

# What a question asks of the person who answers it.
ASKED: dict[Category, re.Pattern[str]] = {
    "racial or ethnic origin": _any(
        rf"{_YOUR} (?:own )?(?:race|racial|ethnic\w*|ancest\w+|skin colou?r)",
        r"\b(?:what|which) (?:race|ethnic\w*)\b(?: (?:or \w+ )?(?:do you|are you|best))?",
        r"\b(?:are you|do you consider yourself|you identify as|describe yourself as) (?:\w+ )?(?:of )?"
        r"(?:spanish|hispanic|latin[oax]|black|white|asian|an? (?:indian|african)|of mixed)",
        r"\bcountries or part of the world did your ancestors\b|\bracial or ethnic (?:group|background)\b",
        rf"{_IHRE} (?:ethnische\w*|hautfarbe|herkunft|abstammung|wurzeln)|\bmigrationshintergrund\b",
        r"\bgrandparents born\b.{0,40}\bcountry\b|\bhispanic origin\b",
    ),
    "political opinions": _any(
        r"\b(?:did|would|will|do) you (?:usually |mostly )?vote for\b|\bvoted? for\b.{0,60}\byou\b|"
        r"\byou vote(?:d)? for\b",
        r"\bthink of yourself as (?:an? )?(?:strong )?\(?(?:republican|democrat|liberal|conservative|"
        r"independent)",
        rf"{_YOUR} (?:own )?(?:political|ideolog\w+|party|vote\b)(?! influence)",
        r"\bcloser to the (?:republican|democrat\w*)|\bfeel closer? to\b.{0,40}\bpart(?:y|ies)\b|"
        r"\bparty identification\b",
        r"\b(?:place|put|describe|consider) (?:yourself|your views)\b.{0,120}\b(?:left|liberal|"
        r"conservative|political)",
        r"\bhow would you (?:rate|describe) your(?:self)?\b.{0,40}\b(?:politic\w+|ideolog\w+|left|liberal)",
        r"\b(?:member of|belong to|active in|registered (?:as|with)).{0,30}\b(?:a|which|"
        r"any) (?:political )?party\b",
        r"\bin general, do you consider yourself a\b.{0,60}\b(?:republican|democrat|liberal|conservative)",
        r"\bwelche[rn]? partei\b|\bsonntagsfrage\b|\bbundestagswahl\b.{0,80}\b(?:w(?:ä|ae)hlen|gew(?:ä|"
        r"ae)hlt|stimme)",
        r"\bparteineigung\b|\b(?:links|rechts)\b.{0,80}\b(?:stufen sie sich|ordnen sie sich|selbst ein)|"
        r"\bstufen sie\b.{0,80}\blinks\b",
    ),
    "religious or philosophical beliefs": _any(
        rf"{_YOUR} (?:\(?spouse'*s?\)? )?(?:own |present |current |personal )*(?:religio\w*|faith|church|"
        rf"beliefs?\b|"
        r"denomination|prayers?|god)\b(?! leaders)",
        r"\b(?:attend|go to|visit|take part in)\b.{0,40}\b(?:religious|church|mosque|synagogue|temple|"
        r"holy place)",
        r"\bdo you (?:ever )?(?:pray|meditate)\b|\bhow often\b.{0,30}\bpray\b|\bi pray\b",
        r"\b(?:you|i) (?:personally )?believe(?: that)?(?: in|\W{1,4}in| there is)?\b.{0,45}"
        r"\b(?:god|heaven|hell|miracles|life after death|reincarnation|nirvana|supernatural|afterlife|"
        r"astrology)",
        r"\bborn[- ]again\b|\bfeelings? about the bible\b|\bwhat you believe about god\b|\bwith god\b|"
        r"\bfrom god\b",
        r"\b(?:(?:consider|describe|call|think of) yourself(?: as)?|would you say you are)\W*(?:an? )?"
        r"(?:\w+ )?(?:religious|spiritual|christian|muslim|atheist|strong \(preference)",
        r"\b(?:are you|do you belong to|do you identify with)\b.{0,40}\b(?:religion|religious (?:group|"
        r"community|"
        r"denomination)|christian|muslim|jewish|catholic)",
        r"\bthere is a god\b|\bgod exists\b|\bpope is infallible\b|\byou\b.{0,40}\bholy scripture\b",
        r"\bfor religious reasons\b.{0,20}\byou\b|\breligious (?:preference|identification|affiliation)\b|"
        r"\bof (?:respondent|partner)'s (?:\w+ )?religion\b|\bbelief in god\b|\breligious experience\b",
        rf"{_IHRE} (?:religi\w+|konfession\w*|glaube\w*|kirche\w*|religionsgemeinschaft)|"
        r"\b(?:geh(?:ö|oe)ren sie|sind sie|bist du)\b.{0,60}\b(?:religi\w+|konfession\w*|kirche|muslim\w*|"
        r"christ\w*|"
        r"evangelisch|katholisch)|\b(?:gehen|besuchen) sie\b.{0,40}\b(?:kirche|moschee|synagoge|"
        r"tempel|gottesdienst)|"
        r"\b(?:beten sie|gottesdienst|glauben sie an)\b",
    ),
    "trade-union membership": _any(
        r"\b(?:you|spouse|partner|husband|wife)\b.{0,80}\b(?:belong to|members? of)\b.{0,30}\bunion\b",
        r"\bare you\b.{0,40}\bunion member\b|\bmember of a (?:trade|labou?r) union\b",
        r"\b(?:sind sie|bist du|waren sie)\b.{0,40}\bgewerkschaft\w*",
    ),
    "genetic data": _any(
        r"\b(?:have|did) you (?:ever )?(?:had|have|take[n]?|done)\b.{0,30}\b(?:genetic|dna) test",
        rf"{_YOUR} (?:own )?(?:genetic|genes?\b|dna)|{_IHRE} (?:gene\b|dna|genetisch\w*)",
    ),
    "biometric data": _any(
        rf"{_YOUR} (?:fingerprints?|iris|face scan)|{_IHRE} (?:fingerabdr\w+|gesichtsscan)"
    ),
    "health": _any(
        rf"{_YOUR} {_OWN}(?:health|pain|fatigue|disabilit\w*|illness\w*|disease|depression|injur\w+|sleep\b|"
        r"weight|medical (?:condition|history)|blood pressure|mood)(?! (?:insurance|care|plan|provider|"
        r"coverage))",
        r"\b(?:have|had|has|were|are|did|do) you\b(?! think| ever known|"
        r" know)(?!.{0,40}\bknown?\b).{0,60}\b(?:diagnos\w+|disab(?:led|ility)|illness|been ill|sick\b|"
        r"pregnan\w+|pain\b|depress\w+|trouble (?:going to sleep|sleeping)|hiv\b|injured|hospitali[sz]ed|"
        r"medication|"
        r"overweight|handicap\w*|a chronic|mental health (?:problem|treatment|condition)|suicid\w+|cocaine|"
        r"heroin)",
        r"\btold you\b.{0,30}\byou have\b|\bever told you\b|\brespondent's health\b|"
        r"\blimit\w*\b.{0,40}\bhealth problem",
        r"\b(?:how (?:much|often)|please tell me)\b.{0,140}\byou felt (?:depressed|sad|anxious|nervous|"
        r"hopeless)",
        r"\b(?:are|were|have) you\b.{0,30}\bvaccinated\b|\b(?:sind|waren|haben) sie\b.{0,40}\b(?:ge)?impf\w*|"
        r"\b(?:you|sie)\b.{0,60}\b(?:psychotherap\w+|psychiatr\w+|psycholog(?:ist|en|in)\b|in therapy)",
        r"\bexperienced memory loss\b|\bhad a health emergency\b|\bwheelchair\b.{0,30}\byou\b|"
        r"\bsleep was restless\b|\bhealth (?:problems?|condition)\b.{0,50}\b(?:you|yourself)\b(?! think)|"
        r"\b(?:you|yourself)\b.{0,40}\b(?:because of|due to) (?:your |a |poor )*(?:health|illness|"
        r"disability)",
        r"\b(?:hard|carry out|able to)\b.{0,60}\beveryday physical activities\b",
        rf"{_IHRE} (?:\w+ )?(?:gesundheit\w*|krankheit\w*|behinderung|beschwerden|schmerzen|gewicht)\b|"
        r"\b(?:haben|hatten|leiden|sind|waren|nehmen) sie\b.{0,60}\b(?:krank\w*|erkrank\w*|behinder\w*|"
        r"diagnos\w*|"
        r"schmerzen|schwanger|medikament\w*|depress\w*|allergi\w*)",
    ),
    "sex life or sexual orientation": _any(
        r"\b(?:have|had|having) sex\b|\bsex(?:ual)? partners?\b|\byour sex(?:ual)? (?:life|orientation|"
        r"identity)",
        r"\bsexual (?:orientation|intercourse|relations with)\b.{0,40}\byou|"
        r"\byou\b.{0,60}\bsexual (?:orientation|"
        r"partner\w*|intercourse)\b|\bclose personal friend\b.{0,10}$",
        r"\b(?:are you|do you (?:consider|identify|think of) yourself(?: as)?|describe yourself as)\b.{0,40}"
        r"\b(?:gay|lesbian|bisexual|heterosexual|transgender|homosexual)",
        r"\bcategories that apply to them\b|\bof the partners your\b",
        rf"{_IHRE} sexu\w+|\bsexuelle orientierung\b|\b(?:sind sie|bezeichnen sie sich)\b.{{0,30}}"
        r"\b(?:homosexuell|heterosexuell|bisexuell|schwul|lesbisch)",
    ),
}

# A question with values of VALUES among its options must also speak to the person.
TO_THE_PERSON = _any(
    r"\b(?:you|your|yourself|i am|respondents?'?s?)\b", r"\b(?:sie|ihre?[nmrs]?|du|deine?[nmrs]?|ich)\b"
)
# ... and not ask for an opinion on those named.
OPINION = _any(
    r"\bshould\b|\battitude\b|\bfavou?rable\b|\bdo you think\b|\bin your opinion\b|\bagree or disagree\b|"
    r"\bhow (?:close|warm|well) \b|\bapprove\b|\bconfidence in\b|\btrust\b|\bsollte\w*|\bmeinung\b"
)

# Names of columns that identify a person directly, split into words.
IDENTIFIERS: dict[str, re.Pattern[str]] = {
    "e-mail address": _any(
        r"\be ?mails?\b(?! (?:opt|consent|open|click|campaign|response|rate|frequency|share))|"
        r"\bmail ?(?:address|adresse)\b|^mail$"
    ),
    "telephone number": _any(
        r"\b(?:phone|telephone|telefon\w*|mobile|mobil|handy\w*|cell|fax)(?: (?:number|no|nr|nummer))?$|"
        r"\b(?:telefonnummer|handynummer|rufnummer|msisdn)\b"
    ),
    "name": _any(
        r"^(?:full |first |last |family |given |middle |maiden |customer |client |user |contact |"
        r"person )*names?$",
        r"\b(?:sur|fore)name\b|\b(?:vor|nach|familien|geburts|kunden|ansprech)\w*name\b|^username$|"
        r"^kontaktperson$",
    ),
    "bank account": _any(
        r"\b(?:iban|bic|kontonummer|account ?(?:number|no)|credit ?card(?: number)?|kreditkarte\w*|"
        r"card number|pan)\b"
    ),
    "official number": _any(
        r"\b(?:ssn|social security(?: number)?|sozialversicherungs\w+|svnr|steuer ?id\w*|steuernummer|"
        r"tax ?id|nino|"
        r"national insurance|passport(?: number)?|reisepass\w*|ausweis\w*|personalausweis\w*|"
        r"licen[cs]e plate|"
        r"kennzeichen|kfz\w*|versichertennummer|krankenversichertennummer|driving licen[cs]e)\b"
    ),
    "address": _any(
        r"\b(?:street|strasse|straße|anschrift|hausnummer|house number)\b|^(?:home |postal |billing |"
        r"shipping )?"
        r"(?:address|adresse)(?: line)?\d*$"
    ),
    "network address": _any(
        r"\bip ?(?:address|adresse)?$|\bmac ?(?:address|adresse)\b|\bcookie ?id\b|\bdevice ?id\b"
    ),
    "date of birth": _any(r"\b(?:date of birth|birth ?date|dob|geburtsdatum|geburtstag)\b"),
    "customer number": _any(
        r"\b(?:customer|client|member|user|kunden|mitglieds|household|respondent|panelist|loyalty|card) ?"
        r"(?:id|no|nr|number|nummer|key)\b|^(?:kundennr|kundennummer|mitgliedsnummer|uid|guid|uuid)$"
    ),
}
# Values that identify whoever has them, whatever the column is called.
IDENTIFYING: dict[str, re.Pattern[str]] = {
    "e-mail address": re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}"),
    "bank account": re.compile(r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?"),
    "telephone number": re.compile(
        r"(?:\+|00)\d[\d /().-]{7,18}|0\d{2,4}[ /-]\d[\d -]{4,10}|\(\d{3}\) ?\d{3}-\d{4}"
    ),
    "network address": re.compile(r"(?:\d{1,3}\.){3}\d{1,3}|(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}"),
}
