package web

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gastown/internal/town"
)

// maxCards bounds the beads of one column of a board.
const maxCards = 25

// column is the beads of one status.
type column struct {
	Status badge
	Count  int
	Cards  []card
	More   int // further ones that are not shown
}

// card is a bead in a few words.
type card struct {
	ID     town.BeadID
	Href   string
	Type   string // empty for an issue
	Title  string
	Status badge
	Who    town.AgentID
	Why    string // what it waits for
	Since  when
	Held   bool
	Fresh  bool // it was changed just then
}

// boardStatuses are the columns, in the order in which work goes through them.
var boardStatuses = []town.BeadStatus{town.Open, town.InProgress, town.InReview, town.Closed, town.Failed}

// boardOf sorts beads into columns: what lives by urgency, what is over by when it ended, newest first.
func boardOf(st *town.State, beads []*town.Bead, now town.Time, shown func(*town.Bead) bool, fresh map[town.BeadID]bool) []column {
	by := map[town.BeadStatus][]*town.Bead{}
	for _, b := range beads {
		if shown(b) {
			by[b.Status] = append(by[b.Status], b)
		}
	}
	out := make([]column, 0, len(boardStatuses))
	for _, status := range boardStatuses {
		list := by[status]
		slices.SortFunc(list, func(a, b *town.Bead) int {
			// What has just changed is what a reader looks for.
			if fresh[a.ID] != fresh[b.ID] {
				if fresh[a.ID] {
					return -1
				}
				return 1
			}
			if status.Terminal() {
				return cmp.Or(cmp.Compare(b.Closed, a.Closed), cmp.Compare(b.Order, a.Order))
			}
			return cmp.Or(cmp.Compare(urgency(a), urgency(b)), cmp.Compare(a.Order, b.Order))
		})
		c := column{Status: badgeOf(status), Count: len(list)}
		for _, b := range list[:min(len(list), maxCards)] {
			x := cardOf(st, b, now)
			x.Fresh = fresh[b.ID]
			c.Cards = append(c.Cards, x)
		}
		c.More = len(list) - len(c.Cards)
		out = append(out, c)
	}
	return out
}

// urgencies are the priorities, most urgent first.
var urgencies = []town.Priority{town.Critical, town.High, town.Medium, town.Low}

func urgency(b *town.Bead) int { return slices.Index(urgencies, b.Priority) }

func beadAddress(id town.TownID, bead town.BeadID) string {
	return fmt.Sprintf("/towns/%s/beads/%s", id, bead)
}

func cardOf(st *town.State, b *town.Bead, now town.Time) card {
	c := card{
		ID: b.ID, Href: beadAddress(st.Town().ID, b.ID), Title: clip(b.Title, 120), Status: badgeOf(b.Status),
		Who: b.Assignee, Since: whenOf(b.Since, now), Held: b.Held != 0,
	}
	if b.Type != town.Issue {
		c.Type = plain(b.Type)
	}
	switch {
	case b.Failure != nil:
		c.Why = clip(b.Failure.Message, 160)
	case b.Live():
		c.Why = reasonOf(st, string(b.ID), now)
	case b.Outcome != "":
		c.Why = plain(b.Outcome)
	}
	if strings.HasPrefix(c.Why, string(b.Assignee)+" ") {
		c.Who = "" // the reason names it
	}
	return c
}

// reasonOf says what a bead or agent waits for, or what comes next.
func reasonOf(st *town.State, id string, now town.Time) string {
	w, ok := st.Why(id, now)
	switch {
	case !ok:
		return ""
	case len(w.Due) > 0:
		return clip("next: "+plain(w.Due[0].Kind)+", "+w.Due[0].Reason, 160)
	case len(w.Waits) > 0:
		return clip(w.Waits[0].Reason, 160)
	}
	return ""
}

// agentRow is an agent in a few words.
type agentRow struct {
	ID       town.AgentID
	Role     string
	Rig      town.RigID
	Status   badge
	Since    when
	Hook     town.BeadID
	HookHref string
	HookName string
	Run      town.Run
	Says     string // what it says that it does
	Process  string // what its process is seen to do
	Silent   when   // since when it has written nothing
	Lost     when   // since when its heartbeat is lost
	Fresh    bool
}

// maxAgentRows bounds the agents of a page; those that do something come first.
const maxAgentRows = 100

func agentsOf(st *town.State, now town.Time, fresh map[town.AgentID]bool) (rows []agentRow, more int) {
	list := st.Agents()
	slices.SortStableFunc(list, func(a, b *town.Agent) int { return cmp.Compare(rest(a), rest(b)) })
	for _, a := range list[:min(len(list), maxAgentRows)] {
		r := agentRow{
			ID: a.ID, Role: string(a.Role), Rig: a.Rig, Status: badgeOf(a.Status), Since: whenOf(a.Since, now), Run: a.Run,
			Process: processOf(a), Fresh: fresh[a.ID],
		}
		if a.Hook != "" || a.Process() {
			r.Says, r.Silent, r.Lost = clip(a.StatusLine, town.MaxStatusLine), whenOf(a.Inactive, now), whenOf(a.HeartbeatLost, now)
		}
		if a.Hook != "" {
			r.Hook, r.HookHref = a.Hook, beadAddress(st.Town().ID, a.Hook)
			if b := st.Bead(a.Hook); b != nil {
				r.HookName = clip(b.Title, 80)
			}
		}
		rows = append(rows, r)
	}
	return rows, len(list) - len(rows)
}

// rest orders agents: those with something in hand first.
func rest(a *town.Agent) int {
	switch {
	case a.Status == town.Stalled:
		return 0
	case a.Status == town.Working:
		return 1
	case a.Hook != "":
		return 2
	}
	return 3
}

func processOf(a *town.Agent) string {
	switch {
	case a.Hook == "" && !a.Process():
		return ""
	case a.Dispatch == town.DispatchUnclear:
		return "start unclear"
	case a.Observed != town.NotObserved:
		return "process " + plain(a.Observed)
	case a.Dispatch == town.DispatchPending:
		return "being started"
	}
	return ""
}
