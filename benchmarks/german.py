"""What questions in another language cost: questions of an English survey, asked in German.

Needs the folder that MIRRORPANEL_OPEN_DATA names. The factored model is fitted to the General Social Survey
in English, batteries held out as in ``benchmarks/curves.py``. Those of them below are then asked twice, in
the English wording and in German, of the same people; the German is ours. ``flagged`` is the share of them
that the model itself says are outside its support.
"""

import argparse
import sys

import numpy as np

from benchmarks import curves, fitting, scoring
from benchmarks.curves import BASES
from benchmarks.held_out import Part
from benchmarks.output import finish
from personas.answer import Answers

SPLIT = 0

YES_NO = ("ja", "nein")
AGREE_FOUR = ("stimme stark zu", "stimme zu", "stimme nicht zu", "stimme überhaupt nicht zu")
AGREE_FIVE = ("stimme stark zu", "stimme zu", "weder noch", "stimme nicht zu", "stimme überhaupt nicht zu")
INTEREST = ("sehr interessiert", "mäßig interessiert", "überhaupt nicht interessiert")
STATE = ("auf jeden Fall", "eher ja", "eher nein", "auf keinen Fall")
TIMES = ("nein", "ja, ein- oder zweimal", "ja, mehr als zweimal")
RELATIONS = ("sehr gut", "ziemlich gut", "weder gut noch schlecht", "ziemlich schlecht", "sehr schlecht")
OFTEN = ("immer", "oft", "manchmal", "kaum", "nie")
LOOKED = "Denken Sie an die letzten 12 Monate: Haben Sie Folgendes getan, um eine Arbeit zu finden? "
SHOULD = "Sollte es alles in allem die Aufgabe des Staates sein oder nicht, "
GERMAN: dict[str, tuple[str, tuple[str, ...]]] = {
    "hapmar": (
        "Alles in allem, wie würden Sie Ihre Ehe beschreiben? Würden Sie sagen, sie ist sehr "
        "glücklich, ziemlich glücklich oder nicht sehr glücklich?",
        ("sehr glücklich", "ziemlich glücklich", "nicht sehr glücklich"),
    ),
    "health": (
        "Würden Sie sagen, Ihre Gesundheit ist im Allgemeinen ausgezeichnet, gut, mittelmäßig oder schlecht?",
        ("ausgezeichnet", "gut", "mittelmäßig", "schlecht"),
    ),
    "unemp": (
        "Waren Sie in den letzten zehn Jahren irgendwann mindestens einen Monat lang "
        "arbeitslos und auf Arbeitssuche?",
        YES_NO,
    ),
    "abany": (
        "Sollte es Ihrer Meinung nach für eine schwangere Frau möglich sein, legal "
        "abzutreiben, wenn sie es aus irgendeinem Grund will?",
        YES_NO,
    ),
    "spanking": (
        "Stimmen Sie stark zu, zu, nicht zu oder überhaupt nicht zu, dass es manchmal nötig "
        "ist, ein Kind mit einer ordentlichen Tracht Prügel zu erziehen?",
        AGREE_FOUR,
    ),
    "relpersn": (
        "In welchem Maße halten Sie sich für einen religiösen Menschen? Sind Sie …",
        ("sehr religiös", "mäßig religiös", "etwas religiös", "überhaupt nicht religiös"),
    ),
    "jobfind1": (
        "Wie leicht wäre es für Sie, bei einem anderen Arbeitgeber eine Stelle mit etwa "
        "gleichem Einkommen und gleichen Leistungen zu finden?",
        ("sehr leicht", "eher leicht", "überhaupt nicht leicht"),
    ),
    "wkracism": (
        "Fühlen Sie sich bei Ihrer Arbeit wegen Ihrer Hautfarbe oder Herkunft in irgendeiner "
        "Weise diskriminiert?",
        YES_NO,
    ),
    "wksexism": (
        "Fühlen Sie sich bei Ihrer Arbeit wegen Ihres Geschlechts in irgendeiner Weise diskriminiert?",
        YES_NO,
    ),
    "health1": (
        "Würden Sie sagen, Ihre Gesundheit ist im Allgemeinen ausgezeichnet, sehr gut, gut, "
        "mittelmäßig oder schlecht?",
        ("ausgezeichnet", "sehr gut", "gut", "mittelmäßig", "schlecht"),
    ),
    "stress12": (
        "Haben Sie in den letzten 12 Monaten an einem Programm zur Stressbewältigung teilgenommen?",
        YES_NO,
    ),
    "hlthphys": (
        "Wie würden Sie im Allgemeinen Ihre körperliche Gesundheit einschätzen?",
        ("ausgezeichnet", "sehr gut", "gut", "mittelmäßig", "schlecht"),
    ),
    "abmoral": (
        "Unabhängig davon, ob Abtreibung legal sein sollte: Lehnen Sie Abtreibung moralisch "
        "ab oder nicht, oder kommt es darauf an?",
        ("moralisch dagegen", "moralisch nicht dagegen", "es kommt darauf an"),
    ),
    "natviews": (
        "Wenn ich zu Hause bin, habe ich einen Blick auf die Natur (Bäume, Rasen, Gärten, Wasser usw.).",
        ("stimme stark zu", "stimme eher zu", "stimme eher nicht zu", "stimme überhaupt nicht zu"),
    ),
    "petb4": ("Hatte Ihre Familie vor 5 Jahren ein Haustier?", YES_NO),
    "smammal": (
        "Haustier zurzeit – ein kleines Säugetier (Kaninchen, Rennmaus, Hamster)",
        ("nicht vorhanden", "vorhanden"),
    ),
    "extrapay": (
        "Können Sie in Ihrer Arbeit eine leistungsabhängige Vergütung erhalten, etwa Einzel- "
        "oder Gruppenprämien oder eine Gewinnbeteiligung?",
        YES_NO,
    ),
    "colsci": ("Haben Sie jemals naturwissenschaftliche Kurse an einer Hochschule besucht?", YES_NO),
    "intintl": (
        "Internationale Fragen und Außenpolitik. Sind Sie daran sehr interessiert, mäßig "
        "interessiert oder überhaupt nicht interessiert?",
        INTEREST,
    ),
    "intsci": (
        "Neue wissenschaftliche Entdeckungen. Sind Sie daran sehr interessiert, mäßig "
        "interessiert oder überhaupt nicht interessiert?",
        INTEREST,
    ),
    "inttech": (
        "Der Einsatz neuer Erfindungen und Technologien. Sind Sie daran sehr interessiert, "
        "mäßig interessiert oder überhaupt nicht interessiert?",
        INTEREST,
    ),
    "intmed": (
        "Neue medizinische Entdeckungen. Sind Sie daran sehr interessiert, mäßig "
        "interessiert oder überhaupt nicht interessiert?",
        INTEREST,
    ),
    "scientod": (
        "Wissenschaftler sind oft seltsame und eigenartige Menschen. Stimmen Sie stark zu, "
        "zu, nicht zu oder überhaupt nicht zu?",
        AGREE_FOUR,
    ),
    "emptrain": (
        "Haben Sie in den letzten 12 Monaten eine formelle Schulung von Ihrem jetzigen "
        "Arbeitgeber erhalten, etwa in Kursen oder Seminaren?",
        YES_NO,
    ),
    "jobsall": (SHOULD + "jedem einen Arbeitsplatz zu verschaffen, der einen will?", STATE),
    "pricecon": (SHOULD + "die Preise unter Kontrolle zu halten?", STATE),
    "hlthcare": (SHOULD + "die gesundheitliche Versorgung der Kranken sicherzustellen?", STATE),
    "equalize": (SHOULD + "die Einkommensunterschiede zwischen Arm und Reich zu verringern?", STATE),
    "polint": (
        "Wie sehr interessieren Sie sich persönlich für Politik?",
        (
            "sehr interessiert",
            "ziemlich interessiert",
            "etwas interessiert",
            "nicht sehr interessiert",
            "überhaupt nicht interessiert",
        ),
    ),
    "poleff11": (
        "Wie sehr stimmen Sie der folgenden Aussage zu oder nicht zu? Leute wie ich haben "
        "keinen Einfluss darauf, was die Regierung tut",
        AGREE_FIVE,
    ),
    "fampress": (
        "Setzt Ihre Familie Sie im Allgemeinen unter Druck, was Ihre Lebensweise angeht?",
        ("nein, nie", "ja, aber selten", "ja, manchmal", "ja, oft", "ja, sehr oft"),
    ),
    "unhappy": (
        "Wie oft haben Sie sich in den letzten vier Wochen unglücklich und niedergeschlagen gefühlt?",
        ("nie", "selten", "manchmal", "oft", "sehr oft"),
    ),
    "incgap": ("Stimmen Sie zu oder nicht? Die Einkommensunterschiede in Amerika sind zu groß.", AGREE_FIVE),
    "exjobsat": (
        "Wie zufrieden waren Sie mit Ihrer letzten Stelle?",
        (
            "völlig zufrieden",
            "sehr zufrieden",
            "ziemlich zufrieden",
            "weder zufrieden noch unzufrieden",
            "ziemlich unzufrieden",
            "sehr unzufrieden",
            "völlig unzufrieden",
        ),
    ),
    "bossemps": (
        "Wie würden Sie im Allgemeinen die Beziehungen an Ihrem Arbeitsplatz beschreiben: "
        "zwischen Leitung und Beschäftigten?",
        RELATIONS,
    ),
    "cowrkers": (
        "Wie würden Sie im Allgemeinen die Beziehungen an Ihrem Arbeitsplatz beschreiben: "
        "zwischen Kolleginnen und Kollegen?",
        RELATIONS,
    ),
    "evjob": ("Hatten Sie jemals ein Jahr oder länger eine bezahlte Arbeit?", YES_NO),
    "getjob": (
        "Für wie wahrscheinlich halten Sie es, dass Sie eine Arbeit finden würden?",
        ("sehr wahrscheinlich", "wahrscheinlich", "unwahrscheinlich", "sehr unwahrscheinlich"),
    ),
    "pubagncy": (LOOKED + "Bei einer öffentlichen Arbeitsvermittlung gemeldet?", TIMES),
    "priagncy": (LOOKED + "Bei einer privaten Arbeitsvermittlung gemeldet?", TIMES),
    "adforjob": (LOOKED + "In Zeitungen oder Zeitschriften eine Stelle gesucht?", TIMES),
    "appemps": (LOOKED + "Sich direkt bei Arbeitgebern beworben?", TIMES),
    "jbintfam": (
        "Wie oft haben Sie das Gefühl, dass die Anforderungen Ihrer Arbeit Ihr Familienleben stören?",
        OFTEN,
    ),
    "famintjb": (
        "Wie oft haben Sie das Gefühl, dass die Anforderungen Ihres Familienlebens Ihre Arbeit stören?",
        OFTEN,
    ),
    "jbtrain": (
        "Haben Sie in den letzten 12 Monaten eine Schulung zur Verbesserung Ihrer "
        "beruflichen Fähigkeiten gemacht, am Arbeitsplatz oder anderswo?",
        YES_NO,
    ),
    "hapunhap": (
        "Wenn Sie Ihr Leben zurzeit im Ganzen betrachten: Wie glücklich oder unglücklich "
        "sind Sie alles in allem?",
        ("sehr glücklich", "ziemlich glücklich", "nicht sehr glücklich", "überhaupt nicht glücklich"),
    ),
    "clergvte": (
        "Wie sehr stimmen Sie zu oder nicht zu? Religiöse Führer sollten nicht versuchen zu "
        "beeinflussen, wie Menschen wählen.",
        AGREE_FIVE,
    ),
    "afterlif": (
        "Glauben Sie an … ein Leben nach dem Tod",
        ("ja, ganz sicher", "ja, wahrscheinlich", "nein, wahrscheinlich nicht", "nein, sicher nicht"),
    ),
}


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bases", nargs="*", default=BASES, help="bases to compare (default: all)")
    figures: dict[str, float | str] = {"questions": float(len(GERMAN))}
    parts = curves.parts(SPLIT)
    english = parts.test.only([name for name in parts.unseen if name in GERMAN])
    for name in parser.parse_args().bases:
        fit = fitting.fitted(parts.train.only(parts.seen).data(), fitting.base_of(name), parts.split)
        for language, part in (("english", english), ("german", in_german(english))):
            expected = scoring.distributions(fit.model, part)
            agreement = scoring.agreement(expected, part, np.random.default_rng(0))
            flagged = fit.model.outside_support(part.answers.questions)
            found = {
                "gap_closed": agreement.gap_closed,
                "signal": scoring.signal(expected, part),
                "flagged": len(flagged) / len(part.answers.questions),
            }
            figures |= {f"{figure}_{language}_{name}".replace(" ", ""): v for figure, v in found.items()}
            print(f"{name}, {language}: {found}", file=sys.stderr, flush=True)
    finish("german", figures)


def in_german(part: Part) -> Part:
    """The same people and answers, with the questions' German wording."""
    questions = [
        q.model_copy(update={"text": GERMAN[q.name][0], "options": GERMAN[q.name][1]})
        for q in part.answers.questions
    ]
    return Part(part.people, Answers(tuple(questions), part.answers.chosen))


if __name__ == "__main__":
    main()
