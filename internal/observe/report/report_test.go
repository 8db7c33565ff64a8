package report

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"gastown/internal/observe/sentrytest"
	"gastown/internal/town"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// reporter sends to a receiver without a network, on the bubble's time.
func reporter(t *testing.T) (*Reporter, *sentrytest.Receiver) {
	t.Helper()
	in := sentrytest.New()
	r, err := New(Options{
		DSN: sentrytest.DSN("http://sentry.example"), Environment: "test", Release: "gastown@1", Monitor: DefaultMonitor,
		PublicURL: "https://town.example", Transport: in,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r, in
}

// arrived ends the reporter and returns what arrived, well formed.
func arrived(t *testing.T, r *Reporter, in *sentrytest.Receiver) []sentrytest.Event {
	t.Helper()
	r.Close()
	if f := in.Faults(); len(f) > 0 {
		t.Errorf("malformed: %v", f)
	}
	return in.Events()
}

func tick(no town.TickNo, violations ...town.Violation) *town.Tick {
	return &town.Tick{No: no, RuleSet: 3, Violations: violations}
}

var found = town.Violation{Invariant: 13, Message: "nothing says what gt-3 (molecule) waits for", Kind: town.KindBead, ID: "gt-3", State: town.ViolationAppeared}

// A violation that lasts is told when it appears, each hour, and when it is over.
func TestAViolationIsToldHourlyAndResolved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, in := reporter(t)
		lasts := []town.Violation{found}
		r.Turned("main", tick(5, found), nil, 5, lasts)
		for range 150 { // 2 h 30 min
			time.Sleep(time.Minute)
			r.Turned("main", tick(6), nil, 5, lasts)
		}
		over := found
		over.State, over.Message = town.ViolationResolved, "gt-3 is in order again"
		r.Turned("main", tick(6, over), nil, 6, nil)
		time.Sleep(2 * time.Hour)
		r.Turned("main", tick(7), nil, 6, nil)
		var got []string
		for _, e := range arrived(t, r, in) {
			got = append(got, fmt.Sprint(e.Level, " ", e.Tags["state"], " ", e.Class(), " ", e.Contexts[contextName]["tick"], " ", e.Timestamp.Format("15:04")))
		}
		want := []string{
			"error appeared gastown/invariant/13 5 00:00", "error lasting gastown/invariant/13 5 01:00", "error lasting gastown/invariant/13 5 02:00",
			"info resolved gastown/invariant/13 6 02:30",
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

// What lasted already when the server began is told once more at once, and then each hour.
func TestAViolationIsToldAgainAfterARestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, in := reporter(t)
		for range 90 {
			r.Turned("main", tick(42), nil, 41, []town.Violation{found})
			time.Sleep(time.Minute)
		}
		got := arrived(t, r, in)
		if len(got) != 2 || got[0].Tags["state"] != "lasting" || got[0].Contexts[contextName]["tick"] != 41.0 {
			t.Errorf("%d arrived: %+v", len(got), got)
		}
	})
}

// However many errors of an invariant there were, its end is told.
func TestAnEndIsToldAfterAFlood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, in := reporter(t)
		for range 20 {
			r.Turned("main", tick(5, found), nil, 5, []town.Violation{found})
		}
		over := found
		over.State = town.ViolationResolved
		r.Turned("main", tick(6, over), nil, 6, nil)
		got := arrived(t, r, in)
		if n := len(got); n != perKey+2 || got[perKey].Tags["state"] != "resolved" || got[perKey+1].Fingerprint[1] != "held_back" {
			t.Errorf("%d arrived: %+v", n, got)
		}
	})
}

