package server_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gastown/internal/town"
)

// eventually waits for a condition outside of this process.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	const patience = 30 * time.Second
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !condition(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("it did not happen that %s", what)
		}
	}
}

// The files of a workspace go a day after the last run in it, and not before, with what is not committed saved in the
// mirror. Those that a run works on stay, however long that takes.
func TestWorkspacesGoADayAfterTheirLastRun(t *testing.T) {
	p := newPlace(t)
	p.start("")
	p.bead()
	ended, over := p.sling("over")
	_, goesOn := p.sling("goes-on")
	if code := p.call(p.admin, http.MethodPost, "/api/towns/main/beads/"+string(ended)+"/cancel", struct{}{}, nil); code >= 300 {
		t.Fatalf("the bead was not cancelled: %d", code)
	}
	eventually(t, "the run ends", func() bool {
		var b town.Bead
		p.call(p.admin, http.MethodGet, "/api/towns/main/beads/"+string(ended), nil, &b)
		return len(b.Attempts) == 1 && b.Attempts[0].Ended != 0
	})
	there := func(dir string) bool {
		_, err := os.Stat(filepath.Join(dir, ".git"))
		return err == nil
	}
	p.stop()
	for _, later := range []time.Duration{23 * time.Hour, 25 * time.Hour} {
		p.now = func() time.Time { return time.Now().Add(later) }
		if !there(over.dir) {
			t.Fatalf("the files were gone before %s", later)
		}
		p.log.Reset()
		p.start("")
		if later < 24*time.Hour {
			p.sling("later") // meanwhile it has looked
		} else {
			eventually(t, "the files go", func() bool { return !there(over.dir) })
		}
		p.stop()
	}
	if !there(goesOn.dir) {
		t.Error("a workspace went while it was worked in")
	}
	mirror := filepath.Join(filepath.Dir(filepath.Dir(over.dir)), "mirror.git")
	out, err := exec.Command("git", "-C", mirror, "for-each-ref", "--format=%(refname)", "refs/gastown/left/").Output()
	if err != nil || !strings.Contains(string(out), string(ended)+"/1") {
		t.Fatalf("the mirror has %s (%v)", out, err)
	}
	files, err := exec.Command("git", "-C", mirror, "ls-tree", "--name-only", strings.Fields(string(out))[0]).Output()
	if err != nil || !strings.Contains(string(files), "over.txt") {
		t.Errorf("saved are %s (%v)", files, err)
	}
}
