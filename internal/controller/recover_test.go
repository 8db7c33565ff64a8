package controller

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"gastown/internal/journal/journaltest"
	"gastown/internal/town"
)

// A town whose books name no history is not led: what it sends out would have names that another town could give too.
func TestTownWithoutAHistoryIsNotLed(t *testing.T) {
	t.Parallel()
	for _, h := range []town.History{"", "playtown", "PLAYTOWNAAAAAAAAAAAAAAAAAA"} {
		j := openJournal(t)
		c, o := start(t, j)
		err := c.CreateTown(t.Context(), "main", "Main")
		if err == nil {
			_, err = c.Submit(t.Context(), "main", event(&town.TownConfigured{Name: "Town"}))
		}
		c.Stop()
		err = errors.Join(err, journaltest.Wreck(t.Context(), j, "main", journaltest.Wound{
			Kind: town.KindTown, ID: "town", Edit: func(e any) { e.(*town.Town).History = h },
		}))
		if err != nil {
			t.Fatal(err)
		}
		c = New(Options{Journal: j, Effects: o, Meter: o, Log: slog.New(slog.DiscardHandler)})
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
