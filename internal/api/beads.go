package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"gastown/internal/controller"
	"gastown/internal/journal"
	"gastown/internal/town"
	"gastown/internal/wire"
)

// beadFilter chooses beads of a list.
type beadFilter struct {
	TownPath
	Type     town.BeadType     `query:"type" enum:"issue,merge_request,convoy,escalation,message,triage_request,molecule"`
	Status   []town.BeadStatus `query:"status" doc:"One or more of open, in_progress, in_review, closed, failed."`
	Rig      town.RigID        `query:"rig"`
	Assignee town.AgentID      `query:"assignee"`
	Label    string            `query:"label" doc:"A whole label."`
	Parent   town.BeadID       `query:"parent"`
	Convoy   town.BeadID       `query:"convoy" doc:"Members of this convoy."`
	Text     string            `query:"q" doc:"Words of the title."`
	Limit    int               `query:"limit" default:"100" minimum:"1" maximum:"1000"`
	Cursor   string            `query:"cursor" doc:"The next of the page before."`
}

func (f *beadFilter) matches(st *town.State, b *town.Bead) bool {
	switch {
	case f.Type != "" && b.Type != f.Type,
		len(f.Status) > 0 && !slices.Contains(f.Status, b.Status),
		f.Rig != "" && b.Rig != f.Rig,
		f.Assignee != "" && b.Assignee != f.Assignee,
		f.Label != "" && !b.HasLabel(f.Label),
		f.Parent != "" && b.Parent != f.Parent,
		f.Text != "" && !strings.Contains(strings.ToLower(b.Title), strings.ToLower(f.Text)):
		return false
	}
	if f.Convoy == "" {
		return true
	}
	return slices.ContainsFunc(st.Needs(b.ID), func(d *town.Dependency) bool { return d.Kind == town.Tracks && d.On == f.Convoy })
}

func (s *server) listBeads(_ context.Context, in *beadFilter) (*body[wire.BeadPage], error) {
	after := int64(0)
	if in.Cursor != "" {
		var err error
		if after, err = strconv.ParseInt(in.Cursor, 36, 64); err != nil || after < 0 {
			return nil, huma.Error422UnprocessableEntity("cursor: is not the next of a page", &huma.ErrorDetail{Location: "query.cursor", Message: "is not the next of a page", Value: in.Cursor})
		}
	}
	for _, st := range in.Status {
		if !slices.Contains([]town.BeadStatus{town.Open, town.InProgress, town.InReview, town.Closed, town.Failed}, st) {
			why := fmt.Sprintf("is %q, must be open, in_progress, in_review, closed or failed", st)
			return nil, huma.Error422UnprocessableEntity("status: "+why, &huma.ErrorDetail{Location: "query.status", Message: why})
		}
	}
	page := wire.BeadPage{Beads: []*town.Bead{}}
	err := s.read(in.Town, func(st *town.State) {
		for _, b := range st.Beads() {
			if b.Order <= after || !in.matches(st, b) {
				continue
			}
			if len(page.Beads) == in.Limit {
				page.Next = strconv.FormatInt(page.Beads[in.Limit-1].Order, 36)
				return
			}
			page.Beads = append(page.Beads, b)
		}
	})
	return answer(page, err)
}

func (s *server) createBead(ctx context.Context, in *struct {
	Change
	Body town.NewBead
}) (*body[wire.Bead], error) {
	res, err := s.command(ctx, in.Change, town.Event{Payload: &town.BeadCreated{Beads: []town.NewBead{in.Body}}})
	if err != nil {
		return nil, err
	}
	return s.bead(ctx, in.Town, town.BeadID(res.Outcome.Made[0]), "")
}

