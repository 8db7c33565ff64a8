package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// retainStep bounds how many rows one transaction of Retain removes, so that others can write in
// between.
const retainStep = 2000

// Retain implements journal.Journal. Older snapshots go first: a snapshot without the ticks after
// it would be one that recovery cannot go on from, ticks without a snapshot before them are only
// left over, and go with the next Retain.
func (j *Journal) Retain(ctx context.Context, id town.TownID, before town.Time) (journal.Removed, error) {
	doing := fmt.Sprintf("cannot remove old history of town %s", id)
	var out journal.Removed
	var keep sql.NullInt64
	err := j.known(ctx, id)
	if err == nil {
		err = j.read.QueryRowContext(ctx, "SELECT max(tick) FROM snapshots WHERE town = ? AND at < ?", id, before).Scan(&keep)
	}
	if err != nil || !keep.Valid {
		return out, j.explain(ctx, doing, err)
	}
	for _, d := range []struct {
		count *int
		query string
	}{
		{&out.Snapshots, "DELETE FROM snapshots WHERE rowid IN (SELECT rowid FROM snapshots WHERE town = ? AND tick < ? LIMIT ?)"},
		{&out.Ticks, "DELETE FROM ticks WHERE rowid IN (SELECT rowid FROM ticks WHERE town = ? AND tick <= ? LIMIT ?)"},
		{&out.Events, `DELETE FROM town_events WHERE town = ?1 AND seq IN
			(SELECT seq FROM town_events WHERE town = ?1 AND tick > 0 AND tick <= ?2 LIMIT ?3)`},
		{new(int), `DELETE FROM subject_ticks WHERE (subject, tick) IN (SELECT subject, tick FROM subjects
			CROSS JOIN subject_ticks ON subject = no WHERE town = ?1 AND tick <= ?2 LIMIT ?3)`},
		{new(int), `DELETE FROM subjects WHERE no IN (SELECT no FROM subjects
			WHERE town = ?1 AND NOT EXISTS (SELECT 1 FROM subject_ticks WHERE subject = no) LIMIT ?3)`},
	} {
		for more := true; more; {
			var n int64
			err := j.submit(ctx, doing, func(c *conn) (err error) {
				n, err = c.exec(d.query, id, keep.Int64, retainStep)
				return err
			})
			if err != nil {
				return out, err
			}
			*d.count += int(n)
			more = n == retainStep
		}
	}
	return out, nil
}
