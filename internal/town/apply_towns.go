package town

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// What people do to a town and its rigs.

func (p *TownConfigured) apply(t *tick, _ *Event) *Refusal {
	if err := p.Settings.Validate(); err != nil {
		return refuseSettings(err)
	}
	left, err := t.s.town.Settings.without(p.Unset)
	if err != nil {
		return refuseSettings(err)
	}
	gates, repos := map[RigID][]Gate{}, map[RigID]RepoSpec{}
	for id := range t.s.rigs {
		gates[id], repos[id] = t.s.config(id).Gates, t.s.repo(id)
	}
	t.s.editTown(func(x *Town) {
		if p.Name != "" {
			x.Name = p.Name
		}
		x.Settings = left.merge(p.Settings)
	})
	for _, id := range sortedKeys(gates) {
		t.gatesChanged(id, gates[id])
		t.referencesChanged(id, repos[id])
	}
	return nil
}

func refuseSettings(err error) *Refusal {
	if f, ok := err.(*FieldError); ok {
		return invalid("settings."+f.Field, "%s", f.Reason)
	}
	return invalid("settings", "%v", err)
}

func (p *TownPaused) apply(t *tick, _ *Event) *Refusal {
	if t.s.town.Paused != 0 {
		return ignore("the town is paused since %s", t.s.town.Paused)
	}
	t.s.editTown(func(x *Town) { x.Paused, x.PausedReason = t.now, p.Reason })
	return nil
}

func (p *TownResumed) apply(t *tick, _ *Event) *Refusal {
	if t.s.town.Paused == 0 {
		return ignore("the town is not paused")
	}
	t.s.editTown(func(x *Town) { x.Paused, x.PausedReason = 0, "" })
	return nil
}

func (p *RigAdded) apply(t *tick, _ *Event) *Refusal {
	if why := badRigName(p.Rig); why != "" {
		return invalid("rig", "%s", why)
	}
	if t.s.rigs[p.Rig] != nil {
		return conflict("there is a rig %s already", p.Rig)
	}
	if p.URL == "" || p.DefaultBranch == "" {
		return invalid("url", "a rig needs a URL and a default branch")
	}
	if r := checkCredential(p.Credential, p.URL); r != nil {
		return r
	}
	if r := checkRigSettings(p.Settings); r != nil {
		return r
	}
	r := &Rig{ID: p.Rig, URL: p.URL, DefaultBranch: p.DefaultBranch, Credential: p.Credential, Settings: p.Settings, Created: t.now}
	t.s.set(r.ref(), r)
	t.maker(string(r.ID))
	return nil
}

func badRigName(id RigID) string {
	switch {
	case id == "":
		return "is empty"
	case len(id) > 40:
		return "is longer than 40 characters"
	}
	for i, c := range id {
		if c > unicode.MaxASCII || (!unicode.IsLetter(c) && !unicode.IsDigit(c) && (i == 0 || !strings.ContainsRune("-_.", c))) {
			return fmt.Sprintf("%q: only letters, digits, '-', '_' and '.', beginning with a letter or digit", id)
		}
	}
	return ""
}

func checkRigSettings(s Settings) *Refusal {
	if err := s.Validate(); err != nil {
		return refuseSettings(err)
	}
	if key := s.townOnly(); key != "" {
		return invalid("settings."+key, "belongs to the town, not to a rig")
	}
	return nil
}

func (p *RigUpdated) apply(t *tick, _ *Event) *Refusal {
	if t.s.rigs[p.Rig] == nil {
		return t.noRig("rig", p.Rig)
	}
	if r := checkRigSettings(p.Settings); r != nil {
		return r
	}
	left, err := t.s.rigs[p.Rig].Settings.without(p.Unset)
	if err != nil {
		return refuseSettings(err)
	}
	repo := t.s.repo(p.Rig).Changed(p)
	if r := checkCredential(repo.Credential, repo.URL); r != nil {
		return r
	}
	former, gates := t.s.repo(p.Rig), t.s.config(p.Rig).Gates
	t.s.editRig(p.Rig, func(r *Rig) {
		r.URL, r.DefaultBranch, r.Credential = repo.URL, repo.DefaultBranch, repo.Credential
		r.Settings = left.merge(p.Settings)
	})
	t.gatesChanged(p.Rig, gates)
	t.repoChanged(p, former.DefaultBranch)
	t.referencesChanged(p.Rig, former)
	return nil
}

// Changed is the repository as an update leaves it.
func (r RepoSpec) Changed(p *RigUpdated) RepoSpec {
	if p.URL != "" {
		r.URL = p.URL
	}
	if p.DefaultBranch != "" {
		r.DefaultBranch = p.DefaultBranch
	}
	if p.Credential != "" {
		r.Credential = p.Credential
	}
	if p.Credential == NoCredential {
		r.Credential = ""
	}
	return r
}

// repoChanged has the rig's merge requests go on where its repository is now: those into the former default branch go
// into the new one, and whatever waits for a look at the former repository is looked at anew. One that is being merged
// keeps its verified head; its merge is tested on the branch that it finds.
func (t *tick) repoChanged(p *RigUpdated, former string) {
	branch := t.s.repo(p.Rig).DefaultBranch
	for _, id := range sortedKeys(t.s.beads) {
		b := t.s.beads[id]
		if b.Rig != p.Rig || b.Merge == nil || !b.Live() {
			continue
		}
		follows := b.Merge.Target == former && branch != former
		anew := b.Status == Open && (follows || b.Merge.Verify == VerifyAsked && (p.URL != "" || p.Credential != ""))
		if !follows && !anew {
			continue
		}
		t.s.editBead(id, t.now, func(b *Bead) {
			m := b.Merge
			if follows {
				m.Target = branch
			}
			if o := m.Obstacle; o != nil {
				o.Now = true
			}
			if anew {
				m.Verify, m.VerifyError, m.VerifyClass = NotVerified, "", ""
			}
		})
	}
}

func (p *RigRemoved) apply(t *tick, _ *Event) *Refusal {
	if t.s.rigs[p.Rig] == nil {
		return t.noRig("rig", p.Rig)
	}
	for _, id := range sortedKeys(t.s.beads) {
		if b := t.s.beads[id]; b.Rig == p.Rig && b.Live() {
			return conflict("bead %s of the rig is %s: cancel the rig's beads first", id, b.Status)
		}
	}
	for _, id := range sortedKeys(t.s.ix.pushing) {
		if b := t.s.beads[id]; b.Rig == p.Rig && b.Merge.Push.Asked != 0 {
			return conflict("what was pushed for %s is being looked for: wait for that", id)
		}
	}
	for _, id := range slices.Clone(t.s.ix.agentsOf[p.Rig]) {
		if a := t.s.agents[id]; a.Process() {
			return conflict("agent %s of the rig still runs: stop it first", id)
		}
		t.s.set(ref{KindAgent, string(id)}, nil)
	}
	for _, id := range sortedKeys(t.s.breakers) {
		if t.s.breakers[id].Rig == p.Rig {
			t.s.set(ref{KindBreaker, id}, nil)
		}
	}
	t.s.set(ref{KindRig, string(p.Rig)}, nil)
	return nil
}

func (t *tick) noRig(field string, id RigID) *Refusal {
	known := sortedKeys(t.s.rigs)
	if len(known) == 0 {
		return notFound(field, "there is no rig %q, and none at all: add one first", id)
	}
	names := make([]string, len(known))
	for i, k := range known {
		names[i] = string(k)
	}
	return notFound(field, "there is no rig %q; there are %s", id, strings.Join(names, ", "))
}
