package town

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// What waits for a place that somebody works in is not runnable; once that agent is neither at work nor gone, all that
// is ready in its rig is.
func TestRunnableWork(t *testing.T) {
	t.Parallel()
	s, now := bigTown(t, 1000, 50)
	if n := s.Runnable(now); n != 0 {
		t.Fatalf("every place is taken by an agent at work, and %d beads are runnable", n)
	}
	agent := s.agents["agent-8"]
	ready := len(s.ix.ready[agent.Rig])
	if ready == 0 {
		t.Fatalf("nothing is ready in %s", agent.Rig)
	}
	s.begin()
	s.editAgent(agent.ID, func(a *Agent) { a.Status, a.Stopping = Stalled, now })
	s.undo = nil
	if n := s.Runnable(now); n != ready {
		t.Errorf("%d beads are runnable, want the %d that are ready in %s", n, ready, agent.Rig)
	}
	s.begin()
	s.editTown(func(t *Town) { t.Paused = now })
	s.undo = nil
	if n := s.Runnable(now); n != 0 {
		t.Errorf("in a pause %d beads are runnable", n)
	}
}

// The merge queue is what the rules see of it: what could be merged if it were its turn, and what is being merged.
func TestMergeQueueAgainstTheRules(t *testing.T) {
	t.Parallel()
	s, now := bigTown(t, 1000, 50)
	var want []BeadID
	for _, b := range s.Beads() {
		if b.Type == MergeRequest && (b.Status == InProgress || b.Status == Open && s.requestWait(now, b) == nil) {
			want = append(want, b.ID)
		}
	}
	var got []BeadID
	for _, b := range s.MergeQueue(now) {
		got = append(got, b.ID)
	}
	if len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("the queue is %v, want %v", got, want)
	}
}

// The lists that labels are made of have every constant of their type.
func TestListsAreComplete(t *testing.T) {
	t.Parallel()
	listed := map[string][]string{"AttemptOutcome": AttemptOutcomes()}
	for _, x := range BeadTypes() {
		listed["BeadType"] = append(listed["BeadType"], string(x))
	}
	for _, x := range BeadStatuses() {
		listed["BeadStatus"] = append(listed["BeadStatus"], string(x))
	}
	for _, x := range Roles() {
		listed["Role"] = append(listed["Role"], string(x))
	}
	for _, x := range AgentStatuses() {
		listed["AgentStatus"] = append(listed["AgentStatus"], string(x))
	}
	for _, x := range EffectKinds() {
		listed["EffectKind"] = append(listed["EffectKind"], string(x))
	}
	declared := map[string][]string{}
	for _, file := range []string{"bead.go", "agent.go", "effect.go"} {
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			value, ok := spec.Values[0].(*ast.BasicLit)
			if !ok {
				return true
			}
			kind := ""
			if id, ok := spec.Type.(*ast.Ident); ok {
				kind = id.Name
			} else if strings.HasPrefix(spec.Names[0].Name, "Attempt") {
				kind = "AttemptOutcome"
			}
			declared[kind] = append(declared[kind], strings.Trim(value.Value, `"`))
			return true
		})
	}
	for kind, list := range listed {
		want := slices.Sorted(slices.Values(declared[kind]))
		if slices.Sort(list); !slices.Equal(list, want) {
			t.Errorf("the list of %s has %v, declared are %v", kind, list, want)
		}
	}
}
