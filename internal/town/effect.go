package town

import (
	"fmt"
	"strings"
)

// EffectKind names what is carried out outside.
type EffectKind string

// The effects.
const (
	EffectDispatch EffectKind = "dispatch_agent"
	EffectStop     EffectKind = "stop_agent"
	EffectVerify   EffectKind = "verify_branch"
	EffectNudge    EffectKind = "send_nudge"
	EffectNotify   EffectKind = "notify"
	EffectPollPR   EffectKind = "poll_pr"
	EffectMergePR  EffectKind = "merge_pr"

	EffectPushMerge EffectKind = "push_merge"
	EffectFindMerge EffectKind = "find_merge"
	EffectFindLate  EffectKind = "find_late_commits"
)

// Effect is an action to be carried out outside. It holds all that is needed, so that whoever
// carries it out needs no state; its outcome comes back as an event.
type Effect struct {
	// ID comes from the content and names the generation, so that carrying out the same effect
	// twice can be told from carrying out two, and begins with the town's tag.
	ID      string     `json:"id"`
	Kind    EffectKind `json:"kind"`
	History History    `json:"history"`
	Agent   AgentID    `json:"agent,omitempty"`
	Bead    BeadID     `json:"bead,omitempty"`
	Rig     RigID      `json:"rig,omitempty"`
	Run     Run        `json:"run,omitempty"`

	Dispatch *DispatchSpec `json:"dispatch,omitempty"`
	Verify   *VerifySpec   `json:"verify,omitempty"`
	Nudge    *NudgeSpec    `json:"nudge,omitempty"`
	Notify   *NotifySpec   `json:"notify,omitempty"`
	Pull     *PullSpec     `json:"pull,omitempty"`
	Push     *PushSpec     `json:"push,omitempty"`
	Late     *LateSpec     `json:"late,omitempty"`
	Reason   string        `json:"reason,omitempty"`
}

// EffectResult says whether the outcome of an effect is what was wanted.
type EffectResult int

// The results.
const (
	NoOutcome       EffectResult = iota // the event answers no effect
	EffectSucceeded                     // also a look that found something unwelcome
	EffectFailed                        // rejected, unclear, or it could not be carried out
)

// ResultOf says whether an event is the outcome of an effect, and whether that succeeded.
func ResultOf(e *Event) EffectResult {
	switch p := e.Payload.(type) {
	case *DispatchAccepted, *AgentStopConfirmed, *NudgeArrived, *PRStatusChanged,
		*MergeCompleted, *AlreadyOnTarget, *TargetMoved, *ReferencesMissing:
		return EffectSucceeded
	case *DispatchRejected, *DispatchUnknown, *NudgeFailed, *PRPollFailed, *PRMergeFailed,
		*PushRefused, *MergeUnknown, *MergeUnverified:
		return EffectFailed
	case *BranchVerified:
		return resultOf(p.Error)
	case *PeopleNotified:
		return resultOf(p.Error)
	case *LateCommits:
		return resultOf(p.Error)
	}
	return NoOutcome
}

func resultOf(problem string) EffectResult {
	if problem != "" {
		return EffectFailed
	}
	return EffectSucceeded
}

// RepoSpec says which repository an effect is about.
type RepoSpec struct {
	URL           string `json:"url"`
	DefaultBranch string `json:"defaultBranch"`
	// Credential is a reference to what opens it, empty for the operator's own access.
	Credential string `json:"credential,omitempty"`

	// What is done for the submodules and large files of it.
	Submodules     SubmodulePolicy `json:"submodules,omitempty"`
	LFS            bool            `json:"lfs,omitempty"`
	AllowAddresses []string        `json:"allowAddresses,omitempty"`
}

// DispatchSpec says what to start.
type DispatchSpec struct {
	Role    Role              `json:"role"`
	Repo    RepoSpec          `json:"repo"`
	Command AgentCommand      `json:"command"`
	Env     map[string]string `json:"env,omitempty"`
	// Branch is what a polecat works on; Base is where a new branch starts and what it is to be
	// merged into. Without a branch the agent has no workspace: it decides, and changes no code.
	Branch string `json:"branch"`
	Base   string `json:"base"`
	// Workspace names the files that it works on: those of a bead, under the tag that the bead's branch has.
	Workspace string `json:"workspace,omitempty"`
	// Fresh starts that over from the base; BeforeAgent and BeforeRun are who had it last.
	Fresh       bool    `json:"fresh,omitempty"`
	BeforeAgent AgentID `json:"beforeAgent,omitempty"`
	BeforeRun   Run     `json:"beforeRun,omitempty"`
	Prompt      string  `json:"-"`
	// Merge is what a refinery is to merge.
	Merge *MergeSpec `json:"merge,omitempty"`
}

