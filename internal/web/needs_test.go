package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"golang.org/x/net/html"

	"gastown/internal/town"
)

// needy is a town in which everything that can need a person does. It returns what does by its name.
func needy(t *testing.T) (*story, map[string]town.BeadID) {
	t.Helper()
	s := newStory(t)
	s.begins(1)
	yes := true
	ids := map[string]town.BeadID{}
	made := func(name string, e town.Event) {
		t.Helper()
		ids[name] = town.BeadID(s.step(town.Second, e).Events[0].Made[0])
	}
	title := func(name string) []town.NewBead { return []town.NewBead{{Title: name}} }
	made("silent", town.Event{By: "ann", Payload: &town.BeadCreated{Beads: title("Talk to nobody")}})
	s.step(town.Second, town.Event{Agent: "toast", Run: 1, By: "effect", Payload: &town.DispatchAccepted{}},
		town.Event{Agent: "toast", Run: 1, By: "observer", Payload: &town.ContainerStatus{Status: town.Running}})
	made("failed", town.Event{By: "ann", Payload: &town.BeadCreated{Beads: title("Do what cannot be done")}})
	s.step(town.Second, town.Event{Bead: ids["failed"], By: "ann", Payload: &town.BeadCancelled{As: town.Failed, Reason: "it cannot be done"}})
	made("held", town.Event{By: "ann", Payload: &town.BeadCreated{Beads: title("Wait for Monday")}})
	s.step(town.Second, town.Event{Bead: ids["held"], By: "ann", Payload: &town.BeadHeld{Reason: "not before Monday"}})
	made("convoy", town.Event{By: "ann", Payload: &town.BeadCreated{Convoy: &town.NewConvoy{Title: "Move house", Staged: &yes}, Beads: []town.NewBead{
		{Key: "pack", Title: "Pack"}, {Key: "drive", Title: "Drive", DependsOn: []string{"pack"}}, {Key: "rest", Title: "Rest", DependsOn: []string{"drive", "pack"}},
	}}})
	made("message", town.Event{Agent: "toast", Run: 1, By: "toast", Payload: &town.MessageSent{To: town.ToPeople, Subject: "I am here", Body: "And think."}})
	made("escalation", town.Event{Agent: "toast", Run: 1, By: "toast", Payload: &town.AgentEscalated{Severity: town.SeverityHigh, Category: "help", Message: "Where is the key?"}})
	s.step(town.Second, town.Event{Agent: "toast", Run: 1, By: "observer", Payload: &town.ActivityStopped{Since: s.now}})
	s.rest(61 * town.Minute)
	for _, b := range s.s.Beads() {
		if b.Triage != nil {
			ids["triage"] = b.ID
		}
	}
	if ids["triage"] == "" {
		t.Fatal("triage was not asked about the silent agent")
	}
	return s, ids
}

// What needs a person is listed with the buttons that settle it, and each does what it says.
func TestNeedsYou(t *testing.T) {
	t.Parallel()
	s, ids := needy(t)
	w := open(t, s)
	w.login()
	state := func(name string) (b *town.Bead) {
		_ = w.towns.Read("main", func(st *town.State) { b = st.Bead(ids[name]) })
		return b
	}
	for _, x := range []struct {
		name, command string
		fill          url.Values
		shows         []string
		settled       func(*town.Bead) bool
	}{
		{"escalation", "acknowledge", nil, []string{"escalation", "Where is the key?"}, func(b *town.Bead) bool { return b.Escalation.Acknowledged != 0 }},
		{"triage", "resolve", url.Values{"option": {"none"}, "note": {"it thinks"}}, []string{"triage", "Decide"},
			func(b *town.Bead) bool {
				return b.Triage.Resolution == town.ResolveNone && b.Triage.Note == "it thinks"
			}},
		{"failed", "retry", nil, []string{"failed", "it cannot be done"}, func(b *town.Bead) bool { return b.Status == town.Open }},
		{"convoy", "start", nil, []string{"convoy not started", "Move house"}, func(b *town.Bead) bool { return !b.Convoy.Staged }},
		{"held", "release", nil, []string{"held", "not before Monday"}, func(b *town.Bead) bool { return b.Held == 0 }},
		{"message", "read", nil, []string{"message", "I am here", "And think."}, func(b *town.Bead) bool { return !b.Live() }},
	} {
		need := "[data-need=" + string(ids[x.name]) + "]"
		a := w.page("/towns/main")
		a.says(need, x.shows...)
		action := "/towns/main/beads/" + string(ids[x.name]) + "/" + x.command
		form := a.form(action)
		for k, v := range x.fill {
			form[k] = v
		}
		done := w.post(action, form)
		if done.code != http.StatusSeeOther || done.head.Get("Location") != "/towns/main" {
			t.Fatalf("%s: %d %s", action, done.code, done.text)
		}
		if b := state(x.name); b == nil || !x.settled(b) {
			t.Errorf("%s did not do that: %+v", action, b)
		}
		after := w.page("/towns/main")
		if n := after.all(".notice"); len(n) != 1 || strings.Contains(attr(n[0], "class"), "refused") || !strings.Contains(text(n[0]), string(ids[x.name])) {
			t.Errorf("after %s the page says %v", action, words(n))
		}
		if len(after.all(need)) != 0 {
			t.Errorf("%s is still listed after %s", x.name, x.command)
		}
		// Pressing it again, as on a page that is not new any more, is the same press.
		w.post(action, form)
		if b := state(x.name); !x.settled(b) {
			t.Errorf("a second press has undone %s", action)
		}
		w.page("/towns/main")
	}
	if a := w.page("/towns/main"); !strings.Contains(text(a.one("#needs")), "Nothing needs you.") {
		t.Errorf("still needed: %s", text(a.one("#needs")))
	}
}

