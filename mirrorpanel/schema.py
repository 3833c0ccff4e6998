"""Tables of a workspace."""

VERSION = "4"

# A workspace without this table, which came later than the others, is given it when it is opened.
SPOKEN = """
CREATE TABLE IF NOT EXISTS spoken (
    adapter TEXT NOT NULL, panel TEXT NOT NULL, source TEXT NOT NULL, namespace TEXT NOT NULL,
    id TEXT NOT NULL, PRIMARY KEY (adapter, source, id)
);
"""
TABLES = f"""{SPOKEN}
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE panels (
    panel TEXT PRIMARY KEY, name TEXT NOT NULL, created TIMESTAMP NOT NULL, record JSON NOT NULL
);
CREATE TABLE questions (
    panel TEXT NOT NULL, place INTEGER NOT NULL, question JSON NOT NULL, PRIMARY KEY (panel, place)
);
CREATE TABLE sources (
    panel TEXT NOT NULL, place INTEGER NOT NULL, name TEXT NOT NULL, record JSON NOT NULL,
    PRIMARY KEY (panel, place)
);
CREATE TABLE people (
    panel TEXT NOT NULL, place INTEGER NOT NULL, id TEXT NOT NULL, weight DOUBLE NOT NULL, seconds DOUBLE,
    PRIMARY KEY (panel, id)
);
CREATE TABLE real_answers (
    panel TEXT NOT NULL, id TEXT NOT NULL, question TEXT NOT NULL, option INTEGER NOT NULL,
    PRIMARY KEY (panel, id, question)
);
CREATE TABLE attributes (
    panel TEXT NOT NULL, id TEXT NOT NULL, attribute TEXT NOT NULL, value TEXT NOT NULL,
    kind TEXT NOT NULL, donor TEXT, distance DOUBLE, PRIMARY KEY (panel, id, attribute)
);
CREATE TABLE imputations (
    panel TEXT NOT NULL, id TEXT NOT NULL, attribute TEXT NOT NULL, copy INTEGER NOT NULL,
    value TEXT NOT NULL, donor TEXT, distance DOUBLE, PRIMARY KEY (panel, id, attribute, copy)
);
CREATE TABLE provenance (
    panel TEXT NOT NULL, place INTEGER NOT NULL, attribute TEXT NOT NULL, kind TEXT NOT NULL,
    source TEXT NOT NULL, vintage TEXT NOT NULL, licence TEXT NOT NULL, method TEXT NOT NULL,
    sha256 TEXT NOT NULL, seed BIGINT, raked TEXT NOT NULL, PRIMARY KEY (panel, attribute, kind)
);
CREATE TABLE persons (
    panel TEXT NOT NULL, place INTEGER NOT NULL, person TEXT NOT NULL, mirrors TEXT NOT NULL,
    weight DOUBLE NOT NULL, copy INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (panel, person)
);
CREATE VIEW person_attributes AS
    SELECT p.panel, p.person, a.attribute, coalesce(i.value, a.value) AS value, a.kind, v.source, v.vintage,
           v.licence, v.method, coalesce(i.donor, a.donor) AS donor,
           CASE WHEN i.id IS NULL THEN a.distance ELSE i.distance END AS distance, v.sha256, v.seed, v.raked
    FROM persons p
    JOIN attributes a ON a.panel = p.panel AND a.id = p.mirrors
    JOIN provenance v ON v.panel = a.panel AND v.attribute = a.attribute AND v.kind = a.kind
    LEFT JOIN imputations i
        ON i.panel = p.panel AND i.id = p.mirrors AND i.attribute = a.attribute AND i.copy = p.copy;
CREATE TABLE toplines (
    panel TEXT NOT NULL, place INTEGER NOT NULL, record JSON NOT NULL, PRIMARY KEY (panel, place)
);
CREATE TABLE adapters (
    adapter TEXT PRIMARY KEY, name TEXT NOT NULL, panel TEXT NOT NULL, created TIMESTAMP NOT NULL,
    record JSON NOT NULL, flagged JSON, version INTEGER NOT NULL DEFAULT 1,
    status TEXT NOT NULL DEFAULT 'candidate', registration JSON
);
CREATE TABLE reviews (
    review TEXT PRIMARY KEY, name TEXT NOT NULL, created TIMESTAMP NOT NULL, record JSON NOT NULL
);
CREATE TABLE trained (
    adapter TEXT NOT NULL, panel TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (adapter, id)
);
CREATE TABLE set_aside (
    adapter TEXT NOT NULL, panel TEXT NOT NULL, id TEXT NOT NULL, part TEXT NOT NULL,
    PRIMARY KEY (adapter, id)
);
CREATE TABLE runs (
    run TEXT PRIMARY KEY, study TEXT NOT NULL, panel TEXT NOT NULL, created TIMESTAMP NOT NULL,
    finished TIMESTAMP, seconds DOUBLE NOT NULL,
    processor TEXT NOT NULL, record JSON NOT NULL
);
CREATE TABLE asked (run TEXT NOT NULL, person TEXT NOT NULL, PRIMARY KEY (run, person));
CREATE TABLE answers (
    run TEXT NOT NULL, person TEXT NOT NULL, question TEXT NOT NULL, option INTEGER NOT NULL,
    distribution DOUBLE[] NOT NULL
);
CREATE TABLE missing (
    run TEXT NOT NULL, person TEXT NOT NULL, question TEXT NOT NULL, outcome TEXT NOT NULL,
    reply TEXT NOT NULL, PRIMARY KEY (run, person, question)
);
CREATE TABLE agreements (run TEXT PRIMARY KEY, created TIMESTAMP NOT NULL, record JSON NOT NULL);
CREATE TABLE exports (
    path TEXT PRIMARY KEY, panel TEXT NOT NULL, moment TIMESTAMP NOT NULL, k INTEGER NOT NULL
);
CREATE TABLE erased (pseudonym TEXT PRIMARY KEY, moment TIMESTAMP NOT NULL);
CREATE TABLE receipts (receipt TEXT PRIMARY KEY, moment TIMESTAMP NOT NULL, record JSON NOT NULL);
CREATE TABLE audit (
    place INTEGER PRIMARY KEY, moment TIMESTAMP NOT NULL, verb TEXT NOT NULL, detail TEXT NOT NULL,
    previous TEXT NOT NULL, hash TEXT NOT NULL
);
"""
