package git

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// TaggedBranches lists the branches with a tag of a town in their names, <prefix>/<tag>/…, that the mirror has: those
// of its beads, and those that origin had at the last fetch. No remote is asked. A rig without a mirror has none.
func (r *Rig) TaggedBranches(ctx context.Context, tag string) ([]string, error) {
	if _, err := os.Stat(r.mirror()); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err := validPart("tag", tag); err != nil {
		return nil, err
	}
	out, err := r.git(ctx, "list the branches of a tag", "for-each-ref", "--format=%(refname)", "--",
		headRef("*/"+tag+"/**"), originRef("*/"+tag+"/**"))
	if err != nil {
		return nil, err
	}
	var names []string
	for ref := range strings.Lines(out) {
		ref = strings.TrimSpace(ref)
		for _, under := range []string{headRef(""), originRef("")} {
			if name, found := strings.CutPrefix(ref, under); found {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}
