package town

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// apply makes the beads of the batch, or none of them: everything is checked first.
func (p *BeadCreated) apply(t *tick, e *Event) *Refusal {
	if len(p.Beads) == 0 {
		return invalid("beads", "is empty")
	}
	if len(p.Beads) > maxBatch {
		return invalid("beads", "are %d, at most %d at once", len(p.Beads), maxBatch)
	}
	b := batch{t: t, p: p, index: map[string]int{}}
	if r := b.check(); r != nil {
		return r
	}
	b.make(e)
	return nil
}

// batch is a bead_created event being applied.
type batch struct {
	t     *tick
	p     *BeadCreated
	index map[string]int // place of each key
	rigs  []RigID        // resolved, by place
}

func (b *batch) check() *Refusal {
	for i := range b.p.Beads {
		n := &b.p.Beads[i]
		if r := b.checkOne(n); r != nil {
			if len(b.p.Beads) > 1 {
				r.Field = fmt.Sprintf("beads[%d].%s", i, r.Field)
			}
			return r
		}
		if n.Key == "" {
			continue
		}
		if _, taken := b.index[n.Key]; taken {
			return invalid(fmt.Sprintf("beads[%d].key", i), "%q is used twice", n.Key)
		}
		b.index[n.Key] = i
	}
	if r := b.checkDependencies(); r != nil {
		return r
	}
	return b.checkConvoy()
}

func (b *batch) checkOne(n *NewBead) *Refusal {
	if r := checkText(n.Title, n.Body); r != nil {
		return r
	}
	rig := n.Rig
	if rig == "" && len(b.t.s.rigs) == 1 {
		rig = sortedKeys(b.t.s.rigs)[0]
	}
	if b.t.s.rigs[rig] == nil {
		if n.Rig == "" && len(b.t.s.rigs) > 1 {
			return invalid("rig", "is empty, and the town has more than one: name it")
		}
		return b.t.noRig("rig", n.Rig)
	}
	b.rigs = append(b.rigs, rig)
	switch {
	case n.Priority != "" && !slices.Contains(priorities[:], n.Priority):
		return invalid("priority", "is %q, must be critical, high, medium or low", n.Priority)
	case n.Timeout < 0:
		return invalid("timeout", "is negative")
	case n.Parent != "" && b.t.s.beads[n.Parent] == nil:
		return notFound("parent", "there is no bead %s in this town", n.Parent)
	}
	for _, l := range n.Labels {
		if strings.HasPrefix(l, ownPrefix) {
			return invalid("labels", "%q: labels beginning with gt: are given by gastown itself", l)
		}
	}
	return nil
}

// checkDependencies finds what each dependsOn names and refuses cycles within the batch; edges to
// older beads cannot close one.
func (b *batch) checkDependencies() *Refusal {
	for i := range b.p.Beads {
		for _, on := range b.p.Beads[i].DependsOn {
			if _, local := b.index[on]; local {
				continue
			}
			if b.t.s.beads[BeadID(on)] == nil {
				return notFound(fmt.Sprintf("beads[%d].dependsOn", i), "%q is neither a key of this batch nor a bead of this town", on)
			}
		}
	}
	state := make([]int, len(b.p.Beads)) // 0 unseen, 1 on the path, 2 done
	var path []string
	var visit func(i int) string
	visit = func(i int) string {
		state[i] = 1
		path = append(path, b.p.Beads[i].Key)
		for _, on := range b.p.Beads[i].DependsOn {
			j, local := b.index[on]
			switch {
			case !local || state[j] == 2:
			case state[j] == 1:
				from := slices.Index(path, on)
				return strings.Join(append(slices.Clone(path[from:]), on), " → ")
			default:
				if cycle := visit(j); cycle != "" {
					return cycle
				}
			}
		}
		state[i] = 2
		path = path[:len(path)-1]
		return ""
	}
	for i := range b.p.Beads {
		if state[i] == 0 {
			if cycle := visit(i); cycle != "" {
				return invalid("dependsOn", "the beads wait for each other: %s", cycle)
			}
		}
	}
	return nil
}

