package server_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gastown/internal/journal"
	"gastown/internal/journal/journaltest"
	"gastown/internal/journal/sqlite"
	"gastown/internal/observe/sentrytest"
	"gastown/internal/server"
	"gastown/internal/town"
)

// violation is damage to the records of a town at rest that breaks one invariant, and what the server that loads it must
// say of that.
type violation struct {
	wounds  []journaltest.Wound
	kind    town.Kind
	id      string
	message string
	lasts   bool // it is reported and not repaired at once
}

func bead(id string, edit func(*town.Bead)) journaltest.Wound {
	return journaltest.Wound{Kind: town.KindBead, ID: id, Edit: func(e any) { edit(e.(*town.Bead)) }}
}

func agent(id string, edit func(*town.Agent)) journaltest.Wound {
	return journaltest.Wound{Kind: town.KindAgent, ID: id, Edit: func(e any) { edit(e.(*town.Agent)) }}
}

// another is a new agent, made of one that is there.
func another(id, from string, edit func(*town.Agent)) journaltest.Wound {
	w := agent(id, func(a *town.Agent) {
		a.ID = town.AgentID(id)
		edit(a)
	})
	w.From = from
	return w
}

// broken has a way to break each invariant. The beads are those of a quiet town: toast works on gt-3a and nux on gt-3b,
// refinery-web merges gt-5a, of gt-3c, and gt-5b, of gt-3d, is behind it; gt-3e and gt-3f are held, gt-3g is closed.
func broken(now town.Time) map[int]violation {
	return map[int]violation{
		1: {kind: town.KindAgent, id: "toast", message: "toast holds gt-3g, which is closed",
			wounds: []journaltest.Wound{agent("toast", func(a *town.Agent) { a.Hook = "gt-3g" })}},
		2: {kind: town.KindAgent, id: "toast", message: "toast holds gt-none, which does not exist",
			wounds: []journaltest.Wound{agent("toast", func(a *town.Agent) { a.Hook = "gt-none" })}},
		3: {kind: town.KindRig, id: "web", message: "2 merge requests of web are in progress",
			wounds: []journaltest.Wound{
				bead("gt-5b", func(b *town.Bead) { b.Status, b.Assignee = town.InProgress, "refinery-web-2" }),
				another("refinery-web-2", "refinery-web", func(a *town.Agent) { a.Hook = "gt-5b" }),
			}},
		4: {kind: town.KindBead, id: "gt-3e", message: "gt-3e is in review without a merge request",
			wounds: []journaltest.Wound{bead("gt-3e", func(b *town.Bead) { b.Status = town.InReview })}},
		5: {kind: town.KindBead, id: "gt-3e", message: `gt-3e has the priority "urgent"`,
			wounds: []journaltest.Wound{bead("gt-3e", func(b *town.Bead) { b.Priority = "urgent" })}},
		6: {kind: town.KindAgent, id: "nux", message: "nux holds gt-3a, which toast keeps: its run 1 is the newest that is heard",
			wounds: []journaltest.Wound{agent("nux", func(a *town.Agent) { a.Hook = "gt-3a" })}},
		7: {kind: town.KindAgent, id: "toast", message: "toast works on nothing",
			wounds: []journaltest.Wound{agent("toast", func(a *town.Agent) { a.Hook = "" })}},
		8: {kind: town.KindBead, id: "gt-3e", message: "gt-3e is open, and assigned to toast, which does not hold it",
			wounds: []journaltest.Wound{bead("gt-3e", func(b *town.Bead) { b.Assignee = "toast" })}},
		9: {kind: town.KindDependency, id: "blocks gt-3f gt-3e", message: "gt-3f waits for gt-3e, and that for gt-3f",
			wounds: []journaltest.Wound{{Kind: town.KindDependency, ID: "blocks gt-3f gt-3e", From: "blocks gt-3e gt-3f", Edit: func(e any) {
				d := e.(*town.Dependency)
				d.Bead, d.On, d.Created = d.On, d.Bead, d.Created+1
			}}}},
		10: {kind: town.KindBead, id: "gt-3a", message: "gt-3a is held, and in progress",
			wounds: []journaltest.Wound{bead("gt-3a", func(b *town.Bead) { b.Held = b.Created })}},
		11: {kind: town.KindBead, id: "gt-3e", message: "gt-3e is open after 5 failed attempts",
			wounds: []journaltest.Wound{bead("gt-3e", func(b *town.Bead) {
				for range 5 {
					b.Attempts = append(b.Attempts, town.Attempt{
						Run: 1, Agent: "toast", Started: b.Created, Ended: b.Created, Outcome: town.AttemptFailed, Fault: town.AgentFault,
					})
				}
			})}},
		12: {kind: town.KindBead, id: "gt-3e", message: `gt-3e has the parent "gt-none", and there is none`,
			wounds: []journaltest.Wound{bead("gt-3e", func(b *town.Bead) { b.Parent = "gt-none" })}},
		13: {kind: town.KindBead, id: "gt-3e", message: "nothing says what gt-3e (triage_request) waits for", lasts: true,
			wounds: []journaltest.Wound{
				bead("gt-3e", func(b *town.Bead) {
					b.Type, b.Status, b.Held, b.Assignee = town.TriageRequest, town.InProgress, 0, "triage"
					b.Triage = &town.TriagePart{Kind: town.TriageHelp, Cause: "help", About: "gt-3f"}
				}),
				another("triage", "toast", func(a *town.Agent) { a.Role, a.Rig, a.Hook = town.Triage, "", "gt-3e" }),
			}},
		15: {kind: town.KindBead, id: "gt-3e", message: "gt-3e has a time that is still to come: " + now.Add(town.Hour).String(),
			wounds: []journaltest.Wound{bead("gt-3e", func(b *town.Bead) { b.Updated = now.Add(town.Hour) })}},
		16: {kind: town.KindBead, id: "gt-3e", message: "gt-3e has a counter that cannot be",
			wounds: []journaltest.Wound{bead("gt-3e", func(b *town.Bead) { b.Forgiven = -1 })}},
		17: {kind: town.KindAgent, id: "toast", message: `toast of "api" holds gt-3a of "web"`,
			wounds: []journaltest.Wound{agent("toast", func(a *town.Agent) { a.Rig = "api" })}},
		18: {kind: town.KindBead, id: "gt-3d", message: "gt-3d has 2 live merge requests",
			wounds: []journaltest.Wound{{Kind: town.KindBead, ID: "gt-5x", From: "gt-5b", Edit: func(e any) { e.(*town.Bead).ID = "gt-5x" }}}},
	}
}

