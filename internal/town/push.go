package town

import (
	"fmt"
	"strings"
)

// A merge that was tested is pushed by the server and read back: only a target that has the commit, as fetched from the
// rig's address, closes a merge request as merged. Until that is known the push is under way, also if its merge request
// has ended meanwhile.

// pushLooks are the times between looks for a merge that was pushed: some remotes show it a little later. A remote that
// cannot be read is looked at at the same times, and at the last of them without end.
var pushLooks = [...]Duration{Second, 2 * Second, 5 * Second, 15 * Second, Minute}

// PushAgain is how long a push, or a look for one, may stay unanswered before it is asked for again: longer than the
// effect itself may take.
const PushAgain = 10 * Minute

// PushPart is a merge that was tested and is being published.
type PushPart struct {
	Commit string `json:"commit" share:"keep"` // the merge that was tested
	Tip    string `json:"tip" share:"keep"`    // what its target stood at then
	Run    Run    `json:"run"`                 // the run that tested it
	Create bool   `json:"create,omitempty"`    // its target did not exist, and is made
	Try    int    `json:"try,omitempty"`       // of the effects about it
	Asked  Time   `json:"asked,omitempty"`     // since when an effect is unanswered; zero if none is
	Pushed bool   `json:"pushed,omitempty"`    // the remote has accepted it by its word: it is not pushed again
	Looks  int    `json:"looks,omitempty"`     // at a readable target that did not have it
	Failed int    `json:"failed,omitempty"`    // looks or pushes in a row that came to nothing
	After  Time   `json:"after,omitempty"`     // when the next one is due
	Lost   bool   `json:"lost,omitempty"`      // every look is over, and the target does not have it
	Reason string `json:"reason,omitempty"`    // what the last answer said
}

func (p *PushPart) code(c *coder) {
	codeString(c, &p.Commit)
	codeString(c, &p.Tip)
	codeInt(c, &p.Run)
	codeBool(c, &p.Create)
	codeInt(c, &p.Try)
	codeInt(c, &p.Asked)
	codeBool(c, &p.Pushed)
	codeInt(c, &p.Looks)
	codeInt(c, &p.Failed)
	codeInt(c, &p.After)
	codeBool(c, &p.Lost)
	codeString(c, &p.Reason)
}

// isPushed reports whether the merge request is in progress without an agent, since its merge is being published.
func (b *Bead) isPushed() bool {
	return b.Merge != nil && b.Merge.Push != nil && b.Merge.Push.Commit != "" && b.Status == InProgress
}

// needsNoAgent reports whether the bead is in progress and nobody has to hold it.
func (b *Bead) needsNoAgent() bool { return b.waitsForPull() || b.isPushed() }

// PushClass says why a remote does not take a push.
type PushClass string

// The classes of refusals.
const (
	PushProtected PushClass = "protected"  // the branch takes no pushes of this kind
	PushSignature PushClass = "signature"  // a commit is not signed
	PushHook      PushClass = "hook"       // a hook of the remote said no
	PushSize      PushClass = "size"       // a file, or all of it, is too large
	PushRights    PushClass = "rights"     // whoever pushes may not
	PushMoved     PushClass = "moved"      // the remote cannot write the branch, and says so as if it had moved
	PushNotTested PushClass = "not_tested" // the commit is not the merge that it should be
	PushOther     PushClass = "other"      // anything else; the words of the remote tell
)

// PushClasses lists every class of a refused push.
func PushClasses() []PushClass {
	return []PushClass{PushProtected, PushSignature, PushHook, PushSize, PushRights, PushMoved, PushNotTested, PushOther}
}

// pushMerge has a tested merge pushed, and looked for until it is known what became of it.
func pushMerge(s *State, now Time, b *Bead) Look {
	if b.Type != MergeRequest || b.Merge == nil || b.Merge.Push == nil || s.rigs[b.Rig] == nil {
		return Look{}
	}
	p := b.Merge.Push
	switch {
	case p.Lost, p.Commit == "", !b.Live() && p.Try == 0:
		return Look{} // A person decides; or there is nothing to push; or it ended before anything was pushed.
	case p.Asked != 0 && now < p.Asked.Add(PushAgain), p.Asked == 0 && now < p.After:
		return Look{Wait: s.pushWait(b)}
	}
	ask := Action{Kind: PushMerge, Bead: b.ID, Rig: b.Rig, N: p.Try + 1, Reason: "it passed its gates"}
	if p.Try > 0 {
		ask.Reason = "whether it was pushed is not known"
	}
	if p.Pushed || !b.Live() {
		ask.Kind, ask.Reason = FindMerge, fmt.Sprintf("is %.10s in %s?", p.Commit, b.Merge.Target)
	}
	return act(ask)
}