func TestAReportHasAllThatItMust(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, in := reporter(t)
		mended := town.Violation{Invariant: 7, Message: "toast works on nothing", Kind: town.KindAgent, ID: "toast", State: town.ViolationAppeared, Recovered: true}
		r.Turned("main", tick(9, mended), nil, 9, nil)
		got := arrived(t, r, in)
		if len(got) != 1 {
			t.Fatalf("%d arrived, want one: what was mended at once never lasts", len(got))
		}
		e := got[0]
		want := map[string]any{
			"invariant": 7.0, "message": "toast works on nothing", "townId": "main", "entityKind": "agent", "entityId": "toast",
			"tick": 9.0, "ruleSet": 3.0, "recovered": true, "replay": "https://town.example/towns/main/replay?fromTick=9&toTick=9",
		}
		if fmt.Sprint(e.Contexts) != fmt.Sprint(map[string]map[string]any{contextName: want}) {
			t.Errorf("contexts %v, want %v", e.Contexts, want)
		}
		if e.Class() != "gastown/invariant/7" || e.Level != "error" || e.Release != "gastown@1" || e.Environment != "test" ||
			e.Tags["invariant"] != "7" || e.Tags["town_id"] != "main" || e.Tags["rule_set"] != "3" {
			t.Errorf("%+v", e)
		}
		if e.ServerName != "" || len(e.User)+len(e.Modules)+len(e.Request)+len(e.Extra)+len(e.Breadcrumbs) > 0 {
			t.Errorf("more than allowed: %+v", e)
		}
	})
}

// A flood of one kind leaves a few reports and a summary, and does not keep out what is new.
func TestAFloodIsHeldBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, in := reporter(t)
		go r.Run(t.Context())
		for i := range 10_000 {
			if i == 5000 {
				r.Journal("main", "full")
			}
			r.Panicked("request", "", errors.New("always"))
			time.Sleep(100 * time.Microsecond)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		counts := map[string]int{}
		var held any
		for _, e := range in.Events() {
			kind := e.Fingerprint[1]
			counts[kind]++
			if kind == "held_back" {
				held = e.Contexts[contextName]["heldBack"]
			}
		}
		if counts["panic"] > 5 || counts["panic"] == 0 || counts["journal"] != 1 || counts["held_back"] != 1 || len(counts) != 3 {
			t.Errorf("arrived: %v", counts)
		}
		if held != float64(10_000-counts["panic"]) {
			t.Errorf("the summary speaks of %v", held)
		}
		r.Close()
	})
}

// Also when as much as may be has been sent in total, the first of a kind passes; and after an hour all
// is as before.
func TestTheFirstOfAKindAlwaysPasses(t *testing.T) {
	t.Parallel()
	l, now := newLimiter(), time.Unix(0, 0)
	sent := 0
	for i := range 10 * inTotal {
		if !l.allow(fmt.Sprint("kind ", i), now) {
			t.Fatalf("the first of kind %d was held back", i)
		}
		if l.allow(fmt.Sprint("kind ", i), now) {
			sent++
		}
	}
	if sent >= inTotal {
		t.Errorf("%d passed beside the first ones", sent)
	}
	if total, list := l.take(now, false); total != 10*inTotal-sent || len(list) != total {
		t.Errorf("held back %d, in %d kinds", total, len(list))
	}
	if total, _ := l.take(now.Add(2*summaryEvery), false); total != 0 {
		t.Errorf("%d were told twice", total)
	}
	l.allow("kind 0", now)
	if total, _ := l.take(now.Add(summaryEvery-1), false); total != 0 {
		t.Errorf("%d were told soon after the last summary", total)
	}
	if total, _ := l.take(now.Add(summaryEvery), false); total != 1 {
		t.Errorf("%d were told when it was time again, want 1", total)
	}
	if !l.allow("kind 0", now.Add(window)) {
		t.Error("held back after the window")
	}
}

// One check-in a minute says whether the loops turn, however many ticks there are.
func TestCheckIns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, in := reporter(t)
		go r.Run(t.Context())
		r.Begins("main")
		for range 600 { // ten minutes
			r.Turned("main", tick(1), nil, 1, nil)
			time.Sleep(time.Second)
		}
		synctest.Wait()
		list := in.CheckIns()
		if len(list) != 10 {
			t.Errorf("%d check-ins in ten minutes", len(list))
		}
		for i, c := range list {
			if c.Status != "ok" || c.Monitor != DefaultMonitor || c.Config["checkin_margin"] == nil {
				t.Errorf("check-in %d: %+v", i, c)
			}
			if i > 0 && c.At.Sub(list[i-1].At) < time.Minute {
				t.Errorf("check-in %d after %s", i, c.At.Sub(list[i-1].At))
			}
		}
		time.Sleep(5 * time.Minute) // the loop stands
		synctest.Wait()
		if list = in.CheckIns(); len(list) != 15 || list[14].Status != "error" {
			t.Errorf("a loop that stands: %+v", list)
		}
		if got := arrived(t, r, in); len(got) != 0 {
			t.Errorf("events %+v", got)
		}
	})
}