// notBrokenByRecords are the invariants that no state breaks.
var notBrokenByRecords = map[int]string{14: "it is about what a tick does, and no record has that"}

// Each invariant is broken by damage to the records of a town that no server has, which a real server then loads, with
// real SQLite: Sentry hears of it once, with all that helps, the total of it is one, the tick that found it has it on
// record with the recovery, and a restart neither reports it again nor loses the total.
func TestEveryViolationIsReportedOnce(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	ran := map[string]bool{}
	t.Cleanup(func() { sameAsNamed(t, ran) })
	now := town.TimeOf(time.Now())
	for number, v := range broken(now) {
		name := fmt.Sprintf("invariant_%d", number)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v.isReported(t, number, now)
			mu.Lock()
			defer mu.Unlock()
			ran[t.Name()] = true
		})
	}
}

// sameAsNamed compares the tests that ran with those that the reference names for the invariants.
func sameAsNamed(t *testing.T, ran map[string]bool) {
	if t.Failed() || strings.Contains(flag.Lookup("test.run").Value.String(), "/") {
		return // not all were asked for
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "reference", "invariants.md"))
	if err != nil {
		t.Error(err)
		return
	}
	named := map[string]bool{}
	for _, m := range regexp.MustCompile("`(Test\\w+/invariant_\\d+)`").FindAllStringSubmatch(string(page), -1) {
		named[m[1]] = true
	}
	if !maps.Equal(named, ran) {
		t.Errorf("the reference names %v\nand there ran %v", slices.Sorted(maps.Keys(named)), slices.Sorted(maps.Keys(ran)))
	}
	for _, inv := range town.Invariants() {
		if (notBrokenByRecords[inv.Number] != "") == ran[fmt.Sprint(t.Name(), "/invariant_", inv.Number)] {
			t.Errorf("invariant %d has no test, nor a reason why not", inv.Number)
		}
	}
}