// pushStanding says how far the publishing of a merge is.
func (s *State) pushStanding(b *Bead) string {
	p, m := b.Merge.Push, b.Merge
	switch {
	case p.Pushed || !b.Live():
		return fmt.Sprintf("%.10s was pushed to %s, which is read back%s", p.Commit, m.Target, because(p.Reason))
	case p.Failed > 0:
		return fmt.Sprintf("whether %.10s was pushed to %s is not known%s", p.Commit, m.Target, because(p.Reason))
	}
	if m.Ungated {
		return fmt.Sprintf("%.10s is pushed to %s without its gates, since that moves faster than they run", p.Commit, m.Target)
	}
	return fmt.Sprintf("%.10s passed its gates and is pushed to %s", p.Commit, m.Target)
}

// pushWait says that an open merge request waits for what was pushed for it, or nil.
func (s *State) pushWait(b *Bead) *Wait {
	p := b.Merge.Push
	switch {
	case p == nil, p.Commit == "":
		return nil
	case p.Lost:
		return &Wait{Code: WaitNeedsPerson, Reason: fmt.Sprintf(
			"%.10s was pushed to %s and is not there%s. gastown bead retry %s looks again", p.Commit, b.Merge.Target, because(p.Reason), b.ID)}
	}
	until := p.After
	if p.Asked != 0 {
		until = p.Asked.Add(PushAgain)
	}
	class, reason, _ := strings.Cut(p.Reason, ": ")
	if w := remoteWait(class, reason, until); w != nil {
		return w
	}
	return &Wait{Code: WaitVerifying, Until: until, Reason: s.pushStanding(b)}
}

// askPush notes that an effect about the push of a merge is under way.
func (t *tick) askPush(a *Action, b *Bead) {
	t.s.editBead(b.ID, t.now, func(b *Bead) { b.Merge.Push.Asked, b.Merge.Push.Try = t.now, a.N })
}

// PushSpec says which merge to push, or to look for.
type PushSpec struct {
	Repo   RepoSpec `json:"repo"`
	Branch string   `json:"branch"`
	Head   string   `json:"headSha"`
	Commit string   `json:"commit"`
	Tip    string   `json:"tip"`
	Target string   `json:"target"`
	Create bool     `json:"create,omitempty"`
	// Members are what a landing must have of its convoy.
	Members []MemberMerge `json:"members,omitempty"`
	// Last is set for the last look: what it does not find is not there.
	Last bool `json:"last,omitempty"`
}

// pushEffect is the effect about the push of a merge that is under way.
func (s *State) pushEffect(b *Bead) *Effect {
	m, p := b.Merge, b.Merge.Push
	kind := EffectPushMerge
	if p.Pushed || !b.Live() {
		kind = EffectFindMerge
	}
	return &Effect{
		ID: fmt.Sprintf("%s/%s/%d/%d", kind, b.ID, p.Run, p.Try), Kind: kind, Bead: b.ID, Rig: b.Rig,
		Push: &PushSpec{
			Repo: s.repo(b.Rig), Branch: m.Branch, Head: m.Head, Commit: p.Commit, Tip: p.Tip, Target: m.Target, Create: p.Create,
			Members: s.memberMerges(b),
			Last:    kind == EffectFindMerge && p.Looks >= len(pushLooks),
		},
	}
}

// outstandingPushes are the pushes, and the looks for them, that are not answered.
func (s *State) outstandingPushes() []Effect {
	var out []Effect
	for _, id := range sortedKeys(s.ix.pushing) {
		if b := s.beads[id]; b.Merge.Push.Asked != 0 && s.rigs[b.Rig] != nil {
			out = append(out, *s.pushEffect(b))
		}
	}
	return out
}

// ofConvoyBranch returns the convoy in whose branch a merge request goes, or nil.
func (s *State) ofConvoyBranch(mr *Bead) *Bead {
	if c := s.convoyOf(mr.Merge.Source); c != nil && c.Convoy.Branch != "" && c.Convoy.Branch == mr.Merge.Target {
		return c
	}
	return nil
}

// mayCreate reports whether the target of a merge request is made where it does not exist: a convoy's branch into which
// nothing was merged yet. Any other target that is missing has been taken away.
func (s *State) mayCreate(mr *Bead) bool {
	c := s.ofConvoyBranch(mr)
	return c != nil && !c.Convoy.Made
}

func pushCause(rig RigID, class PushClass) string { return "push/" + string(rig) + "/" + string(class) }
