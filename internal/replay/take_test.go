package replay

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// told is a town in which people, agents and programs say secrets wherever they can say something.
type told struct {
	*life
	n int
}

// secret is another one each time, with a mark that must be found nowhere.
func (x *told) secret(words string) string {
	x.n++
	return fmt.Sprintf("%s hunter2-%d", words, x.n)
}

const mark = "hunter2"

func withSecrets(t *testing.T) *told {
	x := &told{life: newLife(t)}
	hook := []string{"https://hooks.example/" + mark}
	gates := []town.Gate{{Name: "test", Command: x.secret("TOKEN=abc make test")}}
	x.step(0,
		town.Event{By: "ann", Payload: &town.TownConfigured{Name: "Main", Settings: town.Settings{
			Agents: map[town.Role]town.AgentCommand{
				town.Polecat: {Command: []string{"run", x.secret("--key")}},
				town.Triage:  {Preset: "script", Args: []string{x.secret("triage.sh")}},
			},
			Env: map[string]string{"GREETING": x.secret("hi"), "API_KEY": "env:TOKEN"}, Gates: &gates,
			Notify: &town.NotifySettings{Webhooks: hook}, Instructions: map[town.Role]string{town.Polecat: x.secret("Be kind.")},
		}}},
		town.Event{Payload: &town.RigAdded{Rig: "web", URL: "https://ann:" + mark + "@git.example/web.git?token=" + mark, DefaultBranch: "main"}})
	x.takes()
	x.step(town.Second, town.Event{By: "ann", Payload: &town.BeadCreated{
		Convoy: &town.NewConvoy{Title: x.secret("Convoy"), Body: x.secret("All of it")},
		Beads: []town.NewBead{
			{Key: "a", Title: x.secret("Greet"), Body: x.secret("Say hello.\nThen"), Metadata: map[string]string{"why": x.secret("m")}},
			{Key: "b", Title: x.secret("Wave"), DependsOn: []string{"a"}},
		},
	}})
	return x
}

// takes fails the test if the last tick has refused something.
func (x *told) takes() {
	x.t.Helper()
	ticks, err := x.j.Ticks(context.Background(), "main", journal.TickFilter{Newest: true, Limit: 1})
	if err != nil {
		x.t.Fatal(err)
	}
	for _, o := range ticks[0].Events {
		if o.Verdict != town.Applied {
			x.t.Fatalf("%s is %s: %s %s", o.Type, o.Verdict, o.Field, o.Reason)
		}
	}
}

// goesOn has the secrets travel: into attempts, requests, escalations, messages and reasons.
func (x *told) goesOn() {
	x.takes()
	bead := x.s.Agents()[0].Hook
	toast := town.Event{Agent: x.s.Agents()[0].ID, Run: 1, Bead: bead, By: "toast"}
	says := func(p town.Payload) town.Event { e := toast; e.Payload = p; return e }
	x.step(town.Second, says(&town.DispatchAccepted{}), says(&town.ContainerStatus{Status: town.Running, Reason: x.secret("pid 7")}))
	x.step(town.Second, says(&town.AgentStatusLine{Line: x.secret("reading"), Tools: []string{x.secret("curl")}}),
		says(&town.AgentCheckpoint{Text: x.secret("half")}),
		says(&town.AgentEscalated{Severity: town.SeverityHigh, Category: x.secret("Odd thing"), Message: x.secret("Help!\nNow")}),
		town.Event{By: "ann", Payload: &town.MessageSent{To: string(toast.Agent), Subject: x.secret("Psst"), Body: x.secret("the key is")}},
		town.Event{By: "ann", Payload: &town.NudgeRequested{To: toast.Agent, Message: x.secret("Hurry")}},
		town.Event{By: "ann", Bead: bead, Payload: &town.BeadUpdated{Title: new(string)}})
	x.step(town.Second, says(&town.AgentCompleted{Result: town.RunFailed, Reason: x.secret("crashed"), ExitCode: 2}))
	x.rest(2 * town.Minute)
	run := x.s.Agents()[0].Run
	toast.Run = run
	x.step(town.Second, says(&town.DispatchRejected{Class: "git_network", Infra: true, Reason: x.secret("fatal: https://x:y@host")}))
	x.rest(10 * town.Minute)
	toast.Run = x.s.Agent(toast.Agent).Run
	x.step(town.Second, says(&town.DispatchAccepted{}))
	x.step(town.Second, says(&town.AgentDone{Branch: x.s.Bead(bead).Branch, Head: "c0ffee", Summary: x.secret("did it")}))
	for _, b := range x.s.Beads() {
		if b.Type == town.MergeRequest {
			x.step(town.Second, town.Event{Bead: b.ID, Payload: &town.BranchVerified{Error: x.secret("cannot fetch")}})
		}
	}
	x.rest(5 * town.Minute)
	x.step(town.Second, town.Event{By: "ann", Bead: bead, Payload: &town.BeadCancelled{Reason: x.secret("never mind")}},
		town.Event{By: "ann", Payload: &town.TownPaused{Reason: x.secret("lunch")}})
}

// expanded is everything that is in a bundle's file, expanded.
func expanded(t *testing.T, b *Bundle) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := b.Write(&file); err != nil {
		t.Fatal(err)
	}
	z, err := zstd.NewReader(&file)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Of what was said nothing is in a bundle, wherever it begins, and the town still decides what it did.
