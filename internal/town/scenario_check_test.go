package town

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// record enters a tick in the history, as the journal would.
func (p *playground) record(rec *Tick) {
	if rec.Empty() {
		return
	}
	for i := range rec.Violations {
		if v := &rec.Violations[i]; v.State == ViolationAppeared {
			p.told[v.Invariant]++
		}
	}
	for i := range rec.Changes {
		id := BeadID(rec.Changes[i].ID)
		if rec.Changes[i].Kind != KindBead || rec.Changes[i].Gone {
			continue
		}
		if p.shadow.beads[id] == nil && p.used[id] {
			p.t.Fatalf("id %s is given to a second bead", id)
		}
		p.used[id] = true
	}
	data := rec.Encode()
	p.history = append(p.history, data)
	read, err := DecodeTick(data)
	if err == nil {
		err = p.shadow.Absorb(read)
	}
	if err != nil {
		p.t.Fatalf("the history does not take the tick in: %v", err)
	}
}

// sameTotals compares the totals that the town keeps with the violations that its history tells of.
func (p *playground) sameTotals() error {
	for i := range invariants {
		n := invariants[i].Number
		if got, want := p.s.ViolationsFound(n), p.told[n]; got != want {
			return fmt.Errorf("%d violations of invariant %d are counted, %d are on record", got, n, want)
		}
	}
	return nil
}

// check holds the town to what is true after every tick, whatever a file says.
func (p *playground) check(rec *Tick) {
	p.t.Helper()
	if got, want := string(p.shadow.Snapshot()), string(p.s.Snapshot()); got != want {
		p.t.Fatalf("history and state differ after:\n%s", p.print(nil, rec))
	}
	if err := sameIndex(p.s); err != nil {
		p.t.Fatalf("%v\nafter:\n%s", err, p.print(nil, rec))
	}
	if err := sameLists(p.s, p.now); err != nil {
		p.t.Fatalf("%v\nafter:\n%s", err, p.print(nil, rec))
	}
	if got := digestOf(p.s); got != p.s.digest {
		p.t.Fatalf("the digest is %s, of the entities it is %s", p.s.digest, got)
	}
	if again := p.s.Step(Input{Now: p.now}); !again.Empty() {
		p.t.Fatalf("a second step at the same time is not empty:\n%s", p.print(nil, again))
	}
	if twin := p.restored(p.s.Snapshot()).Step(Input{Now: p.now}); !twin.Empty() {
		p.t.Fatalf("looking at everything finds more to do; a wake-up was lost:\n%s", p.print(nil, twin))
	}
	if err := sameViolations(p.s, p.now); err != nil {
		p.t.Fatalf("%v\nafter:\n%s", err, p.print(nil, rec))
	}
	if err := p.sameTotals(); err != nil {
		p.t.Fatalf("%v\nafter:\n%s", err, p.print(nil, rec))
	}
	outstanding := p.s.Outstanding()
	for _, e := range rec.Effects {
		if !slices.ContainsFunc(outstanding, func(o Effect) bool { return o.ID == e.ID }) {
			p.t.Fatalf("effect %s would be lost in a crash", e.ID)
		}
	}
	for _, b := range p.s.beads {
		w := p.why(string(b.ID))
		if b.Live() && len(w.Due)+len(w.Waits) == 0 {
			p.t.Fatalf("%s %s is %s, and nothing says why", b.Type, b.ID, b.Status)
		}
		for i := range w.Waits {
			if lie := p.lie(b, w.Waits[i].Reason); lie != "" {
				p.t.Fatalf("why says of %s that %q, but %s after:\n%s", b.ID, w.Waits[i].Reason, lie, p.print(nil, rec))
			}
		}
	}
	for id := range p.s.agents {
		p.why(string(id))
	}
	for id := range p.s.nudges {
		p.why(string(id))
	}
}

// why explains an entity and holds its waits to the table.
func (p *playground) why(id string) Why {
	p.t.Helper()
	w, _ := p.s.Why(id, p.now)
	for i := range w.Waits {
		if _, ok := w.Waits[i].Code.Spec(); !ok {
			p.t.Fatalf("%s waits with the code %q, which no table has: %s", id, w.Waits[i].Code, w.Waits[i].Reason)
		}
		p.codes.add(w.Waits[i].Code)
	}
	return w
}

// waitCodes are the kinds of waits that scenario files show.
type waitCodes struct {
	mu    sync.Mutex
	seen  map[WaitCode]bool
	files int
}

func (c *waitCodes) add(code WaitCode) {
	if c == nil {
		return // a file that is played again in another way
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen[code] = true
}

// played counts a file that has been played to its end.
func (c *waitCodes) played() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.files++
}

// hidden are the kinds of waits that no file under TestScenarios can show, with the reason.
var hidden = map[WaitCode]string{
	WaitExhausted: "only rules within a tick see it: beads/exhausted fails the bead before the tick ends",
	WaitViolation: "the files of TestForgottenRule show it, by a rule that is missing",
}

// complete holds the table to what the files show, once all of them have been played.
func (c *waitCodes) complete(t *testing.T, files int) {
	if c.files < files {
		return // others have failed or were not asked for
	}
	for _, w := range waits {
		if c.seen[w.Code] == (hidden[w.Code] != "") {
			t.Errorf("scenarios show a wait with the code %s: %v; hidden because %q", w.Code, c.seen[w.Code], hidden[w.Code])
		}
	}
}

var (
	saysWorking = regexp.MustCompile(`^(\S+) (?:works on it|is merging it)`)
	saysHolding = regexp.MustCompile(`^(\S+) holds it and is (stalled|idle|dead|waiting)`)
)

// lie compares what why says of whoever is on a bead with that agent's own record.
func (p *playground) lie(b *Bead, reason string) string {
	said, status := saysWorking.FindStringSubmatch(reason), Working
	if said == nil {
		if said = saysHolding.FindStringSubmatch(reason); said != nil {
			status = AgentStatus(said[2])
		}
	}
	switch {
	case said == nil && !strings.HasPrefix(reason, "nobody works on it"):
		return ""
	case said == nil && len(p.s.ix.hookedTo[b.ID]) > 0:
		return fmt.Sprintf("%v hold it", p.s.ix.hookedTo[b.ID])
	case said == nil:
		return ""
	}
	a := p.s.agents[AgentID(said[1])]
	switch {
	case a == nil:
		return "there is no such agent"
	case a.Hook != b.ID || a.Status != status:
		return fmt.Sprintf("it holds %q and is %s", a.Hook, a.Status)
	case a.Status == Working && a.Stopping != 0:
		return "its end was asked for"
	}
	return ""
}
