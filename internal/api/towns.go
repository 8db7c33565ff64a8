package api

import (
	"context"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"gastown/internal/controller"
	"gastown/internal/town"
	"gastown/internal/wire"
)

func (s *server) listTowns(context.Context, *empty) (*body[wire.List[wire.Town]], error) {
	out := wire.List[wire.Town]{Items: []wire.Town{}}
	for _, id := range s.Controller.Towns() {
		t, err := s.town(id)
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, t)
	}
	return answer(out, nil)
}

func (s *server) town(id town.TownID) (wire.Town, error) {
	var out wire.Town
	err := s.read(id, func(st *town.State) {
		out = wire.Town{Town: *st.Town(), Rigs: st.Rigs(), LastTick: st.Tick()}
	})
	return out, err
}

func (s *server) createTown(ctx context.Context, in *struct{ Body wire.NewTown }) (*body[wire.Town], error) {
	name := in.Body.Name
	if name == "" {
		name = string(in.Body.ID)
	}
	if err := s.Controller.CreateTown(ctx, in.Body.ID, name); err != nil {
		return nil, s.fromError(err)
	}
	return answer(s.town(in.Body.ID))
}

func (s *server) showTown(_ context.Context, in *TownPath) (*body[wire.Town], error) {
	return answer(s.town(in.Town))
}

func (s *server) configureTown(ctx context.Context, in *struct {
	Change
	Body wire.TownPatch
}) (*body[wire.Town], error) {
	if err := s.checkPresets(in.Body.Settings); err != nil {
		return nil, err
	}
	if _, err := s.command(ctx, in.Change, town.Event{Payload: &town.TownConfigured{Name: in.Body.Name, Settings: in.Body.Settings, Unset: in.Body.Unset}}); err != nil {
		return nil, err
	}
	return answer(s.town(in.Town))
}

func (s *server) checkPresets(set town.Settings) error {
	for role, a := range set.Agents {
		if a.Preset != "" && !slices.Contains(s.Presets, a.Preset) {
			where := fmt.Sprintf("settings.agents.%s.preset", role)
			why := fmt.Sprintf("is %q, must be one of %s", a.Preset, strings.Join(s.Presets, ", "))
			return huma.Error422UnprocessableEntity(where+": "+why, &huma.ErrorDetail{Location: where, Message: why})
		}
	}
	return nil
}

type reasoned struct {
	Change
	Body *wire.Reason
}

func (s *server) pauseTown(ctx context.Context, in *reasoned) (*body[wire.Town], error) {
	if _, err := s.command(ctx, in.Change, town.Event{Payload: &town.TownPaused{Reason: given(in.Body).Reason}}); err != nil {
		return nil, err
	}
	return answer(s.town(in.Town))
}

func (s *server) resumeTown(ctx context.Context, in *Change) (*body[wire.Town], error) {
	if _, err := s.command(ctx, *in, town.Event{Payload: &town.TownResumed{}}); err != nil {
		return nil, err
	}
	return answer(s.town(in.Town))
}

func (s *server) status(_ context.Context, in *TownPath) (*body[controller.Status], error) {
	st, err := s.Controller.Status(in.Town)
	if err != nil {
		return nil, s.fromError(err)
	}
	return answer(st, nil)
}

func (s *server) listRigs(_ context.Context, in *TownPath) (*body[wire.List[*town.Rig]], error) {
	out := wire.List[*town.Rig]{}
	err := s.read(in.Town, func(st *town.State) { out.Items = st.Rigs() })
	return answer(out, err)
}

func (s *server) rig(id town.TownID, rig town.RigID) (*body[*town.Rig], error) {
	var r *town.Rig
	if err := s.read(id, func(st *town.State) { r = st.Rig(rig) }); err != nil {
		return nil, err
	}
	if r == nil {
		return nil, missing("rig", rig)
	}
	return answer(r, nil)
}

