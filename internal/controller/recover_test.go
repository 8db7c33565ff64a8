package controller

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"gastown/internal/town"
)

// A town whose books name no history is not led: what it sends out would have names that another town could give too.
func TestTownWithoutAHistoryIsNotLed(t *testing.T) {
	t.Parallel()
	for _, h := range []town.History{"", "playtown", "PLAYTOWNAAAAAAAAAAAAAAAAAA"} {
		j := openJournal(t)
		if err := j.CreateTown(t.Context(), "main", "Main", 1, town.New("main", "Main", h, 1).Snapshot()); err != nil {
			t.Fatal(err)
		}
		o := &outside{}
		c := New(Options{Journal: j, Effects: o, Meter: o, Log: slog.New(slog.DiscardHandler)})
		if err := c.Start(context.Background()); err == nil || !strings.Contains(err.Error(), "cannot lead town main") {
			t.Errorf("%q: %v", h, err)
		}
		if towns := c.Towns(); len(towns) != 0 {
			t.Errorf("%q: it leads %v", h, towns)
		}
		c.Stop()
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	}
}
