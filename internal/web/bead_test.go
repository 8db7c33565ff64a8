package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"gastown/internal/town"
)

// A bead's page says what it waits for and until when, and leads into the replay of each thing that
// happened to it.
func TestTheLifeOfABead(t *testing.T) {
	t.Parallel()
	s, at := stuck(t)
	w := open(t, s)
	w.login()
	a := w.page("/towns/main/beads/gt-2a")
	a.says("h1", "Greet the world")
	a.says(".state", "open", "high priority")
	a.says("#why [data-wait=back_off]", "back-off")
	a.says("#why", "back-off", "beads/dispatch", "Looked at again by itself in")
	a.says("#attempts", "run 1", "agent lost", "fault of the agent", "git_network: no route to git.example", "fault of the infrastructure")
	a.says("#life", "bead created", "heartbeat lost", "in progress → open")
	leads := false
	for _, n := range a.all("#life a[title]") {
		leads = leads || attr(n, "href") == tickAddress(at)
	}
	if !leads {
		t.Errorf("nothing leads to tick %d", at)
	}
	w.page(attr(a.one("#life .whole"), "href")) // all of these ticks

	a = w.page("/towns/main/beads/" + string(escalation(s)))
	a.says("h1", "The breaker of rig:web is open")
	a.form("/towns/main/beads/" + string(escalation(s)) + "/acknowledge")
	if a := w.get("/towns/main/beads/gt-404"); a.code != http.StatusNotFound {
		t.Errorf("a bead that is not: %d", a.code)
	}
}

func escalation(s *story) town.BeadID {
	for _, b := range s.s.Beads() {
		if b.Escalation != nil {
			return b.ID
		}
	}
	s.t.Fatal("there is no escalation")
	return ""
}

// A bead that has gone to the archive still has its page, and its life as far as that is kept.
func TestAnArchivedBead(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.begins(1)
	s.step(town.Second, town.Event{Payload: &town.TownPaused{}})
	s.step(town.Second, town.Event{By: "ann", Payload: &town.BeadCreated{Beads: []town.NewBead{{Title: "Old", Body: "Of old."}}}})
	s.step(town.Second, town.Event{Bead: "gt-3a", By: "ann", Payload: &town.BeadCancelled{Reason: "too old"}})
	s.rest(169 * town.Hour)
	if s.s.Bead("gt-3a") != nil {
		t.Fatal("it is not in the archive")
	}
	w := open(t, s)
	w.login()
	a := w.page("/towns/main/beads/gt-3a")
	a.says("header.head", "in the archive", "Old", "closed")
	a.says("#life", "bead cancelled", "archive bead")
	if n := len(a.all(".acts")); n != 0 {
		t.Error("something can be done to it")
	}
}

// A long life is told in parts, none of which is lost or told twice.
func TestALongLifeInParts(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.begins(1)
	s.step(town.Second, town.Event{Payload: &town.TownPaused{}})
	s.step(town.Second, town.Event{Payload: &town.BeadCreated{Beads: []town.NewBead{{Title: "Long"}}}})
	for i := range 60 {
		title := fmt.Sprint("Title ", i)
		s.step(town.Second, town.Event{Bead: "gt-3a", Payload: &town.BeadUpdated{Title: &title}})
	}
	w := open(t, s)
	w.login()
	newest := w.page("/towns/main/beads/gt-3a")
	older := w.page(attr(newest.one("#life a[rel=prev]"), "href"))
	if n, m := len(newest.all("ol.life li")), len(older.all("ol.life li")); n != 50 || m != 11 {
		t.Errorf("%d things are told, and %d before that", n, m)
	}
	if len(older.all("#life a[rel=prev]")) != 0 {
		t.Error("something was before its beginning")
	}
	for _, bad := range []string{"x", "1", "1.x", "99999999999999999999.1"} {
		if a := w.get("/towns/main/beads/gt-3a?before=" + bad); a.code != http.StatusUnprocessableEntity {
			t.Errorf("before=%s: %d", bad, a.code)
		}
	}
}

// Whatever people and agents write is text on every page, and links lead only where a browser may go.
func TestHostileTexts(t *testing.T) {
	t.Parallel()
	const evil = `<script>alert(1)</script><img src=x onerror=alert(1)>"'--></title>{{.}}`
	s := newStory(t)
	s.begins(1)
	s.step(town.Second, town.Event{Payload: &town.BeadCreated{Beads: []town.NewBead{{
		Title: evil, Body: evil, Labels: []string{"a<b"}, Metadata: map[string]string{"k<k": evil},
	}}, Convoy: &town.NewConvoy{Title: evil}}})
	s.step(town.Second, town.Event{Agent: "toast", Run: 1, By: "effect", Payload: &town.DispatchAccepted{}})
	s.step(town.Second, town.Event{Agent: "toast", Run: 1, By: "toast", Payload: &town.AgentStatusLine{Line: evil}})
	s.step(town.Second, town.Event{Agent: "toast", Run: 1, By: "toast", Payload: &town.AgentEscalated{Severity: "high", Category: "x<y", Message: evil}})
	w := open(t, s)
	w.login()
	paths := []string{"/towns/main", "/towns/main/parts"}
	for no := range s.s.Tick() {
		paths = append(paths, fmt.Sprintf("/towns/main/replay?tick=%d", no+1))
	}
	for _, b := range s.s.Beads() {
		paths = append(paths, "/towns/main/beads/"+string(b.ID))
	}
	shown := 0
	for _, path := range paths {
		a := w.page(path)
		for _, n := range a.all("script") {
			if attr(n, "src") == "" {
				t.Errorf("%s: a text became a script", path)
			}
		}
		for _, sel := range []string{"img", "[onerror]", "iframe"} {
			if len(a.all(sel)) != 0 {
				t.Errorf("%s: a text became %s", path, sel)
			}
		}
		for _, n := range a.all("a[href]") {
			if u, err := url.Parse(attr(n, "href")); err != nil || u.Host != "" || u.Scheme != "" {
				t.Errorf("%s leads to %q", path, attr(n, "href"))
			}
		}
		if strings.Contains(text(a.doc), "alert(1)") {
			shown++
		}
	}
	if shown < 6 {
		t.Errorf("the text is on %d of %d pages: the test looks at the wrong ones", shown, len(paths))
	}
}
