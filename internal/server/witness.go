package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"gastown/internal/controller"
	"gastown/internal/runtime"
	"gastown/internal/town"
)

// witnessFile is what the data folder says of the histories that were led in it, apart from the journal.
const witnessFile = "witness.json"

// witnessed is the newest of a town that left it.
type witnessed struct {
	History town.History `json:"history"`
	Run     town.Run     `json:"run"`
	// Restored says that the journal is one of a backup: its history must not go on here.
	Restored bool `json:"restored,omitempty"`
}

// RestoredReason is why the history of a town that comes from a backup is renewed.
const RestoredReason = "The town was restored from a backup."

// MarkRestored has the first server that starts in a data folder renew the histories of its towns.
func MarkRestored(home string, histories map[town.TownID]town.History) error {
	towns := map[town.TownID]witnessed{}
	for id, h := range histories {
		towns[id] = witnessed{History: h, Restored: true}
	}
	data, err := json.Marshal(towns)
	if err == nil {
		err = writeDurably(filepath.Join(home, witnessFile), append(data, '\n'))
	}
	if err != nil {
		return fmt.Errorf("cannot note that the towns were restored: %w", err)
	}
	return nil
}

// witness writes down, outside the journal, how far each town was: its history and the newest run that was started.
// A journal that does not know of it is an older copy. It is written after the tick is durable and so is never ahead
// of what the journal knew; what a power failure takes of it only makes it say less.
type witness struct {
	path string
	next controller.Effects
	fail func(error)

	mu    sync.Mutex
	towns map[town.TownID]witnessed
}

func openWitness(home string, fail func(error)) (*witness, error) {
	w := &witness{path: filepath.Join(home, witnessFile), fail: fail, towns: map[town.TownID]witnessed{}}
	data, err := os.ReadFile(w.path)
	if errors.Is(err, fs.ErrNotExist) {
		return w, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &w.towns)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w: it tells an older copy of the journal from the newest; move it away to start without", w.path, err)
	}
	return w, nil
}

// Carry implements controller.Effects: it notes the runs that are to be started.
func (w *witness) Carry(id town.TownID, effects []town.Effect) {
	for i := range effects {
		if e := &effects[i]; e.Kind == town.EffectDispatch {
			w.note(id, witnessed{History: e.History, Run: e.Run})
		}
	}
	w.next.Carry(id, effects)
}

func (w *witness) note(id town.TownID, now witnessed) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if was := w.towns[id]; was.History == now.History && was.Run >= now.Run {
		return
	}
	w.towns[id] = now
	data, err := json.Marshal(w.towns)
	if err == nil {
		err = os.WriteFile(w.path+".new", append(data, '\n'), 0o600)
	}
	if err == nil {
		err = os.Rename(w.path+".new", w.path)
	}
	if err != nil {
		w.fail(err)
	}
}

// ahead says what is known of a town outside its journal that the journal does not know, or "".
func (w *witness) ahead(t *town.Town, last town.Run, runs []runtime.Report) string {
	w.mu.Lock()
	seen, known := w.towns[t.ID]
	w.mu.Unlock()
	switch {
	case known && seen.Restored && seen.History == t.History:
		return RestoredReason
	case known && seen.History == t.History && seen.Run > last:
		return fmt.Sprintf("%s names run %d, and the newest run in the journal is %d: the journal is an older copy.", witnessFile, seen.Run, last)
	case known && !t.Was(seen.History):
		return fmt.Sprintf("%s names the history with the tag %s, and the journal does not know it: it is a copy of another history, or an older one.",
			witnessFile, seen.History.Tag())
	}
	for i := range runs {
		if k := runs[i].Key; k.Town == string(t.ID) && k.History == string(t.History) && k.Run > int64(last) {
			return fmt.Sprintf("There is %s, and the newest run in the journal is %d: the journal is an older copy.", k, last)
		}
	}
	return ""
}

// renew gives towns whose journal is an older copy a history of their own.
func (s *Server) renew(ctx context.Context) error {
	runs, err := s.runtime.List(ctx)
	if err != nil {
		return fmt.Errorf("cannot look whether the journal is the newest: %w", err)
	}
	for _, id := range s.towns.Towns() {
		reason := ""
		if err := s.towns.Read(id, func(st *town.State) { reason = s.witness.ahead(st.Town(), st.LastRun(), runs) }); err != nil {
			return err
		}
		if reason == "" {
			if reason, err = s.branchAhead(ctx, id); err != nil {
				return err
			}
		}
		if reason == "" {
			continue
		}
		if err := s.towns.Renew(ctx, id, reason); err != nil {
			return err
		}
		history, err := s.towns.History(id)
		if err != nil {
			return err
		}
		s.opts.Log.Warn("the town goes on from an older copy of itself", "town", id, "tag", history.Tag(), "reason", reason)
		s.witness.note(id, witnessed{History: history})
	}
	return nil
}

// branchAhead names a branch with the town's tag whose bead was made in a tick that the journal does not have, or "".
// Only the mirrors are looked at: a start waits for no remote.
func (s *Server) branchAhead(ctx context.Context, id town.TownID) (string, error) {
	var rigs []*town.Rig
	var tag string
	var last town.TickNo
	if err := s.towns.Read(id, func(st *town.State) { rigs, tag, last = st.Rigs(), st.Town().History.Tag(), st.Tick() }); err != nil {
		return "", err
	}
	for _, r := range rigs {
		names, err := s.git.Rig(string(id), string(r.ID), r.URL, r.DefaultBranch).TaggedBranches(ctx, tag)
		if err != nil {
			s.opts.Log.Warn("cannot look at the branches of a rig", "town", id, "rig", r.ID, "err", err) // the rig's own trouble
			continue
		}
		for _, name := range names {
			bead := name[strings.LastIndex(name, "/")+1:]
			if made, known := town.TickOf(town.BeadID(bead)); known && made > last {
				return fmt.Sprintf("The branch %s is in the mirror of %s, and tick %d, which made its bead, is not in the journal: the journal is an older copy.",
					name, r.ID, made), nil
			}
		}
	}
	return "", nil
}