// MergeSpec says what a refinery is to merge.
type MergeSpec struct {
	// Tag is the town's: it stands in the merge commit.
	Tag          string `json:"tag"`
	MergeRequest BeadID `json:"mergeRequest"`
	// Workspace names the files that the branch is in, which may have moved on since it was verified.
	Workspace string   `json:"workspace,omitempty"`
	Source    BeadID   `json:"source"`
	Title     string   `json:"title"`
	Summary   string   `json:"summary,omitempty"`
	Repo      RepoSpec `json:"repo"`
	Branch    string   `json:"branch"`
	Head      string   `json:"headSha"`
	Target    string   `json:"target"`
	// Members are what a landing must have of its convoy.
	Members []MemberMerge `json:"members,omitempty"`
	// Base is what the target is made from if it does not exist yet and Create says so (a convoy's branch).
	Base   string `json:"base"`
	Create bool   `json:"create,omitempty"`
	Gates  []Gate `json:"gates"`
	// GateRetries is how often a failing gate is run again where the target passed it a moment ago.
	GateRetries int `json:"gateRetries,omitempty"`
	// GateChanges says what a gate that changes tracked files means.
	GateChanges GateChanges `json:"gateChanges,omitempty"`
	// GateEnv names the variables of the setting env, which gates get beside what no rig sets.
	GateEnv []string `json:"gateEnv,omitempty"`
	// Caches are patterns of paths that stay in the merge checkout.
	Caches []string `json:"caches,omitempty"`
	// Strategy says whether to merge it or to open a pull request for it, CodeReview whether to
	// review the diff before.
	Strategy   MergeStrategy `json:"strategy"`
	CodeReview bool          `json:"codeReview,omitempty"`
}

// VerifySpec says which branch to look at.
type VerifySpec struct {
	Repo   RepoSpec `json:"repo"`
	Branch string   `json:"branch"`
	Target string   `json:"target"`
	// Base is what a target is made of that does not exist; empty if it is not to be made.
	Base string `json:"base,omitempty"`
	// Workspace names the files that the branch is in.
	Workspace string `json:"workspace,omitempty"`
}

// effectOf returns the effect of an action, as the state stands at the end of the tick, or nil if
// it has none or a later action of the tick has made it void.
func (s *State) effectOf(a *Action) *Effect { return s.sign(s.unsigned(a)) }

// sign makes an effect one of this town's history.
func (s *State) sign(e *Effect) *Effect {
	if e != nil {
		e.History, e.ID = s.town.History, s.tag()+"/"+e.ID
	}
	return e
}

// unsigned is the effect of an action, but for what it has of the town's history.
func (s *State) unsigned(a *Action) *Effect {
	if a.Broken != "" {
		return nil
	}
	switch a.Kind {
	case DispatchAgent:
		if ag := s.agents[a.Agent]; ag != nil && ag.Run == a.Run && ag.Dispatch == DispatchPending {
			return s.dispatchEffect(ag)
		}
	case StopAgent:
		if ag := s.agents[a.Agent]; ag != nil && ag.Run == a.Run && ag.Stopping != 0 {
			return stopEffect(ag)
		}
	case VerifyBranch:
		if b := s.beads[a.Bead]; b != nil && b.Live() && b.Merge != nil && b.Merge.Verify == VerifyAsked {
			return s.verifyEffect(b)
		}
	case SendNudge:
		if n := s.nudges[a.Nudge]; n != nil {
			return s.nudgeEffect(n)
		}
	case Notify:
		if b := s.beads[a.Bead]; b != nil {
			return s.notifyEffect(b)
		}
	case PollPR:
		if b := s.beads[a.Bead]; b != nil && b.waitsForPull() && b.Merge.PR.Poll.Asked != 0 {
			return s.pullEffect(EffectPollPR, b, b.Merge.PR.Poll.Try)
		}
	case PushMerge, FindMerge:
		if b := s.beads[a.Bead]; b != nil && b.Merge != nil && b.Merge.Push != nil && b.Merge.Push.Asked != 0 {
			return s.pushEffect(b)
		}
	case FindLate:
		if b := s.beads[a.Bead]; b != nil && b.Merge != nil && b.Merge.Late.awaited() {
			return s.lateEffect(b)
		}
	case MergePR:
		if b := s.beads[a.Bead]; b != nil && b.waitsForPull() && b.Merge.PR.Merge.Asked != 0 {
			return s.pullEffect(EffectMergePR, b, b.Merge.PR.Merge.Try)
		}
	}
	return nil
}

