package git

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// foreign lists the beads whose own commits are on the branch of another, none of them in the target. Before is the
// commits that the mirror's branch had before this look.
//
// A commit that two branches have is whose workspace made it, by the log that git keeps there, or whose branch had it at
// an earlier look. What was found once is noted, since the log goes with the attempt.
func (r *Rig) foreign(ctx context.Context, spec VerifySpec, head, target, before string) ([]string, error) {
	notes := r.foreignNotes(spec.Bead)
	mine := r.madeHere(spec.Bead)
	if before != "" {
		if err := r.commits(ctx, mine, before, "--not", target); err != nil {
			return nil, err
		}
	}
	found := map[string]bool{}
	for other, branch := range r.otherBranches(spec) {
		tip, err := r.currentTip(ctx, other, branch)
		if err != nil {
			return nil, err
		}
		if tip == "" {
			continue
		}
		// What a person has pushed is nobody's, whoever builds on it.
		known := []string{"--not", target, "--exclude=" + originRef(branch), "--exclude=" + originRef(spec.Branch), "--glob=" + originRef("*")}
		own, theirs := map[string]bool{}, map[string]bool{}
		if err := errors.Join(r.commits(ctx, own, append([]string{head}, known...)...), r.commits(ctx, theirs, append([]string{tip}, known...)...)); err != nil {
			return nil, err
		}
		noted := r.foreignNotes(other)
		for commit := range own {
			if theirs[commit] && noted[commit] == "" && (notes[commit] == other || !mine[commit]) {
				notes[commit], found[other] = other, true
			}
		}
	}
	data, err := json.Marshal(notes)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(r.lookDir(spec.Bead), foreignFile)
	return slices.Sorted(maps.Keys(found)), wrapped("note the look at "+spec.Bead, os.WriteFile(file, data, 0o600))
}

const foreignFile = "foreign.json"

// foreignNotes are the commits that were found to be another bead's, with that bead.
func (r *Rig) foreignNotes(bead string) map[string]string {
	notes := map[string]string{}
	data, err := os.ReadFile(filepath.Join(r.lookDir(bead), foreignFile))
	if err != nil || json.Unmarshal(data, &notes) != nil {
		return map[string]string{}
	}
	return notes
}

// otherBranches lists the other beads that have or had a workspace, with the branch of each.
func (r *Rig) otherBranches(spec VerifySpec) map[string]string {
	entries, err := os.ReadDir(filepath.Dir(r.lookDir("x"))) // it outlives the workspace
	if err != nil {
		return nil // There is no workspace.
	}
	others := map[string]string{}
	for _, entry := range entries {
		name, _ := strings.CutSuffix(entry.Name(), ".git")
		bead, err := url.PathUnescape(name)
		branch, _, found := strings.Cut(r.lastSeen(bead), " ")
		if err == nil && found && bead != spec.Bead && branch != spec.Branch {
			others[bead] = branch
		}
	}
	return others
}

// currentTip is what a bead's branch stands at now: commits that an agent is at work on are brought in. Where its
// workspace cannot be read, it is what the mirror has.
func (r *Rig) currentTip(ctx context.Context, bead, branch string) (string, error) {
	gitDir := filepath.Join(r.workspace(bead), ".git")
	refs, err := readClone(gitDir)
	if err == nil && plainObjects(filepath.Join(gitDir, "objects")) == "" && refs.branches[branch] != "" {
		if err := r.ensureLook(ctx, bead, gitDir); err != nil {
			return "", err
		}
		if err := r.bringIn(ctx, bead, branch, &sight{refs: refs}); err != nil {
			return "", err
		}
	}
	found, err := r.refs(ctx, headRef(branch))
	return found[headRef(branch)], err
}

// commits adds the commits that git lists to a set.
func (r *Rig) commits(ctx context.Context, to map[string]bool, args ...string) error {
	out, err := r.git(ctx, "compare branches", append([]string{"rev-list"}, args...)...)
	for id := range strings.Lines(out) {
		to[strings.TrimSpace(id)] = true
	}
	return err
}

// maxLogBytes bounds what is read of the log of a workspace's HEAD.
const maxLogBytes = 8 << 20

// making are the words of git's log for what writes a commit, and does not take it from elsewhere.
var making = []string{"commit", "cherry-pick", "revert", "rebase", "am"}

// moving are steps of those that only take HEAD to a commit that is there: a rebase begins where others have been.
var moving = []string{"rebase (start)", "rebase (finish)", "rebase (abort)", "rebase (skip)"}

// madeHere are the commits that this attempt has made in the workspace, by the log that git keeps of HEAD.
func (r *Rig) madeHere(bead string) map[string]bool {
	made := map[string]bool{}
	root, err := os.OpenRoot(filepath.Join(r.workspace(bead), ".git"))
	if err != nil {
		return made
	}
	defer root.Close()
	data, err := readPlain(root, "logs/HEAD", maxLogBytes)
	if err != nil {
		return made // Then the looks before tell.
	}
	for line := range bytes.Lines(data) {
		entry, message, _ := strings.Cut(string(line), "\t")
		fields := strings.Fields(entry)
		what, _, _ := strings.Cut(message, ":")
		word, _, _ := strings.Cut(what, " ")
		if len(fields) > 2 && slices.Contains(making, word) && !slices.Contains(moving, what) {
			made[fields[1]] = true
		}
	}
	return made
}
