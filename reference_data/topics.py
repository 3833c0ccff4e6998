"""What margins are about: one word for each topic, whatever a table calls its dimension."""

from reference_data.official import COUNTRY, MarginTable

_WORDS = {
    "age": ("alter", "altersgruppe", "age group"),
    "sex": ("gender", "geschlecht"),
    "region": ("land", "bundesland", "bundesländer", "state", "states", "nuts", "bundesstaat"),
    "education": ("bildung", "bildungsabschluss", "schulabschluss", "degree", "schooling"),
    "labour status": ("labour_status", "employment", "labor force", "labour force", "work", "erwerbsstatus"),
    "migration": ("immigration", "migrationshintergrund", "einwanderungsgeschichte"),
    "ethnicity": ("race", "origin", "hispanic", "ethnic group", "ethnie"),
    "household income": ("income", "einkommen", "haushaltseinkommen", "hinc"),
    "household size": ("household", "haushaltsgröße", "haushaltsgrösse", "haushalt", "haushalte"),
    "religion": ("konfession",),
    "occupation": ("beruf", "isco"),
    "marital status": ("familienstand",),
}


def topic(word: str) -> str:
    """The topic that a word (English or German) or a table's dimension stands for; itself where unknown."""
    key = word.strip().casefold()
    for known, words in _WORDS.items():
        if key == known or key.replace("_", " ") == known or key in words:
            return known
    return key


def topics(table: MarginTable) -> tuple[str, ...]:
    """The topics of a table: one for each dimension but the country."""
    return tuple(topic(d) for d in table.dimensions if d != COUNTRY)