// Outstanding returns the effects that have been decided and not answered, in a fixed order. After
// a crash they are carried out again; their ids make that safe. A start that has a stop is not among
// them: behind that, it would make a process that nobody looks after.
func (s *State) Outstanding() []Effect {
	var out []Effect
	for _, id := range sortedKeys(s.agents) {
		a := s.agents[id]
		if a.Stopping != 0 {
			out = append(out, *stopEffect(a))
		}
		if a.Dispatch == DispatchPending && a.Stopping == 0 && a.Hook != "" && s.beads[a.Hook] != nil {
			out = append(out, *s.dispatchEffect(a))
		}
	}
	for _, id := range s.liveMergeRequests() {
		b := s.beads[id]
		if b.Merge.Verify == VerifyAsked {
			out = append(out, *s.verifyEffect(b))
		}
		out = append(out, s.outstandingPulls(b)...)
	}
	out = append(append(out, s.outstandingPushes()...), append(s.outstandingLate(), s.outstandingCare()...)...)
	for i := range out {
		s.sign(&out[i])
	}
	return out
}

func stopEffect(a *Agent) *Effect {
	return &Effect{
		ID:   fmt.Sprintf("%s/%s/%d/%d", EffectStop, a.ID, a.Run, a.StopTry),
		Kind: EffectStop, Agent: a.ID, Run: a.Run, Rig: a.Rig, Reason: a.StopReason,
	}
}

func (s *State) verifyEffect(b *Bead) *Effect {
	repo, base := s.repo(b.Rig), ""
	if s.mayCreate(b) {
		base = repo.DefaultBranch
	}
	return &Effect{
		ID:   fmt.Sprintf("%s/%s/%d", EffectVerify, b.ID, b.Merge.VerifyTry),
		Kind: EffectVerify, Bead: b.ID, Rig: b.Rig,
		Verify: &VerifySpec{Repo: repo, Branch: b.Merge.Branch, Target: b.Merge.Target, Base: base, Workspace: s.workspace(b.Merge.Source)},
	}
}

func (s *State) dispatchEffect(a *Agent) *Effect {
	b := s.beads[a.Hook]
	cfg := s.config(a.Rig)
	spec := &DispatchSpec{
		Role: a.Role, Repo: s.repo(a.Rig), Command: cfg.Agents[a.Role], Env: cfg.Env,
	}
	if b.Merge != nil {
		spec.Merge = s.mergeSpec(b)
		spec.Branch, spec.Base, spec.Workspace = b.Merge.Branch, b.Merge.Target, s.workspace(b.ID)
	} else if b.Type == Issue {
		spec.Branch, spec.Base = s.workBranch(b)
		files := s.workspaceOf(b)
		spec.Workspace, spec.Fresh = s.workspace(files), b.HasLabel(LabelFresh)
		if last := s.workedBefore(a, b, files); last != nil {
			spec.BeforeAgent, spec.BeforeRun = last.Agent, last.Run
		}
	}
	spec.Prompt = s.Prompt(a, b)
	return &Effect{
		ID:   fmt.Sprintf("%s/%s/%s/%d", EffectDispatch, a.ID, b.ID, a.Run),
		Kind: EffectDispatch, Agent: a.ID, Bead: b.ID, Rig: a.Rig, Run: a.Run, Dispatch: spec,
	}
}

