"""Tables of a workspace."""

VERSION = "1"

TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE panels (
    panel TEXT PRIMARY KEY, name TEXT NOT NULL, created TIMESTAMP NOT NULL, record JSON NOT NULL
);
CREATE TABLE questions (
    panel TEXT NOT NULL, place INTEGER NOT NULL, question JSON NOT NULL, PRIMARY KEY (panel, place)
);
CREATE TABLE people (
    panel TEXT NOT NULL, place INTEGER NOT NULL, id TEXT NOT NULL, weight DOUBLE NOT NULL,
    PRIMARY KEY (panel, id)
);
CREATE TABLE real_answers (
    panel TEXT NOT NULL, id TEXT NOT NULL, question TEXT NOT NULL, option INTEGER NOT NULL,
    PRIMARY KEY (panel, id, question)
);
CREATE TABLE attributes (
    panel TEXT NOT NULL, id TEXT NOT NULL, attribute TEXT NOT NULL, value TEXT NOT NULL,
    donor TEXT, distance DOUBLE, PRIMARY KEY (panel, id, attribute)
);
CREATE TABLE provenance (
    panel TEXT NOT NULL, place INTEGER NOT NULL, attribute TEXT NOT NULL, kind TEXT NOT NULL,
    source TEXT NOT NULL, vintage TEXT NOT NULL, licence TEXT NOT NULL, method TEXT NOT NULL,
    sha256 TEXT NOT NULL, PRIMARY KEY (panel, attribute)
);
CREATE TABLE persons (
    panel TEXT NOT NULL, place INTEGER NOT NULL, person TEXT NOT NULL, mirrors TEXT NOT NULL,
    weight DOUBLE NOT NULL, PRIMARY KEY (panel, person)
);
CREATE VIEW person_attributes AS
    SELECT p.panel, p.person, a.attribute, a.value, v.kind, v.source, v.vintage, v.licence, v.method,
           a.donor, a.distance
    FROM persons p
    JOIN attributes a ON a.panel = p.panel AND a.id = p.mirrors
    JOIN provenance v ON v.panel = a.panel AND v.attribute = a.attribute;
CREATE TABLE adapters (
    adapter TEXT PRIMARY KEY, name TEXT NOT NULL, panel TEXT NOT NULL, created TIMESTAMP NOT NULL,
    record JSON NOT NULL
);
CREATE TABLE runs (
    run TEXT PRIMARY KEY, study TEXT NOT NULL, panel TEXT NOT NULL, created TIMESTAMP NOT NULL,
    finished TIMESTAMP, seconds DOUBLE NOT NULL,
    processor TEXT NOT NULL, record JSON NOT NULL
);
CREATE TABLE answers (
    run TEXT NOT NULL, person TEXT NOT NULL, question TEXT NOT NULL, option INTEGER NOT NULL,
    distribution DOUBLE[] NOT NULL, PRIMARY KEY (run, person, question)
);
CREATE TABLE agreements (run TEXT PRIMARY KEY, created TIMESTAMP NOT NULL, record JSON NOT NULL);
CREATE TABLE log (moment TIMESTAMP NOT NULL, verb TEXT NOT NULL, detail TEXT NOT NULL);
"""