func TestNothingSaidIsInABundle(t *testing.T) {
	t.Parallel()
	x := withSecrets(t)
	x.snapshot()
	x.goesOn()
	if n := bytes.Count(x.s.Snapshot(), []byte(mark)); n < 20 {
		t.Fatalf("only %d secrets are in the town", n)
	}
	for first := town.TickNo(1); first <= x.s.Tick(); first++ {
		b, err := Take(context.Background(), x.j, "main", Range{FromTick: first}, []byte("key"), "v1")
		if err != nil {
			t.Fatal(err)
		}
		if data := expanded(t, b); bytes.Contains(data, []byte(mark)) {
			at := bytes.Index(data, []byte(mark))
			t.Fatalf("from tick %d on a secret is in the bundle: …%q…", first, data[max(0, at-60):at+20])
		}
		if len(b.Manifest.Altered) > 0 {
			t.Errorf("from tick %d on the ticks %v come out otherwise without the texts", first, b.Manifest.Altered)
		}
		if err := verify(b); err != nil {
			t.Errorf("from tick %d on: %v", first, err)
		}
		for i, want := range recorded(t, x.life, first) {
			if !alike(want, b.ticks[i]) {
				t.Errorf("tick %d decided %+v, in the bundle %+v", want.No, want.Actions, b.ticks[i].Actions)
			}
		}
	}
}

func recorded(t *testing.T, l *life, first town.TickNo) []*town.Tick {
	t.Helper()
	ticks, err := l.j.Ticks(context.Background(), "main", journal.TickFilter{After: first - 1})
	if err != nil {
		t.Fatal(err)
	}
	return ticks
}

// Of a history that does not come out any more the records are kept as they were, without the texts.
func TestABundleOfOtherRules(t *testing.T) {
	t.Parallel()
	x := withSecrets(t)
	x.goesOn()
	const bad = 5
	j := edited{x.j, func(tick *town.Tick) {
		if tick.No == bad {
			tick.RuleSet++
			tick.Actions = append(tick.Actions, town.Action{Kind: town.CreateEscalation, Rule: "care/x", Reason: mark, Title: mark, Bead: "gt-2a"})
		}
	}}
	b, err := Take(context.Background(), j, "main", Range{}, []byte("key"), "v1")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(expanded(t, b), []byte(mark)) {
		t.Error("a secret is in the bundle")
	}
	if err := verify(b); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("tick %d comes out otherwise: ruleSet is %d, recorded is %d", bad, town.RuleSet, town.RuleSet+1)) {
		t.Errorf("the bundle comes out as %v", err)
	}
}

// A text without a share tag is taken out; so every text field is one of those named here or tagged.
func TestOnlyWhatIsTaggedIsShared(t *testing.T) {
	t.Parallel()
	known := []string{"", "keep", "word", "url", "branch", "cause", "reference", "credential", "webhook"}
	seen := map[reflect.Type]bool{}
	var walk func(reflect.Type)
	walk = func(typ reflect.Type) {
		switch typ.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			walk(typ.Elem())
		case reflect.Struct:
			if seen[typ] {
				return
			}
			seen[typ] = true
			for i := range typ.NumField() {
				f := typ.Field(i)
				if tag := f.Tag.Get(shareTag); !slices.Contains(known, tag) {
					t.Errorf("%s.%s is shared as %q, which nobody knows", typ, f.Name, tag)
				}
				if !f.IsExported() && f.Type.Kind() == reflect.String {
					t.Errorf("%s.%s is a text that cannot be taken out", typ, f.Name)
				}
				walk(f.Type)
			}
		}
	}
	for _, e := range []any{town.Town{}, town.Rig{}, town.Bead{}, town.Agent{}, town.Dependency{}, town.Breaker{}, town.Usage{}, town.Nudge{}, town.Action{}} {
		walk(reflect.TypeOf(e))
	}
	for _, s := range town.EventSpecs() {
		walk(reflect.TypeOf(s.New()))
	}
	if len(seen) < 80 {
		t.Errorf("only %d types were looked at", len(seen))
	}
}

// What is no bundle, or half of one, is refused with what is wrong.
func TestFilesThatAreNoBundle(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile(historyFile("calm"))
	if err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string]struct {
		data []byte
		says string
	}{
		"nothing":     {nil, "there is no manifest.json"},
		"a text":      {[]byte("hello, this is a text"), "not a bundle"},
		"half":        {file[:len(file)/2], "cannot read"},
		"a flipped":   {flipped(file), ""},
		"a later one": {manifestOf(t, file), "its format is 2, this gastown reads 1"},
	} {
		if _, err := ReadBundle(bytes.NewReader(x.data)); err == nil || !strings.Contains(err.Error(), x.says) {
			t.Errorf("%s: %v, want …%s…", name, err, x.says)
		}
	}
}

func flipped(file []byte) []byte {
	out := slices.Clone(file)
	out[len(out)/2] ^= 0x55
	return out
}

func manifestOf(t *testing.T, file []byte) []byte {
	t.Helper()
	b, err := ReadBundle(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	b.Manifest.Format++
	var out bytes.Buffer
	if err := b.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