func (v violation) isReported(t *testing.T, number int, now town.Time) {
	p := newPlace(t)
	p.quietTown(now)
	p.history(func(j journal.Journal) error { return journaltest.Wreck(t.Context(), j, "main", v.wounds...) })
	p.start(p.dsn)
	class := fmt.Sprint("gastown/invariant/", number)
	e := p.in.Await(patience, byClass(class))
	if e == nil {
		t.Fatalf("nothing arrived: %+v\n%s", p.in.Events(), p.log.String())
	}
	text := p.metrics()
	p.stop()
	p.wellFormed()
	v.check(t, number, e)
	for _, other := range p.in.Events() {
		if other.Fingerprint[1] == "invariant" && other.ID != e.ID && other.Level == "error" {
			t.Errorf("there is a second report: %+v", other)
		}
	}
	total, before := fmt.Sprintf(`gastown_invariant_violations_total{invariant="%d",town="main"}`, number), fmt.Sprintf(`gastown_invariant_violations_at_load{invariant="%d",town="main"}`, number)
	if got := series(t, text, total); got != 1 {
		t.Errorf("the total is %v", got)
	}
	if got := series(t, text, before); got != 0 {
		t.Errorf("before the first tick the total was %v", got)
	}
	p.history(func(j journal.Journal) error { return v.onRecord(t, j, number, e) })
	p.start("")
	text = p.metrics()
	p.stop()
	if a, b := series(t, text, total), series(t, text, before); a != 1 || b != 1 {
		t.Errorf("after a restart the total is %v, and was %v when the town was loaded", a, b)
	}
}

// check holds a report to all that it should say.
func (v violation) check(t *testing.T, number int, e *sentrytest.Event) {
	t.Helper()
	tick := e.Contexts["gastown"]["tick"]
	want := map[string]any{
		"invariant": float64(number), "message": v.message, "townId": "main", "entityKind": string(v.kind), "entityId": v.id,
		"tick": tick, "ruleSet": float64(town.RuleSet), "recovered": !v.lasts,
		"replay": fmt.Sprintf("https://town.example/towns/main/replay?fromTick=%v&toTick=%v", tick, tick),
	}
	if fmt.Sprint(e.Contexts["gastown"]) != fmt.Sprint(want) {
		t.Errorf("the context is\n%v, want\n%v", e.Contexts["gastown"], want)
	}
	tags := map[string]string{"invariant": strconv.Itoa(number), "town_id": "main", "rule_set": fmt.Sprint(town.RuleSet), "state": "appeared"}
	if e.Level != "error" || !maps.Equal(e.Tags, tags) {
		t.Errorf("%s %v", e.Level, e.Tags)
	}
}

// onRecord finds the violation in the record of the one tick that found it, beside the actions of its recovery.
func (v violation) onRecord(t *testing.T, j journal.Journal, number int, e *sentrytest.Event) error {
	ticks, err := j.Ticks(t.Context(), "main", journal.TickFilter{Newest: true})
	if err != nil {
		return err
	}
	var found []town.Violation
	for _, rec := range ticks {
		for _, x := range rec.Violations {
			if x.State != town.ViolationAppeared {
				continue
			}
			found = append(found, x)
			if float64(rec.No) != e.Contexts["gastown"]["tick"] {
				t.Errorf("tick %d has it on record, tick %v is reported", rec.No, e.Contexts["gastown"]["tick"])
			}
			if !slices.ContainsFunc(rec.Actions, func(a town.Action) bool {
				return a.Rule == fmt.Sprint("recovery/", number) && a.Reason != "" && a.Broken == ""
			}) {
				t.Errorf("tick %d has no action of recovery/%d: %+v", rec.No, number, rec.Actions)
			}
		}
	}
	want := town.Violation{Invariant: number, Message: v.message, Kind: v.kind, ID: v.id, State: town.ViolationAppeared, Recovered: !v.lasts}
	if len(found) != 1 || found[0] != want {
		t.Errorf("on record is %+v, want %+v", found, want)
	}
	return nil
}

// history has f work on the journal while no server runs.
func (p *place) history(f func(journal.Journal) error) {
	p.t.Helper()
	if err := server.MarkFormat(p.home); err != nil {
		p.t.Fatal(err)
	}
	j, err := sqlite.Open(p.t.Context(), filepath.Join(p.home, "gastown.db"))
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = j.Close() }()
	if err := f(j); err != nil {
		p.t.Fatal(err)
	}
}

// metrics is what a scrape of the server gets.
func (p *place) metrics() string {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.srv.URL()+"/metrics", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.admin)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		p.t.Fatalf("%d %v", resp.StatusCode, err)
	}
	return string(text)
}

