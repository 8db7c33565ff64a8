package sim

import "gastown/internal/town"

// itemKind says what an item of a story is.
type itemKind int

const (
	eventItem itemKind = iota // an event that a tick took
	tickItem                  // a tick that took none
	crashItem                 // the server died
	factItem                  // something happened outside
)

// item is one thing that happened to a town.
type item struct {
	kind  itemKind
	at    town.Time
	step  int // items of one step are taken by one tick
	key   int // of an event
	event town.Event
	bead  symbol // the event's
	run   symbol // the event's agent and run, or the fact's
	fact  fact
	work  []symbol // the fact's
}

// trace writes a story down: what came in and when, by symbols, so that it can be told again with
// parts left out.
type trace struct {
	names *names
	items []item
	calm  int // items until a little after the last fault; 0 before that
	step  int
	keys  []int // of the step in progress
	start int   // where its items begin
	made  int
}

func newTrace() *trace { return &trace{names: newNames()} }

// begin notes the events of a step that is about to be made.
func (t *trace) begin(s *town.State, in town.Input) {
	t.step++
	t.keys, t.start = t.keys[:0], len(t.items)
	for i := range in.Events {
		t.made++
		it := t.names.toSymbols(s, in.Events[i])
		it.at, it.step, it.key = in.Now, t.step, t.made
		it.event.Payload = moved(it.event.Payload, -town.Duration(in.Now))
		t.items = append(t.items, it)
		t.keys = append(t.keys, t.made)
	}
}

// end notes what the step came to.
func (t *trace) end(s *town.State, in town.Input, rec *town.Tick) {
	if len(in.Events) == 0 && !rec.Empty() {
		t.items = append(t.items, item{kind: tickItem, at: in.Now, step: t.step})
	}
	t.names.learn(s, rec, t.keys)
}

// reverted takes the newest step out: it never was.
func (t *trace) reverted() { t.items = t.items[:t.start] }

func (t *trace) crash(at town.Time) {
	t.items = append(t.items, item{kind: crashItem, at: at})
}

func (t *trace) fact(at town.Time, f fact) {
	it := item{kind: factItem, at: at, fact: f, run: t.names.run[f.run], bead: t.names.bead[f.bead]}
	for _, id := range f.work {
		it.work = append(it.work, t.names.bead[id])
	}
	t.items = append(t.items, it)
}
