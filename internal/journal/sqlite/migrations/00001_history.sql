-- +goose Up
CREATE TABLE towns (
    id       TEXT PRIMARY KEY,
    name     TEXT NOT NULL,
    created   INTEGER NOT NULL, -- milliseconds since the epoch, as all times
    last_seq  INTEGER NOT NULL DEFAULT 0,
    last_tick INTEGER NOT NULL DEFAULT 0,
    last_at   INTEGER NOT NULL -- time of the newest tick, or created
) STRICT;

CREATE TABLE town_events (
    town     TEXT NOT NULL REFERENCES towns (id),
    seq      INTEGER NOT NULL,
    event_id TEXT NOT NULL,
    type     TEXT NOT NULL,
    agent    TEXT NOT NULL DEFAULT '',
    run      INTEGER NOT NULL DEFAULT 0,
    bead     TEXT NOT NULL DEFAULT '',
    sender   TEXT NOT NULL DEFAULT '',
    created  INTEGER NOT NULL,
    payload  TEXT NOT NULL, -- JSON
    tick         INTEGER NOT NULL DEFAULT 0, -- that took it; 0 while pending
    processed_at INTEGER NOT NULL DEFAULT 0, -- time of that tick
    outcome      TEXT, -- JSON, once processed
    PRIMARY KEY (town, seq)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX town_events_id ON town_events (town, event_id);
CREATE INDEX town_events_pending ON town_events (town, seq) WHERE tick = 0;
CREATE INDEX town_events_tick ON town_events (town, tick) WHERE tick > 0;

CREATE TABLE ticks (
    town       TEXT NOT NULL REFERENCES towns (id),
    tick       INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    rule_set   INTEGER NOT NULL,
    digest     BLOB NOT NULL,
    events     INTEGER NOT NULL,
    actions    INTEGER NOT NULL,
    changes    INTEGER NOT NULL,
    violations INTEGER NOT NULL,
    body       BLOB NOT NULL,
    PRIMARY KEY (town, tick)
) STRICT;
CREATE INDEX ticks_at ON ticks (town, at);

CREATE TABLE snapshots (
    town TEXT NOT NULL REFERENCES towns (id),
    tick INTEGER NOT NULL,
    at   INTEGER NOT NULL,
    size INTEGER NOT NULL, -- bytes of the state, expanded
    body BLOB NOT NULL, -- compressed
    PRIMARY KEY (town, tick)
) STRICT;

CREATE TABLE archive (
    town    TEXT NOT NULL REFERENCES towns (id),
    bead    TEXT NOT NULL,
    rig     TEXT NOT NULL,
    tick    INTEGER NOT NULL, -- that archived it
    type    TEXT NOT NULL,
    status  TEXT NOT NULL,
    title   TEXT NOT NULL,
    closed  INTEGER NOT NULL,
    version INTEGER NOT NULL,
    body    BLOB NOT NULL,
    PRIMARY KEY (town, bead)
) STRICT;
CREATE INDEX archive_closed ON archive (town, closed, bead);
