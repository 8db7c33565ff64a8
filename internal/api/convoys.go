package api

import (
	"context"

	"gastown/internal/town"
	"gastown/internal/wire"
)

func (s *server) listConvoys(_ context.Context, in *TownPath) (*body[wire.List[*town.Bead]], error) {
	out := wire.List[*town.Bead]{Items: []*town.Bead{}}
	err := s.read(in.Town, func(st *town.State) {
		for _, b := range st.Beads() {
			if b.Convoy != nil {
				out.Items = append(out.Items, b)
			}
		}
	})
	return answer(out, err)
}

func (s *server) createConvoy(ctx context.Context, in *struct {
	Change
	Body wire.NewConvoy
}) (*body[wire.Convoy], error) {
	n := &in.Body
	res, err := s.command(ctx, in.Change, town.Event{Payload: &town.BeadCreated{
		Beads:  n.Tasks,
		Convoy: &town.NewConvoy{Title: n.Title, Body: n.Body, MergeMode: n.MergeMode, Staged: n.Staged},
	}})
	if err != nil {
		return nil, err
	}
	return s.convoy(in.Town, town.BeadID(res.Outcome.Made[0]), "")
}

func (s *server) convoy(id town.TownID, convoy town.BeadID, ignored string) (*body[wire.Convoy], error) {
	out := wire.Convoy{Ignored: ignored, Tasks: []*town.Bead{}}
	err := s.read(id, func(st *town.State) {
		b := st.Bead(convoy)
		if b == nil || b.Convoy == nil {
			return
		}
		out.Bead = b
		for _, d := range st.NeededBy(convoy) {
			if d.Kind == town.Tracks {
				out.Tasks = append(out.Tasks, st.Bead(d.Bead))
				out.MergeRequests = append(out.MergeRequests, st.RequestsOf(d.Bead)...)
			}
		}
		out.MergeRequests = append(out.MergeRequests, st.RequestsOf(convoy)...)
		why, _ := st.Why(string(convoy), s.Controller.Now())
		out.Why = why.Summary
	})
	if err == nil && out.Bead == nil {
		err = missing("convoy", convoy)
	}
	return answer(out, err)
}

func (s *server) showConvoy(_ context.Context, in *struct {
	TownPath
	BeadPath
}) (*body[wire.Convoy], error) {
	return s.convoy(in.Town, in.Bead, "")
}

func (s *server) updateConvoy(ctx context.Context, in *struct {
	OnBead
	Body town.ConvoyUpdated
}) (*body[wire.Convoy], error) {
	res, err := s.command(ctx, in.Change, town.Event{Bead: in.Bead, Payload: &in.Body})
	if err != nil {
		return nil, err
	}
	return s.convoy(in.Town, in.Bead, ignoredReason(res))
}

func (s *server) startConvoy(ctx context.Context, in *OnBead) (*body[wire.Convoy], error) {
	res, err := s.command(ctx, in.Change, town.Event{Bead: in.Bead, Payload: &town.ConvoyStarted{}})
	if err != nil {
		return nil, err
	}
	return s.convoy(in.Town, in.Bead, ignoredReason(res))
}

func (s *server) closeConvoy(ctx context.Context, in *reasonedBead) (*body[wire.Convoy], error) {
	res, err := s.command(ctx, in.Change, town.Event{Bead: in.Bead, Payload: &town.ConvoyClosed{Reason: given(in.Body).Reason}})
	if err != nil {
		return nil, err
	}
	return s.convoy(in.Town, in.Bead, ignoredReason(res))
}
