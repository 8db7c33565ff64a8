package web

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/google/uuid"

	"gastown/internal/controller"
	"gastown/internal/town"
)

// button is a form of one button that sends a command.
type button struct {
	Action  string // where it is sent
	Label   string
	Strong  bool // it is what most people want
	Form    string
	Key     string // the event's id: pressing twice is pressing once
	Back    string // the page to return to
	About   string // what it is for, for those who do not see where it stands
	Options []string
	Note    bool // a few words may be said with it
}

// buttons makes buttons for one page of one session.
type buttons struct {
	town town.TownID
	form string
	back string
}

func (p *Pages) buttonsOf(v *visit, id town.TownID, back string) buttons {
	return buttons{town: id, form: v.session.form, back: back}
}

// bead makes a button for a command on a bead.
func (b buttons) bead(bead *town.Bead, command, label string) button {
	return b.button(fmt.Sprintf("beads/%s/%s", bead.ID, command), label, string(bead.ID)+" "+clip(bead.Title, 60))
}

func (b buttons) button(where, label, about string) button {
	return button{Action: fmt.Sprintf("/towns/%s/%s", b.town, where), Label: label, Form: b.form, Key: uuid.NewString(), Back: b.back, About: about}
}

// beadCommands are what people can have done to a bead, by the last part of the address.
var beadCommands = map[string]struct {
	done    string // what the next page says
	payload func(r *http.Request, bead town.BeadID) town.Payload
}{
	"acknowledge": {"was acknowledged", func(*http.Request, town.BeadID) town.Payload { return &town.EscalationAcknowledged{} }},
	"retry":       {"is tried again", func(*http.Request, town.BeadID) town.Payload { return &town.BeadRetried{} }},
	"release":     {"was released", func(*http.Request, town.BeadID) town.Payload { return &town.BeadReleased{} }},
	"hold":        {"is held", func(r *http.Request, _ town.BeadID) town.Payload { return &town.BeadHeld{Reason: note(r)} }},
	"cancel":      {"was cancelled", func(r *http.Request, _ town.BeadID) town.Payload { return &town.BeadCancelled{Reason: note(r)} }},
	"start":       {"was started", func(*http.Request, town.BeadID) town.Payload { return &town.ConvoyStarted{} }},
	"close":       {"was closed", func(r *http.Request, _ town.BeadID) town.Payload { return &town.ConvoyClosed{Reason: note(r)} }},
	"read": {"was read", func(_ *http.Request, bead town.BeadID) town.Payload {
		return &town.MessageRead{Messages: []town.BeadID{bead}}
	}},
	"resolve": {"was decided", func(r *http.Request, _ town.BeadID) town.Payload {
		return &town.TriageResolved{Resolution: town.Resolution(r.PostFormValue("option")), Note: note(r)}
	}},
}

func note(r *http.Request) string { return r.PostFormValue("note") }

func (p *Pages) beadCommand(v *visit) error {
	c, ok := beadCommands[v.r.PathValue("command")]
	if !ok {
		return &problem{http.StatusNotFound, "nothing of that name can be done to a bead"}
	}
	bead := town.BeadID(v.r.PathValue("bead"))
	e := town.Event{Bead: bead, Payload: c.payload(v.r, bead)}
	if e.Payload.Type() == "message_read" {
		e.Bead = "" // it names what was read itself
	}
	return p.command(v, e, fmt.Sprintf("%s %s.", bead, c.done))
}

func (p *Pages) townCommand(v *visit) error {
	switch v.r.PathValue("command") {
	case "pause":
		return p.command(v, town.Event{Payload: &town.TownPaused{Reason: note(v.r)}}, "The town is paused: nothing new is started.")
	case "resume":
		return p.command(v, town.Event{Payload: &town.TownResumed{}}, "The town goes on.")
	}
	return &problem{http.StatusNotFound, "nothing of that name can be done to a town"}
}

// command submits a person's event and goes back to the page it came from, which says what became of
// it.
func (p *Pages) command(v *visit, e town.Event, done string) error {
	e.By, e.Type = "admin", e.Payload.Type()
	e.ID = v.r.PostFormValue("key")
	if err := uuid.Validate(e.ID); err != nil {
		return &problem{http.StatusBadRequest, "the form has no key of its own: reload the page and try again"}
	}
	id := town.TownID(v.r.PathValue("townId"))
	res, err := p.Controller.Submit(v.r.Context(), id, e)
	switch {
	case errors.Is(err, controller.ErrNoTown):
		return err
	case err != nil:
		return fmt.Errorf("it is not known whether that was done: %w", err)
	}
	said := &notice{Text: done}
	switch o := res[0].Outcome; o.Verdict {
	case town.Rejected:
		said = &notice{Text: "Refused: " + o.Reason + ".", Refused: true}
	case town.Ignored:
		said = &notice{Text: "Nothing was changed: " + o.Reason + "."}
	}
	v.session.tell(said)
	http.Redirect(v.w, v.r, local(v.r.PostFormValue("back")), http.StatusSeeOther)
	return nil
}