// Effects are told of when they fail five times in a row with one class, and again after an hour.
func TestEffectsThatFailRepeatedly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, in := reporter(t)
		start := &town.Effect{Kind: town.EffectDispatch, Agent: "toast", Bead: "gt-1", Run: 4}
		for range 3 {
			for range inARow - 1 {
				r.Effect("main", start, "git_network")
			}
			r.Effect("main", start, "") // succeeds
		}
		for i := range 2 * (inARow - 1) { // two classes in turn are no repetition
			r.Effect("main", start, []string{"git_network", "workspace"}[i%2])
		}
		r.Effect("main", start, "")
		for range 3 * inARow {
			r.Effect("main", start, "git_network")
			r.Effect("other", start, "")
			r.Effect("main", &town.Effect{Kind: town.EffectStop}, "")
		}
		time.Sleep(repeatEvery)
		r.Effect("main", start, "git_network")
		got := arrived(t, r, in)
		if len(got) != 2 || got[0].Class() != "gastown/effect/"+string(town.EffectDispatch)+"/git_network" {
			t.Fatalf("%+v", got)
		}
		if c := got[0].Contexts[contextName]; c["inARow"] != 5.0 || c["agent"] != "toast" || c["bead"] != "gt-1" || c["townId"] != "main" {
			t.Errorf("%v", c)
		}
	})
}

// Nothing is sent without a DSN, also if the environment has one for the SDK, and nil is a Reporter.
func TestWithoutDSN(t *testing.T) {
	t.Setenv("SENTRY_DSN", sentrytest.DSN("http://sentry.example"))
	in := sentrytest.New()
	r, err := New(Options{Transport: in, Monitor: "m"})
	if err != nil || r != nil {
		t.Fatalf("%v, %v", r, err)
	}
	r.Begins("main")
	r.Turned("main", tick(1, found), nil, 1, []town.Violation{found})
	r.Effect("main", &town.Effect{}, "x")
	r.Journal("main", "full")
	r.Panicked("request", "", "x")
	r.Run(t.Context())
	func() { defer r.Crashing("loop", "main") }()
	r.Close()
	if raw := in.Raw(); raw != "" {
		t.Errorf("sent: %s", raw)
	}
}

func TestRejectedEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, in := reporter(t)
		tk := tick(8)
		tk.Events = []town.EventOutcome{
			{Seq: 1, Type: "bead_held", Verdict: town.Rejected, Code: town.CodeNotFound, Reason: "there is no hunter2"},
			{Seq: 2, Type: "dispatch_accepted", Verdict: town.Rejected, Code: town.CodeInvalid},
			{Seq: 3, Type: "agent_done", Verdict: town.Ignored, Code: town.CodeConflict},
			{Seq: 4, Type: "bead_held", Verdict: town.Applied},
		}
		events := []town.Event{{By: "admin", Bead: "hunter2"}, {By: "effect", Agent: "toast", Run: 2}, {By: "toast"}, {By: "admin"}}
		r.Turned("main", tk, events, 8, nil)
		got := arrived(t, r, in)
		if len(got) != 2 || got[0].Class() != "gastown/rejected/bead_held/"+town.CodeNotFound || got[0].Level != "warning" ||
			got[1].Level != "error" || got[1].Contexts[contextName]["agent"] != "toast" || got[1].Contexts[contextName]["seq"] != 2.0 ||
			got[1].Contexts[contextName]["replay"] != "https://town.example/towns/main/replay?fromTick=8&toTick=8" {
			t.Errorf("%+v", got)
		}
		if strings.Contains(in.Raw(), "hunter2") {
			t.Error("the reason, or a word that names nothing, was sent")
		}
	})
}
