package town

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A landing asks for the merge of each member that came into the convoy's branch, and for no other.
func TestALandingNamesTheMergesOfItsMembers(t *testing.T) {
	t.Parallel()
	const branch = "convoy/t/x/gt-c1"
	s := New("main", "Main", testHistory, 1)
	put := func(b Bead) { s.set(b.ref(), &b) }
	put(Bead{ID: "gt-c1", Type: Convoy, Status: Open, Convoy: &ConvoyPart{Branch: branch, Mode: ReviewThenLand}})
	for _, m := range []struct{ id, target, commit string }{
		{"gt-a1", branch, "c1"}, {"gt-a2", "main", "c2"}, {"gt-a3", branch, ""},
	} {
		put(Bead{ID: BeadID(m.id), Type: Issue, Status: Closed})
		put(Bead{ID: BeadID(m.id + "m"), Type: MergeRequest, Status: Closed, Merge: &MergePart{
			Source: BeadID(m.id), Branch: "b", Target: m.target, MergeCommit: m.commit,
		}})
		d := &Dependency{Bead: BeadID(m.id), On: "gt-c1", Kind: Tracks, Created: 1}
		s.set(d.ref(), d)
	}
	landing := &Bead{ID: "gt-m1", Type: MergeRequest, Status: Open, Merge: &MergePart{Source: "gt-c1", Branch: branch, Target: "main"}}
	want := []MemberMerge{{Bead: "gt-a1", Commit: "c1"}}
	if diff := cmp.Diff(want, s.memberMerges(landing)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if said := MembersMissing(branch, want, []string{"c1"}); !strings.Contains(said, "gt-a1 (merged as c1)") {
		t.Error(said)
	}
}
