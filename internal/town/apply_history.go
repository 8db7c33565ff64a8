package town

import (
	"fmt"
	"slices"
)

// Former is a history that a town had before its present one.
type Former struct {
	History History `json:"history"`
	Until   Time    `json:"until"`
	Reason  string  `json:"reason,omitempty" share:"keep"`
}

// keptFormer is how many former histories a town remembers: work under their tags is looked for.
const keptFormer = 50

// Was reports whether the town has that history, or had it.
func (t *Town) Was(h History) bool {
	return t.History == h || slices.ContainsFunc(t.Former, func(f Former) bool { return f.History == h })
}

// apply ends every run that the books have: they were runs of the former history. What they worked on is open again.
func (p *HistoryRenewed) apply(t *tick, _ *Event) *Refusal {
	old := t.s.town.History
	switch {
	case !p.To.Valid() || p.To == old:
		return invalid("to", "%q names no other history", p.To)
	case p.From != old:
		return ignore("the town's history is %s", old)
	}
	t.s.editTown(func(x *Town) {
		x.History = p.To
		x.Former = append(slices.Clone(x.Former), Former{History: old, Until: t.now, Reason: p.Reason})
		x.Former = x.Former[max(0, len(x.Former)-keptFormer):]
	})
	for _, id := range sortedKeys(t.s.agents) {
		a := t.s.agents[id]
		if !a.Process() {
			continue
		}
		ended := &AgentCompleted{Result: RunEvicted, Reason: "it was a run of a former history of the town"}
		if r := ended.apply(t, &Event{Agent: id, Run: a.Run}); r != nil {
			panic(fmt.Sprintf("town: the run of %s cannot be ended: %s", id, r.Reason))
		}
	}
	made := t.addBead(Bead{
		Type: Escalation, CreatedBy: "gastown", Title: fmt.Sprintf("The town goes on from an older copy of itself, with the tag %s", p.To.Tag()),
		Body: clip(fmt.Sprintf("%s\n\nWhat happened after the copy was taken is not in the town's books. Runs from that time were stopped. Their "+
			"branches have the tag %s in their names and are in the mirrors and at the remotes; nothing of them is touched.", p.Reason, old.Tag()), maxBody),
		Escalation: &EscalationPart{Severity: SeverityHigh, Category: "history", Cause: "history/" + p.To.Tag()},
	})
	t.maker(string(made.ID))
	return nil
}
