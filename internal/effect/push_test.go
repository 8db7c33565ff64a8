package effect

import (
	"strings"
	"testing"

	"gastown/internal/town"
)

// What a remote that is away leaves unknown says so: the town waits for the remote then, and for nothing else.
func TestAPushWaitsForTheRemote(t *testing.T) {
	t.Parallel()
	commit := strings.Repeat("a", 40)
	for _, kind := range []town.EffectKind{town.EffectPushMerge, town.EffectFindMerge} {
		h := &heard{got: make(chan town.Event, 1)}
		r := newRunner(t, &place{}, h)
		r.Carry("main", []town.Effect{{ID: "p", Kind: kind, Bead: "gt-1a", Rig: "web", Push: &town.PushSpec{
			Repo: town.RepoSpec{URL: "http://127.0.0.1:1/web.git", DefaultBranch: "main"}, Target: "main", Branch: "gt/x/gt-1",
			Commit: commit, Head: commit, Tip: commit,
		}}})
		got := (<-h.got).Payload
		if p, ok := got.(*town.MergeUnknown); !ok || p.Class != "git_unreachable" || p.Readable || p.Pushed || p.Reason == "" {
			t.Errorf("%s is answered %+v", kind, got)
		}
		r.Stop()
	}
}