func (s *server) createRig(ctx context.Context, in *struct {
	Change
	Body wire.NewRig
}) (*body[*wire.TakenRig], error) {
	if err := s.checkPresets(in.Body.Settings); err != nil {
		return nil, err
	}
	if err := s.read(in.Town, func(*town.State) {}); err != nil {
		return nil, err
	}
	next := town.RepoSpec{URL: in.Body.URL, DefaultBranch: in.Body.DefaultBranch, Credential: in.Body.Credential}
	branch, notes, err := s.look(ctx, in.Town, nil, next)
	if err != nil {
		return nil, err
	}
	name := in.Body.Name
	if name == "" {
		name = town.RigID(strings.TrimSuffix(path.Base(strings.TrimRight(in.Body.URL, "/")), ".git"))
	}
	if _, err := s.command(ctx, in.Change, town.Event{Payload: &town.RigAdded{
		Rig: name, URL: in.Body.URL, DefaultBranch: branch, Credential: in.Body.Credential, Settings: in.Body.Settings,
	}}); err != nil {
		return nil, err
	}
	return s.taken(in.Town, name, notes)
}

// look looks at a repository before a rig gets it; what is wrong with it is the request's fault.
func (s *server) look(ctx context.Context, id town.TownID, now *town.Rig, next town.RepoSpec) (branch string, notes []string, err error) {
	refuse := func(field, why string) error {
		return huma.NewError(http.StatusUnprocessableEntity, why, &huma.ErrorDetail{Location: "body." + field, Message: why})
	}
	if why := town.CredentialFault(next.Credential, next.URL); why != "" {
		return "", nil, refuse("credential", "credential: "+why)
	}
	if branch, notes, err = s.CheckRepo(ctx, id, now, next); err != nil {
		return "", nil, refuse("url", err.Error())
	}
	return branch, notes, nil
}

// taken is the answer to whoever gave a rig its repository.
func (s *server) taken(id town.TownID, rig town.RigID, notes []string) (*body[*wire.TakenRig], error) {
	r, err := s.rig(id, rig)
	if err != nil {
		return nil, err
	}
	return answer(&wire.TakenRig{Rig: *r.Body, Notes: notes}, nil)
}

func (s *server) showRig(_ context.Context, in *struct {
	TownPath
	RigPath
}) (*body[*town.Rig], error) {
	return s.rig(in.Town, in.Rig)
}

func (s *server) updateRig(ctx context.Context, in *struct {
	Change
	RigPath
	Body wire.RigPatch
}) (*body[*wire.TakenRig], error) {
	if err := s.checkPresets(in.Body.Settings); err != nil {
		return nil, err
	}
	change := &town.RigUpdated{
		Rig: in.Rig, URL: in.Body.URL, DefaultBranch: in.Body.DefaultBranch, Credential: in.Body.Credential,
		Settings: in.Body.Settings, Unset: in.Body.Unset,
	}
	var notes []string
	if change.URL != "" || change.DefaultBranch != "" || change.Credential != "" {
		var rig *town.Rig
		if err := s.read(in.Town, func(st *town.State) { rig = st.Rig(in.Rig) }); err != nil {
			return nil, err
		}
		if rig != nil { // else the town refuses it
			var err error
			next := town.RepoSpec{URL: rig.URL, DefaultBranch: rig.DefaultBranch, Credential: rig.Credential}.Changed(change)
			if _, notes, err = s.look(ctx, in.Town, rig, next); err != nil {
				return nil, err
			}
		}
	}
	if _, err := s.command(ctx, in.Change, town.Event{Payload: change}); err != nil {
		return nil, err
	}
	return s.taken(in.Town, in.Rig, notes)
}

func (s *server) removeRig(ctx context.Context, in *struct {
	Change
	RigPath
}) (*struct{}, error) {
	_, err := s.command(ctx, in.Change, town.Event{Payload: &town.RigRemoved{Rig: in.Rig}})
	return nil, err
}
