package api_test

import (
	"net/http"
	"strings"
	"testing"

	"gastown/internal/town"
	"gastown/internal/wire"
)

// An agent hears of nudges with every answer, reads its own mail and nobody else's, and what it writes
// reaches people.
func TestAgentMail(t *testing.T) {
	t.Parallel()
	w, c := busy(t)
	own := w.keys.AgentToken(c)
	var n town.Nudge
	w.must(http.StatusOK, http.MethodPost, at+"/agents/"+string(c.Agent)+"/nudge", wire.Nudge{Message: "Mind the gap"}).into(&n)
	if n.Agent != c.Agent || n.Source != "admin" {
		t.Errorf("nudge %+v", n)
	}
	eventually(t, "the nudge is delivered", func() bool {
		var l wire.List[*town.Nudge]
		w.must(http.StatusOK, http.MethodGet, at+"/agents/"+string(c.Agent)+"/nudges", nil).into(&l)
		return len(l.Items) == 1 && l.Items[0].Status == town.NudgeDelivered
	})
	var m wire.Bead
	w.must(http.StatusOK, http.MethodPost, at+"/messages", town.MessageSent{To: string(c.Agent), Subject: "The key", Body: "Under the mat"}).into(&m)

	var r wire.Receipt
	w.do(own, http.MethodPost, at+"/agent/status", `{"line":"reading"}`).into(&r)
	if !strings.Contains(strings.Join(r.Nudges, "\n"), "admin: Mind the gap") {
		t.Errorf("the answer to a verb has the nudges %q", r.Nudges)
	}
	var mail wire.Mail
	w.do(own, http.MethodGet, at+"/agent/mail", nil).into(&mail)
	if len(mail.Messages) != 1 || mail.Messages[0].Body != "Under the mat" || len(mail.Nudges) != 2 {
		t.Errorf("mail %+v", mail)
	}
	w.do(own, http.MethodPost, at+"/agent/mail-send", `{"to":"people","subject":"Which mat?"}`).into(&r)
	back := r.Made[0]
	w.do(own, http.MethodPost, at+"/agent/mail-read", `{"messages":["`+back+`"]}`).problem(http.StatusForbidden, "is for people")
	w.do(own, http.MethodPost, at+"/agent/mail-read", `{"messages":["`+string(m.ID)+`"]}`).into(&r)
	var read wire.Bead
	w.must(http.StatusOK, http.MethodGet, at+"/beads/"+string(m.ID), nil).into(&read)
	if read.Status != town.Closed || read.Message.Read == 0 {
		t.Errorf("the message is %+v", read.Bead)
	}
	var unread wire.List[*town.Bead]
	w.must(http.StatusOK, http.MethodGet, at+"/messages", nil).into(&unread)
	if len(unread.Items) != 1 || string(unread.Items[0].ID) != back || unread.Items[0].CreatedBy != string(c.Agent) {
		t.Errorf("for people there is %+v", unread.Items)
	}
	w.must(http.StatusOK, http.MethodPost, at+"/messages/"+back+"/read", nil)
}

// Nobody decides what triage is asked but people and the triage agent.
func TestOnlyTriageDecides(t *testing.T) {
	t.Parallel()
	w, c := busy(t)
	set := town.Settings{Agents: map[town.Role]town.AgentCommand{town.Triage: {Command: []string{"true"}}}}
	w.must(http.StatusOK, http.MethodPatch, at, wire.TownPatch{Settings: set})
	own := w.keys.AgentToken(c)
	var r wire.Receipt
	w.do(own, http.MethodPost, at+"/agent/escalate", `{"severity":"low","category":"help","message":"which one?"}`).into(&r)
	var page wire.BeadPage
	w.must(http.StatusOK, http.MethodGet, at+"/beads?type=triage_request", nil).into(&page)
	if len(page.Beads) != 1 || page.Beads[0].Triage.About != c.Bead {
		t.Fatalf("requests %+v", page.Beads)
	}
	ask := string(page.Beads[0].ID)
	w.do(own, http.MethodPost, at+"/agent/triage-resolve", `{"resolution":"close","bead":"gt-1"}`).problem(http.StatusForbidden, "only a person or the triage agent")
	w.do(own, http.MethodPost, at+"/triage/"+ask+"/resolve", `{"resolution":"close"}`).problem(http.StatusForbidden, "agent")
	w.do(w.admin, http.MethodPost, at+"/triage/"+ask+"/resolve", `{"resolution":"retry"}`).problem(http.StatusUnprocessableEntity, "must be one of nudge")
	w.do(w.admin, http.MethodPost, at+"/triage/"+string(c.Bead)+"/resolve", `{"resolution":"none"}`).problem(http.StatusConflict, "no triage request")
	var b wire.Bead
	w.must(http.StatusOK, http.MethodPost, at+"/triage/"+ask+"/resolve", town.TriageResolved{Resolution: town.ResolveNudge, Note: "The second"}).into(&b)
	if b.Status != town.Closed || b.Triage.ResolvedBy != "admin" {
		t.Errorf("the request is %+v", b.Bead)
	}
	w.do(w.admin, http.MethodPost, at+"/triage/"+ask+"/resolve", `{"resolution":"none"}`).problem(http.StatusConflict, "closed")
}
