package api_test

import (
	"bytes"
	"net/http"
	"net/url"
	"testing"
	"time"

	"gastown/internal/server"
	"gastown/internal/town"
	"gastown/internal/wire"
)

// Whatever is asked about the past, the next tick or a time to come, of a real journal: nothing is applied and nothing
// written. The town has as many ticks and events, and says the same of itself, as before.
func TestAskingChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, func(o *server.Options) { o.OpenJournal = nil })
	w.must(http.StatusCreated, http.MethodPost, at+"/rigs", wire.NewRig{URL: repo(t)})
	first := w.sling("First")
	w.must(http.StatusCreated, http.MethodPost, at+"/beads", town.NewBead{Title: "Second", DependsOn: []string{string(first.ID)}})
	w.must(http.StatusOK, http.MethodPost, at+"/beads/"+string(first.ID)+"/hold", wire.Reason{Reason: "not before Monday"})

	// Nothing is due in this town: no agent is configured, and what waits does so for a person.
	record := func() (all [][]byte) {
		for _, of := range []string{"/ticks?limit=1000", "/events?limit=1000", "/beads?limit=1000", "/agents", ""} {
			all = append(all, w.must(http.StatusOK, http.MethodGet, at+of, nil).body)
		}
		return all
	}
	before, now := record(), town.TimeOf(time.Now())
	two, yesterday := 2, now.Add(-24*town.Hour)
	for range 2 {
		w.replayed(wire.ReplayQuery{})
		w.replayed(wire.ReplayQuery{From: yesterday, State: "every"})
		w.replayed(wire.ReplayQuery{FromTick: 2, Config: &town.Settings{MaxAgents: &two}})
		for _, q := range []wire.PlanQuery{
			{}, {At: now}, {At: now.Add(24 * town.Hour)}, {Resumed: true},
			{Assume: []wire.AssumedFact{{Type: "bead_released", Bead: first.ID}}},
		} {
			w.must(http.StatusOK, http.MethodPost, at+"/debug/reconcile-dry-run", q)
		}
		w.must(http.StatusOK, http.MethodGet, at+"/debug/bundle", nil)
		w.must(http.StatusOK, http.MethodGet, at+"/debug/why/"+string(first.ID)+"?at="+url.QueryEscape(now.String()), nil)
	}
	for i, after := range record() {
		if !bytes.Equal(before[i], after) {
			t.Errorf("before\n%s\nafter\n%s", before[i], after)
		}
	}
}
