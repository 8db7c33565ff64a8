//go:build !race

package lives

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gastown/internal/town"
)

// life is one run of an agent on a bead.
type life struct {
	w      *world
	ctx    context.Context // ends when the run is stopped
	rnd    *rand.Rand
	dir    string
	agent  town.AgentID
	bead   town.BeadID
	run    town.Run
	branch string
	base   string
}

// whims is what an agent may do besides its work. Each leaves the workspace in a state in which git can go on.
var whims = []func(*life){
	func(l *life) { l.git("commit", "--quiet", "--amend", "-m", "said better") },
	func(l *life) { l.file("extra-"+string(l.bead), "more\n"); l.commit("one more") },
	func(l *life) { l.git("fetch", "--quiet", "origin"); l.git("rebase", "--quiet", "origin/"+l.base) },
	func(l *life) { l.git("push", "--quiet", "origin", "HEAD:refs/heads/elsewhere-"+string(l.bead)) },
	func(l *life) { l.git("config", "remote.origin.url", l.w.decoy) },
	func(l *life) { l.git("config", "remote.origin.pushurl", l.w.decoy) },
	func(l *life) { l.git("config", "url."+l.w.decoy+".insteadOf", l.w.remote.path) },
	func(l *life) { l.git("config", "user.name", "somebody else") },
	func(l *life) { l.git("config", "core.hooksPath", filepath.Join(l.dir, "hooks")) },
	func(l *life) { l.git("config", "core.fsmonitor", "false") },
	func(l *life) { l.git("stash", "--include-untracked") },
	func(l *life) { l.git("branch", "another", "HEAD") },
	func(l *life) { l.git("tag", "mine-"+string(l.bead)) },
	func(l *life) { l.git("gc", "--quiet", "--prune=now") },
	func(l *life) { l.git("branch", "-D", "another") },
	func(l *life) { l.mergeNeighbour() },
}

// ends is how a run may end that is not what was asked for.
var ends = []func(*life){
	func(l *life) { l.file("forgotten-"+string(l.bead), "not committed\n"); l.done(l.head()) },
	func(l *life) { l.git("checkout", "--quiet", "-B", "my-own"); l.work(); l.done(l.head()) },
	func(l *life) { l.git("checkout", "--quiet", "--detach"); l.work(); l.done(l.head()) },
	func(l *life) { l.git("branch", "-m", l.branch, "renamed"); l.done(l.head()) },
	func(l *life) { l.done(strings.Repeat("c0ffee00", 5)) },
	func(l *life) { l.done(l.w.tip()) },
	func(l *life) { l.git("reset", "--quiet", "--hard", "origin/"+l.base); l.done(l.head()) },
	func(l *life) { l.git("update-ref", "-d", "refs/heads/"+l.branch); l.done(strings.Repeat("ab", 20)) },
	func(l *life) { l.done(l.head()); l.work() },
	func(l *life) { l.done(l.head()); l.git("reset", "--quiet", "--hard", "HEAD~1") },
	func(l *life) { l.file("half-"+string(l.bead), "half\n") },
	func(l *life) { <-l.ctx.Done() },
	func(l *life) { _ = os.RemoveAll(filepath.Join(l.dir, ".git", "refs")) },
	func(l *life) { _ = os.RemoveAll(filepath.Join(l.dir, ".git")) },
	func(l *life) { l.leak(); l.done(l.head()) },
	func(l *life) {
		l.git("push", "--quiet", "--force", "origin", l.head()+"~0:refs/heads/"+l.branch)
		l.done(l.head())
	},
}

// live is what an agent does with a bead. After a few attempts it does what was asked.
func (l *life) live() (exit int) {
	honest := l.w.calm() || l.w.attempts(l.bead) > 3
	l.pause(20)
	l.work()
	if honest {
		l.repair()
		l.done(l.head())
		return 0
	}
	for range l.rnd.IntN(3) {
		whims[l.rnd.IntN(len(whims))](l)
		l.pause(30)
	}
	if l.rnd.IntN(2) == 0 {
		ends[l.rnd.IntN(len(ends))](l)
		return l.rnd.IntN(2)
	}
	l.done(l.head())
	return 0
}

// work changes the bead's own file, and now and then one that all beads change, and commits.
func (l *life) work() {
	l.file(fileOf(l.bead), fmt.Sprintf("by %s in run %d, %d\n", l.agent, l.run, l.rnd.IntN(1000)))
	if l.rnd.IntN(3) == 0 {
		l.file("shared.txt", string(l.bead)+"\n")
	}
	l.commit("work on " + string(l.bead))
}

// repair brings the base's changes in, with the bead's own where both changed the same.
func (l *life) repair() {
	l.git("fetch", "--quiet", "origin")
	l.git("checkout", "--quiet", l.branch)
	if _, ok := l.git("merge", "--quiet", "-X", "ours", "origin/"+l.base); !ok {
		l.git("merge", "--abort")
	}
}

// mergeNeighbour takes over what another agent is at.
func (l *life) mergeNeighbour() {
	others, _ := filepath.Glob(filepath.Join(filepath.Dir(l.dir), "*", ".git"))
	if len(others) == 0 {
		return
	}
	other := filepath.Dir(others[l.rnd.IntN(len(others))])
	if _, ok := l.git("fetch", "--quiet", other, "HEAD"); ok {
		if _, ok := l.git("merge", "--quiet", "--no-edit", "FETCH_HEAD"); !ok {
			l.git("merge", "--abort")
		}
	}
}

// leak puts the work on the target without asking anybody, with all that is in it.
func (l *life) leak() {
	l.git("push", "--quiet", "origin", "HEAD:refs/heads/"+l.base)
	names, _ := l.git("ls-files")
	for name := range strings.Lines(names) {
		if bead, isWork := strings.CutPrefix(strings.TrimSpace(name), "work-"); isWork {
			l.w.leak(town.BeadID(bead))
		}
	}
}

func fileOf(bead town.BeadID) string { return "work-" + string(bead) }

func (l *life) git(args ...string) (string, bool) {
	return tryWith(l.dir, person(string(l.agent)), "", "git", args...)
}

func (l *life) file(name, text string) {
	_ = os.WriteFile(filepath.Join(l.dir, name), []byte(text), 0o644)
}

func (l *life) commit(message string) {
	l.git("add", "--all")
	l.git("commit", "--quiet", "-m", message)
}

func (l *life) head() string {
	out, ok := l.git("rev-parse", "--verify", "--quiet", "HEAD")
	if !ok {
		return strings.Repeat("0123", 10)
	}
	return out
}

// done says that the bead is done.
func (l *life) done(head string) {
	l.w.say(l.agent, l.run, l.bead, &town.AgentDone{Branch: l.branch, Head: head, Summary: "done"})
}

// pause lets some seconds pass, or ends with the run.
func (l *life) pause(most int) {
	select {
	case <-l.ctx.Done():
	case <-time.After(time.Duration(1+l.rnd.IntN(most)) * time.Second):
	}
}
