package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"gastown/internal/client"
	"gastown/internal/git"
	"gastown/internal/town"
	"gastown/internal/wire"
)

// maxFormer is how many branches of former tags are named.
const maxFormer = 20

// formerNote names the branches with former tags of the towns that no bead of them has: work of hours that a backup or an
// older copy of the journal does not know. The mirrors of the data folder are looked at, and no remote.
func (a *app) formerNote(ctx context.Context) (string, error) {
	root := filepath.Join(a.home, "git")
	if _, err := os.Stat(root); errors.Is(err, os.ErrNotExist) {
		return "none", nil
	}
	c := a.client()
	towns, err := c.Towns(ctx)
	if err != nil {
		return "", err
	}
	store, err := git.OpenWithoutAccess(root)
	if err != nil {
		return "", err
	}
	var found []string
	for i := range towns {
		names, err := formerWork(ctx, store, c.Town(towns[i].ID), &towns[i])
		if err != nil {
			return "", err
		}
		found = append(found, names...)
	}
	switch n := len(found); {
	case n == 0:
		return "none", nil
	case n > maxFormer:
		found = append(found[:maxFormer], fmt.Sprintf("and %d more", n-maxFormer))
	}
	return "branches that no bead has: " + strings.Join(found, ", "), nil
}

// formerWork lists such branches of one town, with their rigs.
func formerWork(ctx context.Context, store *git.Store, t *client.Town, of *wire.Town) ([]string, error) {
	var found []string
	for _, r := range of.Rigs {
		rig := store.Rig(string(of.ID), string(r.ID), r.URL, r.DefaultBranch)
		for _, f := range of.Former {
			names, err := rig.TaggedBranches(ctx, f.History.Tag())
			if err != nil {
				return nil, err
			}
			for _, name := range names {
				id := town.BeadID(name[strings.LastIndex(name, "/")+1:])
				b, err := t.Bead(ctx, id)
				if err == nil && (b.Branch == name || b.Convoy != nil && b.Convoy.Branch == name) {
					continue
				}
				if p := (*client.Problem)(nil); err != nil && !(errors.As(err, &p) && p.Status == http.StatusNotFound) {
					return nil, err
				}
				found = append(found, fmt.Sprintf("%s: %s", r.ID, name))
			}
		}
	}
	return found, nil
}
