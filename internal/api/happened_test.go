package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"gastown/internal/town"
	"gastown/internal/wire"
)

// The history of a bead comes in parts that fit together, and why shows the end of it.
func TestHistoryInParts(t *testing.T) {
	t.Parallel()
	w := withRig(t)
	bead := string(w.sling("x").ID)
	for range 6 {
		w.must(http.StatusOK, http.MethodPost, at+"/beads/"+bead+"/hold", `{"reason":"not today"}`)
		w.must(http.StatusOK, http.MethodPost, at+"/beads/"+bead+"/release", nil)
	}
	part := func(query string) (h wire.History) {
		t.Helper()
		w.must(http.StatusOK, http.MethodGet, at+"/history/"+bead+query, nil).into(&h)
		return h
	}
	all := part("").Happened
	if n := len(all); n != 13 || all[0].What != "bead_created" || all[1].Reason != "not today" || all[1].By != "admin" {
		t.Fatalf("%d things happened: %+v", n, all)
	}
	for _, limit := range []int{1, 5, 13, 100} {
		var got []town.Happening
		for before := ""; ; {
			h := part(fmt.Sprintf("?limit=%d%s", limit, before))
			got = append(slices.Clone(h.Happened), got...)
			if h.Next == "" {
				break
			}
			before = "&before=" + h.Next
		}
		if !slices.Equal(got, all) {
			t.Errorf("in parts of %d: %+v", limit, got)
		}
	}
	var why wire.Why
	w.must(http.StatusOK, http.MethodGet, at+"/debug/why/"+bead, nil).into(&why)
	if !slices.Equal(why.Recent, all[8:]) || why.Summary == "" || len(why.Waits) == 0 {
		t.Errorf("why tells %+v", why)
	}
}

// The document says what why and history answer with.
func TestDocumentHasHistory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var doc struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]any
			}
		}
	}
	w.do("", http.MethodGet, "/openapi.json", nil).into(&doc)
	for schema, fields := range map[string][]string{
		"WhyDocument": {"summary", "waits", "recent"}, "HistoryDocument": {"happened", "next"},
		"Happening": {"tick", "part", "at", "what", "by", "from", "to", "agent", "bead", "run", "reason", "outcome"},
	} {
		for _, f := range fields {
			if doc.Components.Schemas[schema].Properties[f] == nil {
				t.Errorf("%s has no %s", schema, f)
			}
		}
	}
}
