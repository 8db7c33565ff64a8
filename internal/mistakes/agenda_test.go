package mistakes

// agendaMistakes are mistakes in what is looked at, when, and in which order.
var agendaMistakes = []mistake{
	{
		name: "lost-wake-up-of-dependents", file: "agenda.go",
		old: `	for _, d := range s.ix.neededBy[b.ID] {
		s.markBead(d.Bead)
	}
`,
		new:   "",
		wrong: "What waits for a bead is not looked at when that bead changes.",
	},
	{
		name: "lost-wake-up-of-the-convoy", file: "agenda.go",
		old: `		s.markBead(d.On)
		if c := s.beads[d.On]; d.Kind == Tracks`,
		new:   `		if c := s.beads[d.On]; d.Kind == Tracks`,
		wrong: "A convoy is not looked at when a member changes.",
	},
	{
		name: "lost-wake-up-of-the-source", file: "agenda.go",
		old: `		s.markBead(b.Merge.Source)
`,
		new:   "",
		wrong: "An issue is not looked at when its merge request changes.",
	},
	{
		name: "lost-wake-up-of-the-hook", file: "agenda.go",
		old: `		s.markBead(a.Hook)
		s.markProbed(a.Hook)
`,
		new: `		s.markProbed(a.Hook)
`,
		wrong:  "A bead is not looked at when its agent changes.",
		played: true,
	},
	{
		name: "pause-wakes-nobody", file: "agenda.go",
		old: `	case KindTown:
		s.touchAll()
`,
		new: `	case KindTown:
`,
		wrong: "When a pause or a setting of the town changes, nothing is looked at again.",
	},
	{
		name: "later-due-time-wins", file: "agenda.go",
		old:   "case t < e.at:",
		new:   "case t > e.at:",
		wrong: "Of two moments at which an entity comes due, the later one is kept.",
	},
	{
		name: "order-compared-as-text", file: "step.go",
		old:   "cmp.Compare(a.order, b.order), compareRefs",
		new:   "cmp.Compare(fmt.Sprint(a.order), fmt.Sprint(b.order)), compareRefs",
		wrong: "Places are compared as text, so the tenth bead comes before the ninth.",
	},
	{
		name: "dispatch-order-by-age-only", file: "index.go",
		old:   "return queued{b.Priority.rank(), b.Order, b.ID}",
		new:   "return queued{0, b.Order, b.ID}",
		wrong: "Beads are started by age, whatever their priority.",
	},
	{
		name: "stop-frees-the-place-at-once", file: "index.go",
		old:   `(a.Hook != "" || a.Stopping != 0) }`,
		new:   `a.Hook != "" }`,
		wrong: "A polecat that is being stopped takes no place any more.",
	},
	{
		name: "stop-lost-in-a-crash", file: "effect.go",
		old: `		if a.Stopping != 0 {
			out`,
		new: `		if a.Stopping < 0 {
			out`,
		wrong:  "A stop that was decided and not answered is not asked for again after a crash.",
		played: true,
	},
}
