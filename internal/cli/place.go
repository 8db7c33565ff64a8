package cli

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"gastown/internal/git"
	"gastown/internal/town"
)

// repository is the top of the git repository that a folder is in.
func repository(ctx context.Context, dir string) (string, error) {
	out, err := exec.CommandContext(ctx, "git", "-C", dir, "rev-parse", "--show-toplevel").Output()
	if err != nil {
		return "", fmt.Errorf("%s is in no git repository", dir)
	}
	return strings.TrimSpace(string(out)), nil
}

// place is the git repository that the command is used in.
type place struct {
	top       string   // its folder; empty in none
	addresses []string // the folder and the addresses of its remotes
}

// thisPlace looks at the folder that the command is used in.
func thisPlace(ctx context.Context) place {
	top, err := repository(ctx, ".")
	if err != nil || top == "" {
		return place{}
	}
	p := place{top: top, addresses: []string{top}}
	// No remote at all is an exit of its own.
	out, _ := exec.CommandContext(ctx, "git", "-C", top, "config", "--get-regexp", `^remote\..*\.url$`).Output()
	for line := range strings.Lines(string(out)) {
		if _, address, found := strings.Cut(strings.TrimSpace(line), " "); found {
			p.addresses = append(p.addresses, address)
		}
	}
	return p
}

// rigOf returns the rig whose repository this one is or comes from, or nil.
func (p place) rigOf(rigs []*town.Rig) *town.Rig {
	for _, address := range p.addresses {
		for _, r := range rigs {
			if git.SameRepository(address, r.URL) {
				return r
			}
		}
	}
	return nil
}

// rigHere is the rig that work from this folder belongs to, or "" to leave the choice to the town. In a git
// repository that is no rig there is no such choice: work must not go into another repository unasked.
func rigHere(ctx context.Context, rigs []*town.Rig) (town.RigID, error) {
	p := thisPlace(ctx)
	if p.top == "" {
		return "", nil
	}
	if r := p.rigOf(rigs); r != nil {
		return r.ID, nil
	}
	names := make([]string, len(rigs))
	for i, r := range rigs {
		names[i] = string(r.ID)
	}
	slices.Sort(names)
	remedy := "add it with gastown rig add ."
	if len(names) > 0 {
		remedy += ", or name another with --rig (" + strings.Join(names, ", ") + ")"
	}
	return "", &exitError{exitUsage, fmt.Errorf("the repository %s is no rig of this town: %s", p.top, remedy)}
}
