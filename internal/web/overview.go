package web

import (
	"cmp"
	"net/http"
	"slices"

	"gastown/internal/controller"
	"gastown/internal/town"
	"gastown/internal/wire"
)

// The most that the overview lists of each.
const (
	maxQueue   = 30
	maxWaits   = 10
	maxConvoys = 8
)

// overviewView is the page of a town.
type overviewView struct {
	Town     town.TownID
	Tick     town.TickNo
	At       when
	Paused   when
	Why      string // it is paused
	Problem  string
	Pause    button
	Tally    []tally
	Needs    []need
	More     int
	Columns  []column
	Agents   []agentRow
	Others   int
	Queue    []queueRow
	Queued   int
	Convoys  []convoyView
	Waits    []waitingRow
	Breakers []breakerRow
	Hour     hour
	Figures  wire.Figures // of the last tick
	Counted  bool         // there was one since the server started
	Alarm    controller.Alarm
}

// tally is a number with a word.
type tally struct {
	N     int
	Word  string
	Class string
}

type queueRow struct {
	Card   card
	Rig    town.RigID
	Branch string
	Target string
	Pull   string // address of its pull request
}

type waitingRow struct {
	Card  card
	Rule  string
	Until when
}

type breakerRow struct {
	Scope, Class string
	Opened       when
	Failures     int
	Probed       when
}

// home shows the only town there is, or the list of towns.
func (p *Pages) home(v *visit) error {
	ids := p.Controller.Towns()
	if len(ids) == 1 {
		http.Redirect(v.w, v.r, "/towns/"+string(ids[0]), http.StatusSeeOther)
		return nil
	}
	type row struct {
		place
		Tally []tally
		Needs int
	}
	var rows []row
	for _, id := range ids {
		st, err := p.Controller.Status(id)
		if err != nil {
			return err
		}
		r := row{place: place{id, st.Name}, Tally: talliesOf(&st)}
		if err := p.Controller.Read(id, func(s *town.State) {
			list, more := needsOf(s, s.Beads(), p.now(), p.buttonsOf(v, id, "/"))
			r.Needs = len(list) + more
		}); err != nil {
			return err
		}
		rows = append(rows, r)
	}
	p.render(v, http.StatusOK, view{Page: "towns", Title: "Towns", Body: rows})
	return nil
}

func (p *Pages) overview(v *visit) error {
	at, err := p.place(v)
	if err != nil {
		return err
	}
	out, err := p.overviewOf(v, at.ID)
	if err != nil {
		return err
	}
	p.render(v, http.StatusOK, view{Page: "overview", Title: at.Name, Town: at, Tab: "overview", Body: out})
	return nil
}

// overviewParts answers the script of the overview with what can change.
func (p *Pages) overviewParts(v *visit) error {
	out, err := p.overviewOf(v, town.TownID(v.r.PathValue("townId")))
	if err != nil {
		return err
	}
	p.write(v, http.StatusOK, "overview", "parts", out)
	return nil
}

func (p *Pages) overviewOf(v *visit, id town.TownID) (*overviewView, error) {
	st, err := p.Controller.Status(id)
	if err != nil {
		return nil, err
	}
	now := p.now()
	with := p.buttonsOf(v, id, "/towns/"+string(id))
	out := &overviewView{
		Town: id, Tick: st.LastTick, At: whenOf(st.LastTickAt, now), Paused: whenOf(st.Paused, now), Problem: st.Problem,
		Tally: talliesOf(&st), Figures: st.Reconciler, Counted: st.Reconciler.ActionsByType != nil, Alarm: st.Alarm,
		Pause: with.button("pause", "Pause", "the town"),
	}
	if st.Paused != 0 {
		out.Pause = with.button("resume", "Go on", "the town")
		out.Pause.Strong = true
	}
	for _, k := range st.Breakers {
		out.Breakers = append(out.Breakers, breakerRow{k.Scope(), plain(k.Class), whenOf(k.Opened, now), len(k.Failures), whenOf(k.Probed, now)})
	}
	if err := p.Controller.Read(id, func(s *town.State) {
		out.Why = s.Town().PausedReason
		beads := s.Beads()
		out.Needs, out.More = needsOf(s, beads, now, with)
		out.Columns = boardOf(s, beads, now, func(b *town.Bead) bool { return b.Type == town.Issue || b.Type == town.Molecule }, nil)
		out.Agents, out.Others = agentsOf(s, now, nil)
		out.queue(s, beads, now)
		out.waits(s, beads, now)
		out.Convoys = convoysOf(s, beads, now)
	}); err != nil {
		return nil, err
	}
	out.Hour, err = p.hourOf(v.r.Context(), id, now)
	return out, err
}

func talliesOf(st *controller.Status) []tally {
	return []tally{
		{st.Beads.Open, "open", "open"}, {st.Beads.InProgress, "in progress", "progress"}, {st.Beads.InReview, "in review", "review"},
		{st.Beads.Closed, "closed", "closed"}, {st.Beads.Failed, "failed", "failed"},
		{st.Agents.Working, "working", "progress"}, {st.Agents.Idle, "idle", "open"}, {st.Agents.Stalled, "stalled", "warn"},
	}
}

// queue lists the merge requests that live, rig by rig in the order in which they are merged.
func (out *overviewView) queue(s *town.State, beads []*town.Bead, now town.Time) {
	var list []*town.Bead
	for _, b := range beads {
		if b.Merge != nil && b.Live() {
			list = append(list, b)
		}
	}
	slices.SortStableFunc(list, func(a, b *town.Bead) int {
		return cmp.Or(cmp.Compare(a.Rig, b.Rig), -cmp.Compare(a.Status, b.Status), cmp.Compare(urgency(a), urgency(b)), cmp.Compare(a.Order, b.Order))
	})
	out.Queued = len(list)
	for _, b := range list[:min(len(list), maxQueue)] {
		r := queueRow{Card: cardOf(s, b, now), Rig: b.Rig, Branch: b.Merge.Branch, Target: b.Merge.Target}
		if b.Merge.PR != nil {
			r.Pull = b.Merge.PR.URL
		}
		out.Queue = append(out.Queue, r)
	}
}

// waits lists the beads that have not moved for the longest time, with what they wait for.
func (out *overviewView) waits(s *town.State, beads []*town.Bead, now town.Time) {
	var list []*town.Bead
	for _, b := range beads {
		if b.Live() && (b.Type == town.Issue || b.Type == town.MergeRequest || b.Type == town.Convoy) && b.Status != town.InProgress {
			list = append(list, b)
		}
	}
	slices.SortStableFunc(list, func(a, b *town.Bead) int { return cmp.Compare(a.Since, b.Since) })
	for _, b := range list[:min(len(list), maxWaits)] {
		w, _ := s.Why(string(b.ID), now)
		if len(w.Waits) == 0 {
			continue
		}
		r := waitingRow{Card: cardOf(s, b, now), Rule: w.Waits[0].Rule, Until: whenOf(w.Next, now)}
		r.Card.Why = clip(w.Waits[0].Reason, 200)
		out.Waits = append(out.Waits, r)
	}
}
