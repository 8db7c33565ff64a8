package web_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// A bead got stuck: its agent fell silent while nobody knew whether it had been started. A person opens
// the last tick, steps back with the keys to the one in which that happened, and sees it.
func TestSteppingToWhereABeadGotStuck(t *testing.T) {
	t.Parallel()
	s, at := stuck(t)
	w := open(t, s)
	b := newTab(t)
	b.login(w.url+"/towns/main/replay", w.token)
	last := s.s.Tick()
	b.until(onTick(last))
	if got := b.text("#actions"); !strings.Contains(got, "open_breaker") {
		t.Errorf("in the last tick was decided:\n%s", got)
	}
	if got := b.text("[data-bead=gt-2a]"); !strings.Contains(got, "back-off") {
		t.Errorf("gt-2a at the end:\n%s", got)
	}

	began := eval[float64](b, "performance.timeOrigin")
	for no := last - 1; no >= at; no-- {
		b.do(chromedp.KeyEvent(kb.ArrowLeft))
		b.until(onTick(no))
	}
	for selector, want := range map[string][]string{
		"#moment-h":            {fmt.Sprint("Tick ", at)},
		"#verdict":             {"agrees"},
		"#events":              {"heartbeat_lost", "observer about toast, run 1", "applied"},
		"#actions":             {"transition_bead", "in progress → open", "its agent was lost", "agents/idle-hooked"},
		"#changed":             {"status", "in_progress", "open", "agent_lost"},
		"[data-bead='gt-2a']":  {"Greet the world", "back-off 30s (attempt 1 of 5)", "changed"},
		"[data-agent='toast']": {"idle", "no heartbeat"},
		"[data-column='open']": {"6"},
		"#said":                {"1 event, 4 actions, 0 violations"},
	} {
		b.says(selector, want...)
	}
	if now := eval[float64](b, "performance.timeOrigin"); now != began {
		t.Error("stepping has loaded the page anew")
	}
	if got := eval[string](b, "document.querySelector('#slider').value"); got != fmt.Sprint(at) {
		t.Errorf("the slider stands at %s", got)
	}

	// Whoever gets the address sees the same moment, without script too.
	shared := eval[string](b, "location.pathname + location.search")
	w.login()
	w.page(shared).says("#moment-h", fmt.Sprint("Tick ", at))

	// One tick before, the agent was at work on it.
	b.do(chromedp.KeyEvent(kb.ArrowLeft))
	b.until(onTick(at - 1))
	if got := b.text("[data-column='in progress'] [data-bead=gt-2a]"); !strings.Contains(got, "toast works on it") {
		t.Errorf("before, gt-2a said %q", got)
	}
}

// The keys stop at the ends, and the links, the slider and the bars do the same without a new page.
func TestWaysToStep(t *testing.T) {
	t.Parallel()
	s, _ := stuck(t)
	w := open(t, s)
	b := newTab(t)
	b.login(w.url+"/towns/main/replay", w.token)
	last := s.s.Tick()
	b.until(onTick(last))
	began := eval[float64](b, "performance.timeOrigin")
	b.do(chromedp.KeyEvent(kb.Home))
	b.until(onTick(1))
	b.do(chromedp.KeyEvent(kb.ArrowLeft), chromedp.KeyEvent(kb.ArrowRight))
	b.until(onTick(2))
	b.do(chromedp.Click("[data-step=next]"))
	b.until(onTick(3))
	b.do(chromedp.Focus("#slider"), chromedp.KeyEvent(kb.End))
	b.until(onTick(last))
	b.do(chromedp.Click(".bars.events a:nth-of-type(5)"))
	b.until(onTick(5))
	if now := eval[float64](b, "performance.timeOrigin"); now != began {
		t.Error("the slider or a bar has loaded the page anew")
	}
}

func onTick(no town.TickNo) string {
	return fmt.Sprintf(`document.querySelector("#moment")?.dataset.tick === "%d"`, no)
}

// Every step is a link, so that nobody needs script, and the time line has a bar for each tick.
func TestReplayWithoutScript(t *testing.T) {
	t.Parallel()
	s, at := stuck(t)
	w := open(t, s)
	w.login()
	a := w.page(tickAddress(at))
	for name, want := range map[string]town.TickNo{"first": 1, "previous": at - 1, "next": at + 1, "last": s.s.Tick()} {
		next := w.page(attr(a.one("[data-step="+name+"]"), "href"))
		next.says("#moment-h", fmt.Sprint("Tick ", want))
	}
	bars := a.all(".bars.events a")
	if len(bars) != int(s.s.Tick()) {
		t.Fatalf("%d bars for %d ticks", len(bars), s.s.Tick())
	}
	w.page(attr(bars[2], "href")).says("#moment-h", "Tick 3")
	if list := w.page(attr(a.one("[data-step=first]"), "href")).all("[data-step=previous]"); len(list) != 0 {
		t.Error("something is before the first tick")
	}
	// The slider's form keeps the part.
	if got := attr(a.one("form.slide input[name=toTick]"), "value"); got != fmt.Sprint(s.s.Tick()) {
		t.Errorf("the slider goes to tick %s", got)
	}
}