// bead shows a bead of the town or its archive.
func (s *server) bead(ctx context.Context, id town.TownID, bead town.BeadID, ignored string) (*body[wire.Bead], error) {
	out := wire.Bead{Ignored: ignored}
	err := s.read(id, func(st *town.State) {
		if out.Bead = st.Bead(bead); out.Bead == nil {
			return
		}
		for _, d := range st.Needs(bead) {
			if d.Kind == town.Blocks {
				out.DependsOn = append(out.DependsOn, d.On)
			}
		}
		for _, d := range st.NeededBy(bead) {
			if d.Kind == town.Blocks {
				out.NeededBy = append(out.NeededBy, d.Bead)
			}
		}
		out.MergeRequests = st.RequestsOf(bead)
		why, _ := st.Why(string(bead), s.Controller.Now())
		out.Why = why.Summary
	})
	if err != nil {
		return nil, err
	}
	if out.Bead == nil {
		b, err := s.Journal.ArchivedBead(ctx, id, bead)
		if errors.Is(err, journal.ErrNotFound) {
			return nil, missing("bead", bead)
		}
		if err != nil {
			return nil, s.fromError(err)
		}
		out.Bead, out.Archived = b, true
	}
	return answer(out, nil)
}

type OnBead struct {
	Change
	BeadPath
}

func (s *server) showBead(ctx context.Context, in *struct {
	TownPath
	BeadPath
}) (*body[wire.Bead], error) {
	return s.bead(ctx, in.Town, in.Bead, "")
}

// beadCommand submits an event about a bead and shows the bead after it.
func (s *server) beadCommand(ctx context.Context, in Change, bead town.BeadID, p town.Payload) (*body[wire.Bead], error) {
	res, err := s.command(ctx, in, town.Event{Bead: bead, Payload: p})
	if err != nil {
		return nil, err
	}
	return s.bead(ctx, in.Town, bead, ignoredReason(res))
}

func ignoredReason(res controller.Result) string {
	if res.Outcome.Verdict == town.Ignored {
		return res.Outcome.Reason
	}
	return ""
}

func (s *server) updateBead(ctx context.Context, in *struct {
	OnBead
	Body town.BeadUpdated
}) (*body[wire.Bead], error) {
	return s.beadCommand(ctx, in.Change, in.Bead, &in.Body)
}

type reasonedBead struct {
	OnBead
	Body *wire.Reason
}

func (s *server) holdBead(ctx context.Context, in *reasonedBead) (*body[wire.Bead], error) {
	return s.beadCommand(ctx, in.Change, in.Bead, &town.BeadHeld{Reason: given(in.Body).Reason})
}

func (s *server) releaseBead(ctx context.Context, in *OnBead) (*body[wire.Bead], error) {
	return s.beadCommand(ctx, in.Change, in.Bead, &town.BeadReleased{})
}

func (s *server) cancelBead(ctx context.Context, in *struct {
	OnBead
	Body *wire.Cancel
}) (*body[wire.Bead], error) {
	return s.beadCommand(ctx, in.Change, in.Bead, &town.BeadCancelled{As: given(in.Body).As, Reason: given(in.Body).Reason})
}

func (s *server) retryBead(ctx context.Context, in *struct {
	OnBead
	Body *wire.Retry
}) (*body[wire.Bead], error) {
	return s.beadCommand(ctx, in.Change, in.Bead, &town.BeadRetried{Fresh: given(in.Body).Fresh})
}

func (s *server) addDependency(ctx context.Context, in *struct {
	OnBead
	Body wire.DependsOn
}) (*body[wire.Bead], error) {
	return s.beadCommand(ctx, in.Change, in.Bead, &town.DependencyAdded{On: in.Body.On})
}

func (s *server) removeDependency(ctx context.Context, in *struct {
	OnBead
	On town.BeadID `path:"on"`
}) (*body[wire.Bead], error) {
	return s.beadCommand(ctx, in.Change, in.Bead, &town.DependencyRemoved{On: in.On})
}

func (s *server) acknowledge(ctx context.Context, in *OnBead) (*body[wire.Bead], error) {
	return s.beadCommand(ctx, in.Change, in.Bead, &town.EscalationAcknowledged{})
}
