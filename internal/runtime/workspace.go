package runtime

import (
	"bytes"
	"context"
	"slices"
	"strings"
)

// Workspace says what a run works on. The place where it runs makes that ready: no path is given. One without a branch
// is a folder of the run's own, which goes with the run; what the base needs of the repository is fetched for it.
type Workspace struct {
	Repository Repository
	// Bead is whose files they are: all runs on a bead have the same ones, and one run at a time has them.
	Bead string
	// Branch is the bead's branch, Base the branch of the repository that it begins at.
	Branch, Base string
	// Fresh starts over from the base; what was there is kept beside.
	Fresh bool
	// Last is the run that had the workspace before; zero if none had.
	Last Key
}

// Repository is where the files of a workspace come from. The zero value is none.
type Repository struct {
	// Rig is the town's name for it, URL its address, DefaultBranch what is used where the base does not exist.
	Rig, URL, DefaultBranch string
	// Credential refers to what opens it, env:NAME or file:PATH; empty is the operator's access.
	Credential string
	// Submodules and LFS say whether those are set up.
	Submodules, LFS bool
}

// Prepare makes the workspace of a run ready. Nobody works in it meanwhile. It may be called again for a run that did
// not come to be. An error that is a *StartError keeps its class; the others are of ClassWorkspace, or of ClassTimeout
// when the context has ended.
type Prepare func(ctx context.Context, spec Spec) (Prepared, error)

// Prepared is a workspace that is ready.
type Prepared struct {
	// Dir is where the run works, absolute and existing; empty for a folder of the run's own.
	Dir string
	// Env is added to the run's environment.
	Env []string
	// Found says for the agent what former runs have left; it stands where the Spec has FoundMark.
	Found string
}

// FoundMark stands in an argument or in the input of a Spec for what is found in the workspace.
const FoundMark = "{{found in the workspace}}"

// With is the Spec with what was prepared filled in.
func (s Spec) With(p Prepared) Spec {
	s.Command = slices.Clone(s.Command)
	for i, arg := range s.Command {
		s.Command[i] = strings.ReplaceAll(arg, FoundMark, p.Found)
	}
	s.Stdin = bytes.ReplaceAll(s.Stdin, []byte(FoundMark), []byte(p.Found))
	s.Env = slices.Concat(s.Env, p.Env)
	return s
}