func TestPartsOfTheHistory(t *testing.T) {
	t.Parallel()
	s, at := stuck(t)
	w := open(t, s)
	w.login()
	from := begin.Add(2 * town.Second)
	q := fmt.Sprintf("/towns/main/replay?from=%s&to=%s", from, from.Add(town.Second))
	if got := len(w.page(q).all(".bars.events a")); got != 2 {
		t.Errorf("two seconds have %d ticks", got)
	}
	w.page("/towns/main/replay?from=2026-09-21T14:13:22&to=2026-09-21T14:13:23").says("#moment-h", "Tick 3")
	w.page("/towns/main/replay?to=2026-09-21T14:13:23").says("#moment-h", "Tick 4")
	w.page(fmt.Sprintf("/towns/main/replay?fromTick=2&toTick=4&tick=%d", at+5)).says("#moment-h", "Tick 4")
	for q, want := range map[string]string{
		"from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z": "The history begins at",
		"from=2030-01-01T00:00:00Z":                         "Nothing happened in that time",
		"fromTick=900&toTick=901":                           "There is no such tick yet.",
	} {
		w.page("/towns/main/replay?"+q).says("#main", want)
		if a := w.get("/towns/main/replay/moment?tick=1&" + q); a.code != http.StatusNotFound && !strings.Contains(q, "from=2030") {
			t.Errorf("a moment of %s: %d", q, a.code)
		}
	}
	for q, want := range map[string]string{
		"from=yesterday":                "from: is \"yesterday\"",
		"from=2030-01-01&to=2029-01-01": "to: must be after from",
		"fromTick=5&toTick=2":           "toTick: must not be before fromTick",
		"fromTick=x":                    "fromTick: is \"x\"",
		"tick=-1":                       "tick: is \"-1\"",
		"from=2030-01-01&fromTick=2":    "not as both",
	} {
		if a := w.get("/towns/main/replay?" + q); a.code != http.StatusUnprocessableEntity || !strings.Contains(text(a.one("#main")), want) {
			t.Errorf("%s: %d %s", q, a.code, text(a.one("#main")))
		}
	}
	if a := w.get("/towns/nowhere/replay"); a.code != http.StatusNotFound {
		t.Errorf("a town that is not: %d", a.code)
	}
	w.page("/towns/main/replay?from=&to=").says("#moment-h", fmt.Sprint("Tick ", s.s.Tick()))
}

// Events may bring secrets that somebody wrote out against advice: a replay shows that there was
// something, and not what.
func TestReplayHidesSecrets(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.begins(1)
	s.step(town.Second, town.Event{Payload: &town.TownConfigured{Settings: town.Settings{Notify: &town.NotifySettings{Webhooks: []string{"https://hooks.example/s3cr3t"}}}}})
	w := open(t, s)
	w.login()
	for tick, want := range map[int]string{1: "DSN", 2: "webhooks"} {
		a := w.page(fmt.Sprintf("/towns/main/replay?tick=%d", tick))
		for _, secret := range []string{"hunter2", "s3cr3t"} {
			if strings.Contains(a.text, secret) {
				t.Errorf("tick %d shows %s", tick, secret)
			}
		}
		if !strings.Contains(a.text, want) || !strings.Contains(a.text, "•••") {
			t.Errorf("tick %d does not say that %s was set", tick, want)
		}
	}
}

// edited is a journal in which somebody has changed the reason of a decision.
type edited struct {
	journal.Journal
	tick town.TickNo
}

func (e edited) Ticks(ctx context.Context, id town.TownID, f journal.TickFilter) ([]*town.Tick, error) {
	list, err := e.Journal.Ticks(ctx, id, f)
	for _, t := range list {
		if t.No == e.tick {
			t.Actions[0].Reason = "because <I> say so"
		}
	}
	return list, err
}

// Where the record is not what the rules come to, the page says so, field by field, and shows the record.
func TestAReplayThatDiffers(t *testing.T) {
	t.Parallel()
	s, at := stuck(t)
	w := openAs(t, s, edited{s.j, at})
	w.login()
	a := w.page(tickAddress(at))
	a.says("#verdict", "recomputed, differs in 1")
	a.says("#differences", "actions[0].reason", "because <I> say so", "no heartbeat for 1m30s")
	a.says("#actions", "because <I> say so")
	a.says("[data-column=open]", "gt-2a")
	a = w.page(tickAddress(at - 1))
	a.says("#verdict", "recomputed, agrees")
	if len(a.all("#differences")) != 0 {
		t.Error("a tick that agrees has differences")
	}
}
