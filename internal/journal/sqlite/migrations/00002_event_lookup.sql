-- The history of one bead or agent is asked for by people and pages; without these it would mean
-- reading the whole history of the town.
-- +goose Up
CREATE INDEX town_events_bead ON town_events (town, bead, seq) WHERE bead <> '';
CREATE INDEX town_events_agent ON town_events (town, agent, seq) WHERE agent <> '';
