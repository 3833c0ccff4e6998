"""Words around names of people: titles, greetings, roles, and what turns a name into a thing."""

from grounding.privacy.pii_gazetteer import word_set

TITLES = word_set(
    "herr herrn frau fräulein hr hrn fr mr mrs ms miss mx mister missus sir madam madame "
    "dame lady monsieur mme mlle mons dr "
    "doktor doctor prof professor professorin pastor pastorin pfarrer pfarrerin rev reverend "
    "father señor señora sr sra "
    "signor signora signore dipl-ing ing mag magister rechtsanwalt rechtsanwältin ra dra drs "
    "bay hanım pan pani hrn. frl "
    "oberarzt chefarzt"
)
STRONG_TITLES = word_set(
    "herr herrn frau fräulein mr mrs ms miss mx mister madame monsieur mme mlle dr doktor prof professor hr"
)
MORE_TITLES = word_set(
    "dr prof professor med phil jur rer nat ing habil dipl-ing dipl mag frau herr mult h c "
    "univ kfm pol oec dent vet theol"
)
PARTICLES = word_set(
    "von van vom zu zur zum de del della di da do dos das der den ter ten la le al el bin "
    "ben ibn abu abd bint y e st mac mc o'"
)
LABELS = word_set(
    "name vorname vornamen nachname nachnamen familienname zuname rufname geburtsname "
    "mädchenname surname firstname lastname forename "
    "kunde kundin customer client klient klientin ansprechpartner ansprechpartnerin contact "
    "kontakt kontaktperson besteller bestellerin "
    "empfänger empfängerin recipient kontoinhaber kontoinhaberin accountholder cardholder "
    "karteninhaber karteninhaberin patient patientin "
    "mitarbeiter mitarbeiterin sachbearbeiter sachbearbeiterin berater beraterin agent "
    "employee interviewer interviewerin respondent "
    "proband probandin absender sender signed unterschrift unterzeichnet unterzeichner "
    "signature gez attn attention inhaber inhaberin alias aka tester testerin "
    "teilnehmer teilnehmerin participant bearbeiter bearbeiterin kassierer kassiererin "
    "holder nom prénom née versicherungsnehmer "
    "versicherungsnehmerin mieter mieterin vermieter vermieterin verfasser verfasserin autor "
    "autorin anrufer anruferin caller "
    "gast gastname guest passenger passagier reisender owner halter fahrzeughalter eltern "
    "erziehungsberechtigter vertreter von from an to zu hd z"
)
NAME_LABELS = word_set(
    "name vorname vornamen nachname nachnamen familienname zuname rufname geburtsname "
    "mädchenname surname firstname lastname forename nom prénom née "
    "kontoinhaber kontoinhaberin karteninhaber karteninhaberin cardholder accountholder "
    "ansprechpartner ansprechpartnerin gez unterzeichnet kontaktperson"
)
NAMED_THINGS = word_set(
    "product brand company file user event team variable domain column model field store pet "
    "project first last produktname markenname "
    "firmenname dateiname modellname produkt marke firma datei shop series serie host dog "
    "cat nick screen street city"
)
ROLES = word_set(
    "kunde kundin kunden kollege kollegin kollegen mitarbeiter mitarbeiterin nachbar "
    "nachbarin nachbarn berater beraterin verkäufer verkäuferin familie fam "
    "patient patientin chef chefin tochter sohn mann frau freund freundin schwester bruder "
    "mutter vater mama papa oma opa tante onkel ehemann "
    "ehefrau schwiegermutter schwiegervater enkel enkelin lehrer lehrerin arzt ärztin "
    "techniker technikerin fahrer fahrerin lebensgefährte "
    "lebensgefährtin partner partnerin cousin cousine neffe nichte schwager schwägerin "
    "mitbewohner mitbewohnerin filialleiter filialleiterin "
    "sachbearbeiter sachbearbeiterin azubi hausmeister betreuer betreuerin vermieter "
    "vermieterin handwerker friseurin friseur kassiererin "
    "customer client colleague neighbour neighbor husband wife son daughter brother sister "
    "friend mother father mum mom dad manager agent rep "
    "representative technician driver cashier boss teacher doctor nurse aunt uncle boyfriend "
    "girlfriend assistant advisor adviser waiter waitress "
    "named called namens nephew niece cousin grandson granddaughter grandmother grandfather "
    "gran nan nana grandad supervisor salesman saleswoman "
    "salesperson receptionist plumber engineer courier landlord landlady tenant roommate "
    "flatmate employee operator associate stylist consultant "
    "specialist respondent interviewer patient user member"
)
SPEECH = word_set(
    "helped told said explained called was is has assisted served advised sorted answered "
    "promised recommended "
    "sagte meinte half erklärte rief hat war ist versprach empfahl beriet bediente "
    "beantwortete meldete schrieb wrote rang"
)
NOT_AFTER_TITLE = word_set(
    "mitte anfang ober piggy dior marple marvel paint windows office word excel teams out "
    "und and oder or option president präsident präsidentin mutter vater kind kinder kanzler "
    "kanzlerin minister ministerin bundeskanzler bundeskanzlerin "
    "doktor des der die das im in mit ledig verheiratet unbekannt keine angabe divers "
    "weiblich männlich nein ja yes no right perfect wrong universe "
    "world america chair chairman speaker strange who pepper martens oetker hauschka bean "
    "clean proper best scholl seuss muscle holle "
    "holiday christmas aller alter jahre kapitän captain professor direktor bürgermeister "
    "bürgermeisterin gott god lord mann frau herr damen herren "
    "of the to for is are was or sir madam everybody everyone will has had sind ist war "
    "haben hat als auf kann wird bei zu von"
)
NOT_NAMES = word_set(
    "sir madam team customer customers kunde kunden kundin damen herren all everyone "
    "everybody support world friends freunde there service "
    "again good guten abend morgen tag nacht evening morning afternoon kitty fresh welt "
    "amazon paypal ebay google colleague colleagues kollegen "
    "zusammen leute ihr euch sie valued neighbour nachbarn nachbar mama papa mum dad mom oma "
    "opa schatz santa god gott diary tagebuch "
    "the a an i you we he she it they this that these those my your his her our ich du er es "
    "wir ihr sie der die das ein eine mein meine dein "
    "and or but und oder aber nicht not no yes ja nein from aus in at on to for with mit von "
    "bei für nur only also auch very sehr too zu "
    "is was are were be been ist war sind bin habe hat has had have do does did will would "
    "can could should kann wird würde here hier not "
    "private privat secret geheim irrelevant ok confidential not stated unknown unbekannt "
    "none keine keiner anonym anonymous confidential vertraulich withheld n/a test example "
    "muster "
    "january february march april may june july august september october november december "
    "januar februar märz mai juni juli oktober dezember "
    "monday tuesday wednesday thursday friday saturday sunday montag dienstag mittwoch "
    "donnerstag freitag samstag sonntag "
    "street road avenue straße weg platz city stadt country land germany deutschland england "
    "france europe uk usa us eu tel telefon phone mobil mobile email "
    "e-mail mail fax web www adresse address date datum nr no just happy sorry glad really "
    "so still now then never always already "
    "currently zufrieden froh enttäuscht leider immer noch schon jetzt wirklich gerade seit "
    "since writing calling looking interested disappointed "
    "satisfied pleased unhappy unable trying going getting having using retired married "
    "single divorced male female student teacher nurse rentner "
    "north south east west nord süd ost ok age over under rentnerin verheiratet ledig "
    "geschieden männlich weiblich divers anzeige lieferung rechnung bestellung order account "
    "konto"
)
CLOSINGS_STRONG = (
    r"(?:(?:best|kind(?:est)?|warm(?:est)?|with (?:best|kind))\s)?regards|best wishes|"
    r"sincerely(?: yours)?|yours(?: (?:truly|faithfully|sincerely))?|"
    r"mit (?:freundliche[mn]|besten|herzlichen|lieben|vielen|sonnigen|kollegialen)\s(?:grüßen|"
    r"grüssen|gruß|gruss|gruessen)|"
    r"(?:viele|liebe|beste|herzliche|schöne|freundliche|sonnige)\s(?:grüße|grüsse|gruesse)|"
    r"(?:lieben|schönen|besten|herzlichen|freundlichen)\sgru(?:ß|ss)|mfg|lg|vg|"
    r"hochachtungsvoll|cordialement|bien à vous|amicalement|signed|gezeichnet|gez\.|"
    r"unterschrift|i\.\s?a\.|i\.\s?v\.|ppa\.?"
)
CLOSINGS_WEAK = (
    r"best|thanks(?: again| a lot| so much)?|thank you|many thanks|thx|ta|cheers|love|ciao|"
    r"danke(?: schön)?|vielen dank|besten dank|gruß|gruss|grüße|bye|tschüss|xx|xoxo|merci"
)
SAINTS = word_set(
    "st saint san santa sankt são sao hurricane storm hotel ikea modell model modelle serie "
    "sorte typ café cafe restaurant king queen pope papst könig königin "
    "lake mount fort port cape orkan tief hoch sturm film movie song band album buch book "
    "puppe doll marke brand bar klinik schule school kirche church "
    "regal schrank sofa bett lager heiliger heilige"
)
THINGS_BEHIND = word_set(
    "gmbh ag kg ohg ug se mbh inc inc. llc ltd ltd. plc corp corp. co co. & airport "
    "flughafen university universität hochschule school schule gymnasium stiftung "
    "foundation hospital klinik klinikum krankenhaus prize preis award day avenue park "
    "stadium stadion arena museum straße strasse street road platz weg allee "
    "institut institute college bridge brücke theatre theater hall halle church kirche "
    "center centre bibliothek library cup trophy bank "
    "tee tea jeans pizza ketchup joghurt yogurt schokolade shampoo aktion "
    "show act amendment county beach hotel syndrome disease effect"
)
INTRODUCTIONS = (
    r"(?:my|her|his|the customer's|customer|their|full|real)\s(?:full\s|first\s|last\s|"
    r"maiden\s|sur)?name(?:\sis|'s|\swas|:)|name's|i am called|i'm called|people call me|call "
    r"me|goes by|signed by|signed|"
    r"ich\sheiße|ich\sheisse|heiße\sich|heisse\sich|(?:mein|ihr|sein|der|meiner|"
    r"vollständiger)\s(?:vor|nach|familien|geburts)?name\s(?:ist|lautet|war)|mein\sname:|"
    r"je m'appelle|mon nom est|me llamo|mi nombre es|mi chiamo|nazywam się|mam na imię|benim "
    r"adım|adım|er\sheißt|sie\sheißt|heißt|nennt\smich|"
    r"née|c/o|in\sthe\sname\sof|im\snamen\svon|auf\sden\snamen|z\.?\s?hd\.?(?:\svon)?|"
    r"zu\shänden(?:\svon)?|attn\.?:?|for\sthe\sattention\sof|namens|mit\snamen|"
    r"by\sthe\sname\sof|geborene"
)
PERSONAL = (
    r"spoke\s|talked\s|gesprochen|telefoniert|gespräch|sprach|rücksprache|verlangen|bedient|"
    r"served|helped|assisted|"
    r"betreut|reported|gemeldet|on\sbehalf|im\sauftrag|angerufen|läuft\sauf|lautet\sauf|ausgestellt\sauf|"
    r"registered\sto|belongs\sto|gehört\s"
)
INTRODUCTIONS_WEAK = (
    r"läuft\sauf|lautet\sauf|ausgestellt\sauf|registered\sto|belongs\sto|gehört|"
    r"i\sam|i'm|this\sis|it\sis|it's|ich\sbin(?:\s(?:der|die))?|hier\s(?:ist|spricht|"
    r"schreibt)(?:\s(?:der|die))?|here\sis|je suis|soy|speaking\sto|spoke\s(?:to|with)|"
    r"talked\s(?:to|with)|"
    r"gesprochen\smit|telefoniert\smit|gespräch\smit|sprach\smit|rücksprache\smit|von\sherrn|"
    r"ask\sfor|verlangen\ssie|bedient\svon|served\sby|helped\sby|assisted\sby|betreut\svon|"
    r"dealt\swith|thanks\sto|thank\syou|thank\syou,|danke\san|dank\san|lob\san|contact|"
    r"call|text|phone|ring|tell|told|asked|"
    r"wenden\ssie\ssich\san|reported\sby|gemeldet\svon|termin\s(?:mit|bei)|appointment\swith|"
    r"on\sbehalf\sof|im\sauftrag\svon|angerufen\svon|call\sfrom|"
    r"anruf\svon|mail\svon|email\sfrom|behalf\sof|emailed|called|met|mit|with|von|from|by|"
    r"durch|auf|für|for|an|to"
)
FAMILIES = word_set("familie fam")
NAMERS = word_set("namens named called")
JOINERS = word_set("und and")
SPEECH_OF_TWO = word_set(
    "helped told said explained assisted served advised recommended haben halfen sagten berieten erklärten "
    "empfahlen bedienten"
)
POSSESSED = word_set(
    "review account order desk phone house birthday email mail number address voice opinion answer comment "
    "feedback complaint mother father wife husband son daughter brother sister friend boss colleague room "
    "office car flat card bill manager team name handwriting details profile contract appointment"
)
STRANGERS = word_set(
    "customer client kunde kundin kunden patient patientin kollege kollegin nachbar "
    "nachbarin nachbarn mitarbeiter mitarbeiterin agent rep technician techniker neighbour "
    "neighbor colleague"
)
ENGLISH_RELATIVES = word_set(
    "colleague neighbour neighbor husband wife son daughter brother sister nephew niece "
    "cousin grandson granddaughter aunt uncle boyfriend "
    "girlfriend named called"
)
GERMAN_RELATIVES = word_set(
    "kollege kollegin tochter sohn freundin schwester bruder tante onkel ehemann ehefrau "
    "enkel enkelin neffe nichte schwager schwägerin nachbarin namens"
)
GERMAN_NOUNS = (
    "in",
    "er",
    "ung",
    "ent",
    "ist",
    "or",
    "heit",
    "keit",
    "schaft",
    "tag",
    "jahr",
    "jahre",
    "haus",
    "kind",
    "kinder",
    "schule",
    "fall",
    "problem",
    "angst",
    "auto",
    "geld",
    "zeit",
    "geburtstag",
    "abitur",
    "app",
)
BUSINESSES = word_set(
    "bäckerei metzgerei fleischerei firma praxis apotheke kanzlei autohaus hotel gasthof "
    "restaurant café cafe verlag spedition baumarkt gärtnerei optiker brauerei "
    "weingut möbelhaus kaufhaus drogerie reisebüro marke team abteilung filiale markt "
    "projekt programm produkt modell amazon paypal ebay google apple microsoft samsung "
    "nike adidas puma ikea aldi lidl tesco asda sainsbury sainsbury's rewe edeka dhl hermes "
    "ups fedex royal telekom vodafone zalando otto netflix disney lego sony bosch "
    "siemens visa mastercard spotify costco walmart target starbucks mcdonald's lufthansa "
    "ryanair bahn post staples bank mail buy air airlines group card versicherung "
    "krankenkasse sparkasse volksbank deutsche commerzbank barclays hsbc santander bakery "
    "butcher shop store company firm brand office desk head help zentrale centre center "
    "state united general national international"
)
BEHAVIOUR = (
    r"telefoniert|gesprochen|geschrieben|gemailt|aus\s(?:dem|der|eurem|ihrem|eurer|"
    r"ihrer)\s(?:kunden\w*|service\w*|filiale\w*|support|team|abteilung|hotline|buchhaltung|"
    r"werkstatt)|"
    r"(?:in|from|at)\s(?:the\s|your\s)?(?:customer service|customer support|support|service "
    r"desk|service team|call cent\w+|sales team|billing|reception|front desk|accounts|"
    r"checkout|till)|"
    r"rief|rang|helped|half|told|said|sagte|meinte|called (?:me|us|back)|never (?:called|rang|"
    r"replied|answered|got back)|beriet|erklärte|explained|promised|versprach|kümmerte|hung "
    r"up|assured|"
    r"war (?:sehr |super |total |so |echt )?(?:freundlich|nett|unfreundlich|hilfsbereit|"
    r"kompetent|unhöflich|super)|was (?:very |so |really |extremely )?(?:helpful|rude|kind|"
    r"friendly|polite|patient|great|lovely|brilliant|unhelpful)"
)
