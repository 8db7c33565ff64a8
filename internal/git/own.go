package git

import (
	"context"
	"errors"
	"os"
	"path/filepath"
)

// The server's own git directory shares objects and refs with the mirror, and nothing else: agents work in worktrees of
// the mirror and may write what they like into its configuration (another address to push to, a hook, a filter), which
// must not say where work goes or what the server runs.
//
// shared are the parts of the mirror that it has by links.
var shared = []string{"objects", "refs", "packed-refs"}

func (r *Rig) own() string { return filepath.Join(r.dir, "server.git") }

// ensureOwn makes the server's own git directory if there is none; the lock is held. It is made under another name and
// renamed when it is complete.
func (r *Rig) ensureOwn(ctx context.Context) error {
	if _, err := os.Stat(r.own()); !errors.Is(err, os.ErrNotExist) {
		return wrapped("look at the server's own git directory", err)
	}
	temporary := r.own() + ".new"
	if err := removeTree(temporary); err != nil {
		return wrapOS("remove a half-made git directory", err)
	}
	const op = "make the server's own git directory"
	if _, err := r.run(ctx, command{op: op, args: []string{"init", "--quiet", "--bare", "--template=", "--", temporary}}); err != nil {
		return err
	}
	for _, part := range shared {
		path := filepath.Join(temporary, part)
		if err := removeTree(path); err != nil {
			return wrapOS(op, err)
		}
		if err := os.Symlink(filepath.Join("..", filepath.Base(r.mirror()), part), path); err != nil {
			return wrapOS(op, err)
		}
	}
	return wrapped(op, os.Rename(temporary, r.own()))
}

// wrapped is wrapOS for what may have gone well.
func wrapped(op string, err error) error {
	if err == nil {
		return nil
	}
	return wrapOS(op, err)
}
