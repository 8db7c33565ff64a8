-- The events of a tick once more, in one piece with its record: a replay reads every event of every tick,
-- and a row for each costs it more than all else together (see journal.AppendTaken). What was stored
-- before has none; a replay reads the events of those ticks from their rows.
-- +goose Up
ALTER TABLE ticks ADD COLUMN taken BLOB;