func words(list []*html.Node) (out []string) {
	for _, n := range list {
		out = append(out, text(n))
	}
	return out
}

// A command that the town refuses says why, on the page it came from, once.
func TestRefusedCommands(t *testing.T) {
	t.Parallel()
	s, ids := needy(t)
	w := open(t, s)
	w.login()
	page := "/towns/main/beads/" + string(ids["triage"])
	form := w.page(page).form(page + "/resolve")
	form.Set("option", "hold everything")
	if a := w.post(page+"/resolve", form); a.head.Get("Location") != page {
		t.Errorf("it leads to %q", a.head.Get("Location"))
	}
	w.page(page).says(".notice.refused", "Refused:")
	if n := w.page(page).all(".notice"); len(n) != 0 {
		t.Errorf("it is said twice: %v", words(n))
	}

	failed := "/towns/main/beads/" + string(ids["failed"])
	form = w.page(failed).form(failed + "/retry")
	w.post(failed+"/retry", form)
	w.page(failed).says(".notice", "is tried again")
	form.Set("key", "0199aaaa-0000-7000-8000-000000000001")
	w.post(failed+"/retry", form)
	if n := w.page(failed).all(".notice"); len(n) != 1 || !strings.Contains(text(n[0]), "open") {
		t.Errorf("a retry of what is open says %v", words(n))
	}
	for path, want := range map[string]int{
		failed + "/explode": http.StatusNotFound, "/towns/main/explode": http.StatusNotFound, "/towns/other/pause": http.StatusNotFound,
	} {
		if a := w.post(path, form); a.code != want {
			t.Errorf("%s: %d, want %d", path, a.code, want)
		}
	}
	form.Set("key", "mine")
	if a := w.post(failed+"/retry", form); a.code != http.StatusBadRequest {
		t.Errorf("a key of no form: %d", a.code)
	}
}

// The same with a mouse: the buttons are where people look for them.
func TestPressingAButton(t *testing.T) {
	t.Parallel()
	s, ids := needy(t)
	w := open(t, s)
	b := newTab(t)
	b.login(w.url+"/", w.token)
	need := `[data-need="` + string(ids["escalation"]) + `"]`
	b.until("document.querySelector(" + quote(need) + ")")
	b.do(chromedp.Click(need + " button"))
	b.until(`document.querySelector(".notice")?.innerText.includes("was acknowledged") && !document.querySelector(` + quote(need) + `)`)

	// While somebody fills a form in, news leaves it alone.
	need = `[data-need="` + string(ids["triage"]) + `"]`
	b.do(chromedp.SendKeys(need+" input[name=note]", "I look at it"))
	if _, err := w.towns.Submit(t.Context(), "main", town.Event{Bead: ids["held"], Type: "bead_released", By: "ann", Payload: &town.BeadReleased{}}); err != nil {
		t.Fatal(err)
	}
	b.until(`!document.querySelector("#waits").innerText.includes("held by a person")`)
	if got := eval[string](b, "document.querySelector("+quote(need+" input[name=note]")+").value"); got != "I look at it" {
		t.Errorf("the note is %q", got)
	}
	b.do(chromedp.SetValue(need+" select", "none"), chromedp.Click(need+" button"))
	b.until(`document.querySelector(".notice")?.innerText.includes("was decided") && !document.querySelector(` + quote(need) + `)`)
	if got := b.text("[data-need='" + string(ids["held"]) + "']"); got != "" {
		t.Errorf("what was released needs somebody: %s", got)
	}
}

// When a session ends while its page is open, the page leads to the login, and from there back.
func TestASessionThatEndsUnderAPage(t *testing.T) {
	t.Parallel()
	s, ids := needy(t)
	w := open(t, s)
	b := newTab(t)
	b.login(w.url+"/towns/main", w.token)
	b.until(`document.querySelector("#live")?.innerText.startsWith("Live")`)
	w.later(25 * time.Hour)
	w.srv.CloseClientConnections()
	b.until(`document.querySelector("#token")`)
	b.do(chromedp.SendKeys("#token", w.token), chromedp.Click("form[action='/login'] button"))
	b.until(`document.querySelector("[data-need='` + string(ids["held"]) + `']")`)
}