func series(t *testing.T, text, name string) float64 {
	t.Helper()
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	t.Fatalf("there is no %s", name)
	return 0
}

// quietTown has a town lead a short life in the journal, up to ten minutes ago, without a server. It is paused at its
// end, so that the server that takes it over starts nothing.
func (p *place) quietTown(now town.Time) {
	p.t.Helper()
	p.history(func(j journal.Journal) error {
		at := now.Add(-10 * town.Minute)
		s := town.New("main", "Main", "testtownaaaaaaaaaaaaaaaaaa", at)
		if err := j.CreateTown(p.t.Context(), "main", "Main", at, s.Snapshot()); err != nil {
			return err
		}
		l := &life{t: p.t, j: j, s: s, at: at}
		l.lead(p.t.Context())
		return nil
	})
}

// life is a town whose ticks a test makes.
type life struct {
	t    *testing.T
	j    journal.Journal
	s    *town.State
	at   town.Time
	sent int
}

func (l *life) tick(ctx context.Context, payloads ...town.Event) {
	l.t.Helper()
	for i := range payloads {
		l.sent++
		payloads[i].ID, payloads[i].Type, payloads[i].Created = fmt.Sprint("event-", l.sent), payloads[i].Payload.Type(), l.at
	}
	receipts, err := l.j.Append(ctx, "main", payloads)
	if err != nil {
		l.t.Fatal(err)
	}
	for i := range receipts {
		payloads[i].Seq = receipts[i].Seq
	}
	l.at = l.at.Add(town.Second)
	rec := l.s.Step(town.Input{Now: l.at, Events: payloads})
	for _, o := range rec.Events {
		if o.Verdict != town.Applied {
			l.t.Fatalf("%s was not applied: %s", o.Type, o.Reason)
		}
	}
	if len(rec.Violations) > 0 {
		l.t.Fatalf("the town is not well: %+v", rec.Violations)
	}
	if err := l.j.CommitTick(ctx, "main", rec); err != nil {
		l.t.Fatal(err)
	}
}

// runs has the agents' processes be there.
func (l *life) runs(ctx context.Context, agents ...town.AgentID) {
	l.t.Helper()
	var events []town.Event
	for _, id := range agents {
		run := l.s.Agent(id).Run
		events = append(events, town.Event{Agent: id, Run: run, Payload: &town.DispatchAccepted{}},
			town.Event{Agent: id, Run: run, Payload: &town.ContainerStatus{Status: town.Running}})
	}
	l.tick(ctx, events...)
}

func (l *life) lead(ctx context.Context) {
	l.t.Helper()
	people := func(p town.Payload, bead town.BeadID) town.Event {
		return town.Event{Bead: bead, By: "admin", Payload: p}
	}
	l.tick(ctx, people(&town.TownConfigured{Settings: town.Settings{
		Agents: map[town.Role]town.AgentCommand{town.Polecat: {Command: []string{"/nowhere/agent"}}},
	}}, ""), people(&town.RigAdded{Rig: "web", URL: "/nowhere/web", DefaultBranch: "main"}, ""))
	l.tick(ctx, people(&town.RigAdded{Rig: "api", URL: "/nowhere/api", DefaultBranch: "main"}, ""))
	made := &town.BeadCreated{}
	for i, held := range []bool{false, false, false, false, true, true, true} {
		made.Beads = append(made.Beads, town.NewBead{Title: fmt.Sprint("Task ", i), Rig: "web", Held: held})
	}
	l.tick(ctx, people(made, ""))
	l.runs(ctx, "toast", "nux", "slit", "rictus")
	var done []town.Event
	for _, id := range []town.AgentID{"slit", "rictus"} {
		a := l.s.Agent(id)
		done = append(done, town.Event{Agent: id, Run: a.Run, By: string(id), Payload: &town.AgentDone{Branch: l.s.Bead(a.Hook).Branch, Head: "cafe"}})
	}
	l.tick(ctx, done...)
	var verified []town.Event
	for _, b := range l.s.Beads() {
		if b.Merge != nil {
			verified = append(verified, people(&town.BranchVerified{Head: "cafe", Ahead: 1}, b.ID))
		}
	}
	l.tick(ctx, verified...)
	l.runs(ctx, "refinery-web")
	l.tick(ctx, people(&town.DependencyAdded{On: "gt-3f"}, "gt-3e"), people(&town.BeadCancelled{}, "gt-3g"), people(&town.TownPaused{}, ""))
}
