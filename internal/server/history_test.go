package server_test

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gastown/internal/town"
	"gastown/internal/wire"
)

// atWork is a run that tells its token, its branch and its folder, and then goes on until it is stopped.
type atWork struct {
	token, branch, dir string
	out                *bufio.Reader
}

// sling has a new bead worked on, and waits until its agent says so.
func (p *place) sling(title string) (town.BeadID, atWork) {
	p.t.Helper()
	fifo := filepath.Join(p.t.TempDir(), "agent")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		p.t.Fatal(err)
	}
	script := `exec 3>` + fifo + `; echo "$GASTOWN_TOKEN $GASTOWN_BRANCH $PWD" >&3; touch "` + title + `.txt"; while :; do sleep 600; done`
	if code := p.call(p.admin, http.MethodPatch, "/api/towns/main", wire.TownPatch{Settings: town.Settings{
		Agents: map[town.Role]town.AgentCommand{town.Polecat: {Command: []string{"sh", "-c", script}}},
	}}, nil); code != http.StatusOK {
		p.t.Fatalf("the agent was refused: %d", code)
	}
	var made town.Bead
	if code := p.call(p.admin, http.MethodPost, "/api/towns/main/beads", town.NewBead{Title: title}, &made); code != http.StatusCreated {
		p.t.Fatalf("no bead was made: %d", code)
	}
	f, err := os.Open(fifo)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = f.Close() })
	w := atWork{out: bufio.NewReader(f)}
	line, err := w.out.ReadString('\n')
	words := strings.Fields(line)
	if err != nil || len(words) != 3 {
		p.t.Fatalf("the agent said %q, %v", line, err)
	}
	w.token, w.branch, w.dir = words[0], words[1], words[2]
	return made.ID, w
}

// copyJournal puts one file of a journal, of a server that is stopped, in the place of another.
func copyJournal(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, side := range []string{"-wal", "-shm"} {
		if err := os.RemoveAll(to + side); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(to, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// An agent works on one task; an older copy of the journal, from before that, is put back, and another task gets the
// same id, agent and run. The server renews the history of the town by itself: the old process is stopped and its
// token refused, the new task has a branch and files of its own, and people are told. A start without evidence
// renews nothing.
func TestOlderCopyOfTheJournalIsNoticed(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.start("")
	p.bead()
	var first, still, now wire.Town
	p.call(p.admin, http.MethodGet, "/api/towns/main", nil, &first)
	p.stop()
	db, older := filepath.Join(p.home, "gastown.db"), filepath.Join(t.TempDir(), "older.db")
	copyJournal(t, db, older)

	p.start("")
	idA, a := p.sling("task-a")
	p.call(p.admin, http.MethodGet, "/api/towns/main", nil, &still)
	p.stop()
	p.start("")
	p.call(p.admin, http.MethodGet, "/api/towns/main", nil, &now)
	if still.History != first.History || now.History != first.History {
		t.Fatalf("the history was %s, is %s, and %s after another start", first.History, still.History, now.History)
	}
	p.stop()

	copyJournal(t, older, db)
	p.start("")
	if rest, err := io.ReadAll(a.out); err != nil || len(rest) != 0 {
		t.Errorf("the old run goes on: %q, %v", rest, err)
	}
	p.call(p.admin, http.MethodGet, "/api/towns/main", nil, &now)
	if now.History == first.History || len(now.Former) != 1 || now.Former[0].History != first.History {
		t.Fatalf("the history is %s, formerly %+v", now.History, now.Former)
	}
	var beads wire.BeadPage
	p.call(p.admin, http.MethodGet, "/api/towns/main/beads?type=escalation", nil, &beads)
	if len(beads.Beads) != 1 || !strings.Contains(beads.Beads[0].Body, "older copy") {
		t.Errorf("people are told %+v", beads.Beads)
	}
	idB, b := p.sling("task-b")
	t.Logf("%s on %s in %s, then %s on %s in %s", idA, a.branch, a.dir, idB, b.branch, b.dir)
	if b.branch == a.branch || b.dir == a.dir || !strings.Contains(b.branch, "/"+now.History.Tag()+"/") {
		t.Errorf("the new task is on %s in %s, the old one was on %s in %s", b.branch, b.dir, a.branch, a.dir)
	}
	if _, err := os.Stat(filepath.Join(b.dir, "task-a.txt")); err == nil {
		t.Error("the new task has the files of the old one")
	}
	if code := p.call(a.token, http.MethodPost, "/api/towns/main/agent/status", map[string]string{"line": "here"}, nil); code != http.StatusForbidden {
		t.Errorf("the old run's token is answered with %d", code)
	}
	if code := p.call(b.token, http.MethodPost, "/api/towns/main/agent/status", map[string]string{"line": "here"}, nil); code != http.StatusOK {
		t.Errorf("the new run's token is answered with %d", code)
	}
	p.call(p.admin, http.MethodPost, "/api/towns/main/pause", nil, nil)
	var agents wire.List[*town.Agent]
	p.call(p.admin, http.MethodGet, "/api/towns/main/agents", nil, &agents)
	for _, ag := range agents.Items {
		p.call(p.admin, http.MethodPost, "/api/towns/main/agents/"+string(ag.ID)+"/stop", nil, nil)
	}
	if _, err := io.ReadAll(b.out); err != nil {
		t.Error(err)
	}
}

// Of an older copy that is put back in a folder of which nothing is left but the mirrors, a branch tells: its bead was made
// in a tick that the copy does not have. A branch of a bead that the journal knows, or of another town, tells nothing.
func TestBranchTellsAnOlderCopy(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.start("")
	known := p.bead()
	var first, now wire.Town
	p.call(p.admin, http.MethodGet, "/api/towns/main", nil, &first)
	p.stop()
	tag := first.History.Tag()
	mirror := filepath.Join(p.home, "git", "main", "web", "mirror.git")
	git := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	git("clone", "-q", "--bare", p.repo, mirror)
	for _, x := range []struct {
		ref     string
		renewed bool
	}{
		{"refs/heads/gt/" + tag + "/" + string(known), false},
		{"refs/heads/gt/otherrrr/gt-9999a", false},
		{"refs/heads/gt/" + tag + "/release-9999", false},
		{"refs/remotes/origin/convoy/" + tag + "/weekly/gt-9998a", true},
		{"refs/heads/mine/" + tag + "/gt-9999a", false}, // it was the tag
	} {
		git("--git-dir", mirror, "update-ref", x.ref, "HEAD")
		before := first.History
		if now.History != "" {
			before = now.History
		}
		p.start("")
		p.call(p.admin, http.MethodGet, "/api/towns/main", nil, &now)
		p.stop()
		if renewed := now.History != before; renewed != x.renewed {
			t.Errorf("%s: the history is renewed: %t", x.ref, renewed)
		}
	}
	if len(now.Former) != 1 || !strings.Contains(now.Former[0].Reason, "convoy/"+tag+"/weekly/gt-9998a") {
		t.Errorf("formerly %+v", now.Former)
	}
}
