-- Which ticks are about which bead or agent. Names are long and ticks are many, so each name is kept
-- once and stands for a number: a row about a tick is two small integers. Those of one subject lie
-- together, and since numbers are given in order, so do those of subjects of the same days: a commit
-- writes to a page or two, however many it concerns.
-- +goose Up
CREATE TABLE subjects (
    no   INTEGER PRIMARY KEY,
    town TEXT NOT NULL REFERENCES towns (id),
    kind TEXT NOT NULL,
    id   TEXT NOT NULL,
    UNIQUE (town, kind, id)
) STRICT;

CREATE TABLE subject_ticks (
    subject INTEGER NOT NULL REFERENCES subjects (no),
    tick    INTEGER NOT NULL,
    PRIMARY KEY (subject, tick)
) STRICT, WITHOUT ROWID;
