package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"gastown/internal/town"
	"gastown/internal/wire"
)

// A request that is repeated with its key gets the first answer; it is done once.
func TestIdempotency(t *testing.T) {
	t.Parallel()
	w := withRig(t)
	key := uuid.NewString()
	first := w.sling("once", "Idempotency-Key", key)
	before := w.now()
	again := w.sling("once", "Idempotency-Key", key)
	if first.ID != again.ID {
		t.Errorf("the same key made %s and %s", first.ID, again.ID)
	}
	if now := w.now(); now != before {
		t.Errorf("the second request has left a trace: %+v, was %+v", now, before)
	}
	if other := w.sling("once"); other.ID == first.ID {
		t.Error("without a key, the second request made nothing")
	}

	// Two at the same time are one, too.
	key = uuid.NewString()
	replies := make(chan *reply, 8)
	for range cap(replies) {
		go func() {
			replies <- w.do(w.admin, http.MethodPost, at+"/beads", town.NewBead{Title: "at once"}, "Idempotency-Key", key)
		}()
	}
	made := map[town.BeadID]bool{}
	for range cap(replies) {
		var b wire.Bead
		(<-replies).into(&b)
		made[b.ID] = true
	}
	if len(made) != 1 || made[""] {
		t.Errorf("the same key made %v", made)
	}
}

// A key stands for one request. Used for another it is a mistake, not an answer to that.
func TestKeyOfAnotherRequest(t *testing.T) {
	t.Parallel()
	w := withRig(t)
	bead := string(w.sling("x").ID)
	key := uuid.NewString()
	w.must(http.StatusOK, http.MethodPost, at+"/beads/"+bead+"/hold", nil, "Idempotency-Key", key)
	before := w.now()
	for _, c := range []struct{ path, body string }{
		{"/beads", `{"title":"y"}`}, {"/convoys", `{"title":"y","tasks":[{"title":"z"}]}`}, {"/beads/" + bead + "/release", ""}, {"/pause", ""},
	} {
		var body any
		if c.body != "" {
			body = c.body
		}
		w.do(w.admin, http.MethodPost, at+c.path, body, "Idempotency-Key", key).problem(http.StatusUnprocessableEntity, "Idempotency-Key", "bead_held")
	}
	if now := w.now(); now != before {
		t.Errorf("something came in: %+v, was %+v", now, before)
	}
	key = uuid.NewString()
	w.sling("one title", "Idempotency-Key", key)
	before = w.now()
	w.do(w.admin, http.MethodPost, at+"/beads", town.NewBead{Title: "another"}, "Idempotency-Key", key).problem(http.StatusUnprocessableEntity, "bead_created")
	w.do(w.admin, http.MethodPost, at+"/pause", nil, "Idempotency-Key", "monday").problem(http.StatusUnprocessableEntity, "Idempotency-Key")
	if now := w.now(); now != before {
		t.Errorf("something came in: %+v, was %+v", now, before)
	}
}

// Pages have every bead exactly once, in order, also with a filter and whatever their size.
func TestPages(t *testing.T) {
	t.Parallel()
	w := withRig(t)
	const many = 250
	tasks := make([]town.NewBead, many)
	for i := range tasks {
		tasks[i].Title = fmt.Sprintf("task %d", i)
		tasks[i].Labels = []string{fmt.Sprintf("third-%d", i%3)}
	}
	w.must(http.StatusCreated, http.MethodPost, at+"/convoys", wire.NewConvoy{Title: "many", Tasks: tasks})
	for query, want := range map[string]int{
		"type=issue&limit=100": many, "type=issue&limit=1": many, "type=issue&limit=250": many, "type=issue&limit=1000": many,
		"type=issue&label=third-0&limit=7": 84, "q=TASK&limit=49": many, "type=issue&status=closed": 0, "limit=50": many + 1,
	} {
		seen, cursor, order := map[town.BeadID]bool{}, "", int64(0)
		for {
			var page wire.BeadPage
			path := at + "/beads?" + query
			if cursor != "" {
				path += "&cursor=" + cursor
			}
			w.must(http.StatusOK, http.MethodGet, path, nil).into(&page)
			for _, b := range page.Beads {
				if seen[b.ID] || b.Order <= order {
					t.Fatalf("%s: %s again, or out of order", query, b.ID)
				}
				seen[b.ID], order = true, b.Order
			}
			if cursor = page.Next; cursor == "" {
				break
			}
			if len(page.Beads) == 0 {
				t.Fatalf("%s: an empty page with a next one", query)
			}
		}
		if len(seen) != want {
			t.Errorf("%s: %d beads, want %d", query, len(seen), want)
		}
	}
}

// stream listens to the stream of a world's town. What it returns waits for the next event of that kind.
func (w *world) stream() func(event string, v any) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	w.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.srv.URL()+at+"/stream", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.admin)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = resp.Body.Close() })
	if kind := resp.Header.Get("Content-Type"); kind != "text/event-stream" {
		w.t.Fatalf("the stream is %q", kind)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	return func(event string, v any) {
		w.t.Helper()
		for lines.Scan() {
			if lines.Text() != "event: "+event {
				continue
			}
			lines.Scan()
			data, ok := strings.CutPrefix(lines.Text(), "data: ")
			if err := json.Unmarshal([]byte(data), v); !ok || err != nil {
				w.t.Fatalf("%q: %v", lines.Text(), err)
			}
			return
		}
		w.t.Fatalf("the stream ended: %v", lines.Err())
	}
}

// The stream tells of a tick as it happens, in the words of the journal.
func TestStream(t *testing.T) {
	t.Parallel()
	w := withRig(t)
	next := w.stream()
	var hello struct{ LastTick town.TickNo }
	next("hello", &hello)
	bead := w.sling("news")
	var tick struct {
		No     town.TickNo `json:"tick"`
		Events []town.EventOutcome
	}
	next("tick", &tick)
	if tick.No <= hello.LastTick || len(tick.Events) != 1 || len(tick.Events[0].Made) != 1 || tick.Events[0].Made[0] != string(bead.ID) {
		t.Errorf("after tick %d the stream told %+v, not of %s", hello.LastTick, tick, bead.ID)
	}
}
