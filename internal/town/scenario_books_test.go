package town

import "fmt"

// books sets what the town has of itself and of what was used; a day's usage is today's.
func (g given) books(w words) error {
	if len(w.plain) != 1 || len(w.pairs) == 0 {
		return fmt.Errorf("say %s KEY=VALUE", w.plain[0])
	}
	town, usage := g.p.s.town.clone(), &Usage{Day: dayOf(g.now)}
	var target entity = town
	if w.plain[0] == "usage" {
		target = usage
	}
	for _, p := range w.pairs {
		if err := assign(p, g.now, target); err != nil {
			return err
		}
	}
	g.p.s.set(target.ref(), target)
	return nil
}

// madeNames lists where a merge request names the work that was made of its pull request.
func madeNames(b *Bead) []*BeadID {
	if b.Merge == nil || b.Merge.PR == nil {
		return nil
	}
	names := []*BeadID{&b.Merge.PR.ConflictBead}
	if f := b.Merge.PR.Feedback; f != nil {
		names = append(names, &f.Bead)
	}
	return names
}