func (s *State) mergeSpec(b *Bead) *MergeSpec {
	repo, cfg := s.repo(b.Rig), s.config(b.Rig)
	title := b.Title
	if src := s.beads[b.Merge.Source]; src != nil {
		title = src.Title
	}
	gates := cfg.Gates
	if s.acceptsMoved(b) {
		gates = nil
	}
	return &MergeSpec{
		Tag: s.tag(), MergeRequest: b.ID, Workspace: s.workspace(b.Merge.Source), Source: b.Merge.Source, Title: title, Summary: b.Merge.Summary, Repo: repo,
		Branch: b.Merge.Branch, Head: b.Merge.Head, Target: b.Merge.Target, Members: s.memberMerges(b),
		Base: repo.DefaultBranch, Create: s.mayCreate(b), Gates: gates, GateRetries: cfg.GateRetries,
		GateChanges: cfg.GateChanges, GateEnv: sortedKeys(cfg.Env), Caches: cfg.Caches,
		Strategy: s.strategyOf(b), CodeReview: cfg.CodeReview,
	}
}

func (s *State) repo(id RigID) RepoSpec {
	if r := s.rigs[id]; r != nil {
		cfg := s.config(id)
		return RepoSpec{
			URL: r.URL, DefaultBranch: r.DefaultBranch, Credential: r.Credential,
			Submodules: cfg.Submodules, LFS: cfg.LFS, AllowAddresses: cfg.AllowAddresses,
		}
	}
	return RepoSpec{}
}

// workBranch says which branch an issue is worked on on, and what that is to be merged into. Rework goes on
// where the merge request's branch is; a bead that was never started has the branch that it would be given now.
func (s *State) workBranch(b *Bead) (branch, base string) {
	if b.Rework() {
		for _, d := range s.neededBy(b.ID, Blocks) {
			if mr := s.beads[d.Bead]; mr != nil && mr.Merge != nil {
				return mr.Merge.Branch, mr.Merge.Target
			}
		}
	}
	if b.Branch != "" {
		return b.Branch, s.targetOf(b)
	}
	return s.config(b.Rig).BranchPrefix + "/" + s.tag() + "/" + string(b.ID), s.targetOf(b)
}

// workspace names the files of a bead. The tag is that of its branch: a bead that a former history of the town made
// under the same id had other files.
func (s *State) workspace(id BeadID) string {
	tag := s.tag()
	if b := s.beads[id]; b != nil && b.Branch != "" {
		if parts := strings.Split(b.Branch, "/"); len(parts) == 3 {
			tag = parts[1]
		}
	}
	return tag + "-" + string(id)
}

// workspaceOf says whose files are worked on for an issue: its own, or for rework those of what the merge request is of.
func (s *State) workspaceOf(b *Bead) BeadID {
	if b.Rework() {
		for _, d := range s.neededBy(b.ID, Blocks) {
			if mr := s.beads[d.Bead]; mr != nil && mr.Merge != nil {
				return mr.Merge.Source
			}
		}
	}
	return b.ID
}

// workedBefore is the last attempt in a workspace before an agent's own, nil if there was none: on the bead, on the one
// that the workspace belongs to, or on other rework of the same merge request.
func (s *State) workedBefore(a *Agent, b *Bead, workspace BeadID) *Attempt {
	beads := []BeadID{b.ID, workspace}
	if b.Rework() {
		for _, d := range s.neededBy(b.ID, Blocks) {
			for _, other := range s.needs(d.Bead, Blocks) {
				beads = append(beads, other.On)
			}
		}
	}
	var last *Attempt
	for _, id := range beads {
		on := s.beads[id]
		if on == nil {
			continue
		}
		for i := range on.Attempts {
			at := &on.Attempts[i]
			if at.Run != a.Run && at.Outcome != AttemptRejected && (last == nil || at.Run > last.Run) {
				last = at
			}
		}
	}
	return last
}

// targetOf says which branch an issue's work is merged into: its convoy's, or the rig's default.
func (s *State) targetOf(b *Bead) string {
	if c := s.convoyOf(b.ID); c != nil && c.Convoy.Branch != "" && c.Live() {
		return c.Convoy.Branch
	}
	return s.repo(b.Rig).DefaultBranch
}

// Assignment says what whoever holds a bead has to do with it: the branch it works on and what that is to
// be merged into, or what it is to merge.
func (s *State) Assignment(b *Bead) (branch, base string, merge *MergeSpec) {
	if b.Merge != nil {
		return b.Merge.Branch, b.Merge.Target, s.mergeSpec(b)
	}
	branch, base = s.workBranch(b)
	return branch, base, nil
}
