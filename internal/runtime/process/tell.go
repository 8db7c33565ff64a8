package process

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"gastown/internal/runtime"
)

// inboxName is the environment variable that tells an agent where its inbox is.
const inboxName = "GASTOWN_INBOX"

// dirInbox is where a run finds what it was told, a file each.
const dirInbox = "inbox"

// Tell implements runtime.Runtime.
func (r *Runtime) Tell(ctx context.Context, key runtime.Key, id, text string) error {
	release, err := r.hold(ctx, key)
	if err != nil {
		return fmt.Errorf("cannot tell %s: %w", key, err)
	}
	defer release()
	w := r.tracked(key)
	if w == nil {
		return fmt.Errorf("cannot tell %s: %w", key, runtime.ErrUnknownRun)
	}
	if isDone(w.done) {
		return fmt.Errorf("cannot tell %s: it is over", key)
	}
	dir := filepath.Join(w.dir, dirInbox)
	err = os.MkdirAll(dir, modeDir)
	if err == nil {
		err = writeFile(dir, encodeName(id), []byte(text))
	}
	if err != nil {
		return fmt.Errorf("cannot tell %s: %w", key, err)
	}
	return nil
}