func (b *batch) checkConvoy() *Refusal {
	c := b.p.Convoy
	if c == nil {
		return nil
	}
	if r := checkText(c.Title, c.Body); r != nil {
		r.Field = "convoy." + r.Field
		return r
	}
	if c.MergeMode != "" && c.MergeMode != ReviewThenLand && c.MergeMode != ReviewAndMerge {
		return invalid("convoy.mergeMode", "is %q, must be review-then-land or review-and-merge", c.MergeMode)
	}
	if b.mode() == ReviewThenLand && slices.ContainsFunc(b.rigs, func(r RigID) bool { return r != b.rigs[0] }) {
		return invalid("convoy.mergeMode", "review-then-land has one branch, but the beads are of several rigs: make a convoy per rig, or use review-and-merge")
	}
	return nil
}

// mode is how the convoy will be merged.
func (b *batch) mode() MergeMode {
	if m := b.p.Convoy.MergeMode; m != "" {
		return m
	}
	return b.t.s.config(b.rigs[0]).ConvoyMergeMode
}

// make enters everything in the books. The ids made are the convoy's, if there is one, and then
// the beads' in their order.
func (b *batch) make(e *Event) {
	var convoy BeadID
	if b.p.Convoy != nil {
		convoy = b.makeConvoy(e)
	}
	ids := make([]BeadID, len(b.p.Beads))
	for i := range b.p.Beads {
		n := &b.p.Beads[i]
		bead := Bead{
			Type: Issue, Title: n.Title, Body: n.Body, Rig: b.rigs[i], Parent: n.Parent, Priority: n.Priority,
			Labels: slices.Clone(n.Labels), CreatedBy: e.By, Timeout: n.Timeout, Metadata: cloneMap(n.Metadata),
		}
		if n.Held {
			bead.Held = b.t.now
		}
		ids[i] = b.t.addBead(bead).ID
		b.t.maker(string(ids[i]))
		if convoy != "" {
			b.t.addDependency(ids[i], convoy, Tracks)
		}
		if n.Parent != "" {
			b.t.addDependency(ids[i], n.Parent, Parent)
		}
	}
	for i := range b.p.Beads {
		for _, on := range b.p.Beads[i].DependsOn {
			target := BeadID(on)
			if j, local := b.index[on]; local {
				target = ids[j]
			}
			b.t.addDependency(ids[i], target, Blocks)
		}
	}
}

func (b *batch) makeConvoy(e *Event) BeadID {
	c, rig := b.p.Convoy, b.rigs[0]
	part := &ConvoyPart{Mode: b.mode(), Staged: b.t.s.config(rig).StagedConvoys, Members: len(b.p.Beads)}
	if c.Staged != nil {
		part.Staged = *c.Staged
	}
	made := b.t.addBead(Bead{Type: Convoy, Title: c.Title, Body: c.Body, Rig: rig, CreatedBy: e.By, Convoy: part})
	if part.Mode == ReviewThenLand {
		b.t.s.editBead(made.ID, b.t.now, func(x *Bead) { x.Convoy.Branch = ConvoyBranch(b.t.s.tag(), x.Title, x.ID) })
	}
	b.t.maker(string(made.ID))
	return made.ID
}

// maxSlug is the longest slug of a convoy's branch, in characters.
const maxSlug = 40

// convoyPrefix begins the branches of convoys, and of nothing else.
const convoyPrefix = "convoy"

// ConvoyBranch names a convoy's feature branch in a town with a tag: convoy/<tag>/<slug>/<id>.
func ConvoyBranch(tag, title string, id BeadID) string {
	var slug strings.Builder
	for _, c := range strings.ToLower(title) {
		switch {
		case c <= unicode.MaxASCII && (unicode.IsLetter(c) || unicode.IsDigit(c)):
			slug.WriteRune(c)
		case slug.Len() > 0 && !strings.HasSuffix(slug.String(), "-"):
			slug.WriteByte('-')
		}
		if slug.Len() == maxSlug {
			break
		}
	}
	name := strings.Trim(slug.String(), "-")
	if name == "" {
		name = "convoy"
	}
	return strings.Join([]string{convoyPrefix, tag, name, string(id)}, "/")
}
