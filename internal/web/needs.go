package web

import (
	"cmp"
	"slices"

	"gastown/internal/town"
)

// maxNeeds bounds what a page asks people for.
const maxNeeds = 50

// need is something that waits for a person, with the buttons that settle it.
type need struct {
	What    string // escalation, failed, held, …
	Status  badge
	Bead    card
	Text    string
	Since   when
	Buttons []button
}

// needsOf lists what waits for people: the most pressing first, then the oldest.
func needsOf(st *town.State, beads []*town.Bead, now town.Time, with buttons) (list []need, more int) {
	var found []*town.Bead
	for _, b := range beads {
		if st.NeedOf(b) != "" {
			found = append(found, b)
		}
	}
	slices.SortStableFunc(found, func(a, b *town.Bead) int {
		return cmp.Or(cmp.Compare(pressing(st, a), pressing(st, b)), cmp.Compare(a.Since, b.Since))
	})
	for _, b := range found[:min(len(found), maxNeeds)] {
		n := need{What: needWords[st.NeedOf(b)], Bead: cardOf(st, b, now), Since: whenOf(b.Since, now), Buttons: with.forBead(b)}
		n.Status, n.Text = badge{"warn", n.What}, clip(b.Body, 300)
		switch {
		case b.Status == town.Failed:
			n.Status.Class = "failed"
			n.Text = n.Bead.Why
		case b.Held != 0:
			n.Text, n.Since = clip(b.HeldReason, 300), whenOf(b.Held, now)
		case b.Convoy != nil:
			n.Text = n.Bead.Why
		case b.Escalation != nil && urgent(b.Escalation.Severity):
			n.Status.Class = "failed"
		}
		list = append(list, n)
	}
	return list, len(found) - len(list)
}

func urgent(s town.Severity) bool { return s == town.SeverityHigh || s == town.SeverityCritical }

// needWords has the words that pages use for what people have to do, by how pressing it is.
var needWords = map[town.Need]string{
	town.NeedEscalation: "escalation", town.NeedTriage: "triage", town.NeedFailed: "failed",
	town.NeedConvoyHeld: "convoy held", town.NeedStart: "convoy not started", town.NeedRelease: "held",
	town.NeedRead: "message",
}

// pressing is the place of what is needed for a bead among all needs.
func pressing(st *town.State, b *town.Bead) int { return slices.Index(town.Needs(), st.NeedOf(b)) }

// forBead lists the buttons that make sense for a bead as it is. The town may still refuse.
func (b buttons) forBead(x *town.Bead) []button {
	var out []button
	add := func(command, label string, strong bool) {
		made := b.bead(x, command, label)
		made.Strong = strong
		out = append(out, made)
	}
	switch {
	case x.Status == town.Failed:
		add("retry", "Retry", true)
	case !x.Live():
	case x.Escalation != nil:
		if x.Escalation.Acknowledged == 0 {
			add("acknowledge", "Acknowledge", true)
		}
	case x.Triage != nil:
		made := b.bead(x, "resolve", "Decide")
		made.Strong, made.Note = true, true
		for _, o := range x.Triage.Options {
			made.Options = append(made.Options, string(o))
		}
		out = append(out, made)
	case x.Message != nil:
		add("read", "Mark as read", true)
	case x.Convoy != nil:
		if x.Convoy.Staged {
			add("start", "Start", true)
		}
		add("close", "Close convoy", false)
	case x.Type == town.Issue || x.Type == town.MergeRequest:
		if x.Held != 0 {
			add("release", "Release", true)
		} else if x.Status == town.Open {
			add("hold", "Hold", false)
		}
		add("cancel", "Cancel", false)
	}
	return out
}
