package web

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// beadView is the page of a bead's life.
type beadView struct {
	Bead     *town.Bead
	Type     string
	Status   badge
	Priority string
	Since    when
	Created  when
	Held     when
	Archived bool
	Outcome  string
	Summary  string
	Due      []waitRow
	Waits    []waitRow
	Next     when
	Attempts []attemptRow
	Groups   []group
	Facts    []fieldRow
	Happened []happening
	Earlier  string // address of what happened before that
	Replay   string
	Buttons  []button
}

// waitRow is why nothing is due, or what is.
type waitRow struct {
	Code   string // of the wait, from the table of waits
	Reason string
	Rule   string
	On     link
	Until  when
}

type attemptRow struct {
	Run     town.Run
	Agent   town.AgentID
	Started when
	Took    string
	Outcome string
	Reason  string
	Fault   string
	Cost    string
}

// group is other beads that it hangs together with.
type group struct {
	Name  string
	Cards []card
}

func (p *Pages) bead(v *visit) error {
	id, bead := town.TownID(v.r.PathValue("townId")), town.BeadID(v.r.PathValue("bead"))
	at, err := p.place(v)
	if err != nil {
		return err
	}
	out := &beadView{}
	now := p.now()
	if err := p.Controller.Read(id, func(st *town.State) {
		if b := st.Bead(bead); b != nil {
			out.fill(b, now)
			out.fromState(st, now)
			out.Buttons = p.buttonsOf(v, id, beadAddress(id, bead)).forBead(b)
		}
	}); err != nil {
		return err
	}
	if out.Bead == nil {
		b, err := p.Journal.ArchivedBead(v.r.Context(), id, bead)
		if errors.Is(err, journal.ErrNotFound) {
			return missing("bead", bead)
		}
		if err != nil {
			return err
		}
		out.Archived = true
		out.fill(b, now)
	}
	if err := p.life(v.r.Context(), v.r.URL.Query().Get("before"), id, out); err != nil {
		return err
	}
	p.render(v, http.StatusOK, view{Page: "bead", Title: fmt.Sprintf("%s %s", bead, clip(out.Bead.Title, 60)), Town: at, Body: out})
	return nil
}

// fill takes what the bead itself says.
func (out *beadView) fill(b *town.Bead, now town.Time) {
	out.Bead, out.Type, out.Status, out.Priority, out.Outcome = b, plain(b.Type), badgeOf(b.Status), string(b.Priority), plain(b.Outcome)
	out.Since, out.Created, out.Held = whenOf(b.Since, now), whenOf(b.Created, now), whenOf(b.Held, now)
	for i := range b.Attempts {
		out.Attempts = append(out.Attempts, attemptOf(&b.Attempts[i], now))
	}
	slices.Reverse(out.Attempts)
	out.Facts = factsOf(b)
	if b.Failure != nil {
		out.Summary = b.Failure.Message
	}
}

func attemptOf(a *town.Attempt, now town.Time) attemptRow {
	r := attemptRow{
		Run: a.Run, Agent: a.Agent, Started: whenOf(a.Started, now), Outcome: plain(a.Outcome), Reason: clip(a.Reason, 400), Fault: string(a.Fault),
	}
	if a.Ended != 0 {
		r.Took = span(a.Ended.Since(a.Started))
	} else {
		r.Took = span(now.Since(a.Started)) + " so far"
	}
	if a.Tokens > 0 {
		r.Cost = fmt.Sprintf("%d tokens", a.Tokens)
	}
	if a.Micros > 0 {
		r.Cost = strings.TrimPrefix(r.Cost+fmt.Sprintf(", $%.2f", float64(a.Micros)/1e6), ", ")
	}
	return r
}

// factsOf lists the fields that only some beads have.
func factsOf(b *town.Bead) []fieldRow {
	var out []fieldRow
	add := func(name, text string) {
		if text != "" {
			out = append(out, fieldRow{Path: name, After: value(name, text)})
		}
	}
	add("rig", string(b.Rig))
	add("made by", b.CreatedBy)
	add("labels", strings.Join(b.Labels, ", "))
	if m := b.Merge; m != nil {
		add("branch", m.Branch+" into "+m.Target)
		add("commit", m.Head)
		add("merged as", m.MergeCommit)
		add("agent's summary", m.Summary)
		if m.PR != nil {
			add("pull request", m.PR.URL)
		}
	}
	if c := b.Convoy; c != nil {
		add("members", fmt.Sprintf("%d of %d done", c.Done, c.Members))
		add("feature branch", c.Branch)
		add("merge mode", string(c.Mode))
	}
	if e := b.Escalation; e != nil {
		add("severity", string(e.Severity))
		add("category", e.Category)
	}
	if t := b.Triage; t != nil {
		add("kind", plain(t.Kind))
		add("decision", plain(t.Resolution))
		add("decided by", t.ResolvedBy)
		add("note", t.Note)
	}
	if m := b.Message; m != nil {
		add("from", m.From)
		add("to", m.To)
	}
	for _, k := range slices.Sorted(maps.Keys(b.Metadata)) {
		add(k, b.Metadata[k])
	}
	return out
}

// fromState takes what the town says about it.
func (out *beadView) fromState(st *town.State, now town.Time) {
	b, id := out.Bead, st.Town().ID
	why, _ := st.Why(string(b.ID), now)
	out.Summary, out.Next = why.Summary, whenOf(why.Next, now)
	for _, a := range why.Due {
		out.Due = append(out.Due, waitRow{Reason: plain(a.Kind) + ": " + a.Reason, Rule: a.Rule})
	}
	for _, w := range why.Waits {
		r := waitRow{Code: string(w.Code), Reason: w.Reason, Rule: w.Rule, Until: whenOf(w.Until, now)}
		if w.On != "" {
			r.On = link{Label: w.On}
			if st.Bead(town.BeadID(w.On)) != nil {
				r.On = about(id, town.KindBead, w.On)
			}
		}
		out.Waits = append(out.Waits, r)
	}
	groups := map[string][]*town.Bead{}
	for _, d := range st.Needs(b.ID) {
		groups[needs[d.Kind]] = append(groups[needs[d.Kind]], st.Bead(d.On))
	}
	for _, d := range st.NeededBy(b.ID) {
		groups[neededBy[d.Kind]] = append(groups[neededBy[d.Kind]], st.Bead(d.Bead))
	}
	groups["merge requests"] = st.RequestsOf(b.ID)
	if b.Merge != nil {
		groups["to merge"] = []*town.Bead{st.Bead(b.Merge.Source)}
	}
	if on := aboutOf(b); on != "" {
		groups["about"] = []*town.Bead{st.Bead(on)}
	}
	for _, name := range []string{"about", "to merge", "waits for", "in convoy", "part of", "members", "holds up", "parts", "merge requests"} {
		g := group{Name: name}
		for _, x := range groups[name] {
			if x != nil && len(g.Cards) < maxCards {
				g.Cards = append(g.Cards, cardOf(st, x, now))
			}
		}
		if len(g.Cards) > 0 {
			out.Groups = append(out.Groups, g)
		}
	}
}

// The words for both ends of a dependency.
var (
	needs    = map[town.DepKind]string{town.Blocks: "waits for", town.Tracks: "in convoy", town.Parent: "part of"}
	neededBy = map[town.DepKind]string{town.Blocks: "holds up", town.Tracks: "members", town.Parent: "parts"}
)

func aboutOf(b *town.Bead) town.BeadID {
	switch {
	case b.Escalation != nil:
		return b.Escalation.About
	case b.Triage != nil:
		return b.Triage.About
	}
	return ""
}
