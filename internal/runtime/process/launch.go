package process

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"gastown/internal/runtime"
)

// makeFIFO makes the FIFO by which a supervisor shows that it lives.
func makeFIFO(path string) error { return unix.Mkfifo(path, uint32(modeFile)) }

// launch starts the supervisor of a claimed run and waits for what it has to
// say. A run that was rejected leaves nothing behind.
func (r *Runtime) launch(ctx context.Context, w *run) error {
	status, err := r.spawn(w)
	if err != nil {
		w.closeAlive()
		return infraError("cannot start the supervisor", errorsAfter(err, os.RemoveAll(w.dir)))
	}
	defer status.Close()

	answer, err := readStatus(ctx, status)
	switch {
	case err == nil && answer.Class != "":
		return r.reject(w, answer)
	case err == nil:
		r.track(w)
		return nil
	case ctx.Err() != nil:
		// The supervisor goes on by itself; what comes of it will be seen.
		r.track(w)
		return fmt.Errorf("cannot tell yet whether %s started: %w", w.key, ctx.Err())
	default:
		return r.orphaned(ctx, w)
	}
}

// spawn starts the supervisor, opens the read end of its FIFO and returns the
// read end of its status pipe. The supervisor holds its FIFO from birth, so
// there is no moment at which it lives and cannot be seen.
func (r *Runtime) spawn(w *run) (status *os.File, err error) {
	if w.alive, err = openAlive(w.dir); err != nil {
		return nil, err
	}
	hold, err := os.OpenFile(filepath.Join(w.dir, fileAlive), os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	defer hold.Close()
	status, tell, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer tell.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, errorsAfter(err, status.Close())
	}
	defer null.Close()
	trouble, err := os.OpenFile(filepath.Join(w.dir, fileTrouble), os.O_WRONLY|os.O_CREATE|os.O_APPEND, modeFile)
	if err != nil {
		return nil, errorsAfter(err, status.Close())
	}
	defer trouble.Close()

	w.proc, err = os.StartProcess(r.supervisor[0], slices.Concat(r.supervisor, []string{w.dir}), &os.ProcAttr{
		Dir: "/",
		// It needs nothing from our environment, which may hold secrets, and it
		// mostly sleeps, so one processor at a time will do.
		Env:   []string{"GOMAXPROCS=1"},
		Files: []*os.File{null, null, trouble, hold, tell},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return nil, errorsAfter(err, status.Close())
	}
	return status, nil
}

// readStatus reads what the supervisor says about the start. It ends with the
// context, with the answer or with the supervisor.
func readStatus(ctx context.Context, from *os.File) (startStatus, error) {
	defer context.AfterFunc(ctx, func() {
		// The pipe always takes deadlines; this one is over at once.
		_ = from.SetReadDeadline(time.Unix(1, 0))
	})()
	var answer startStatus
	data, err := io.ReadAll(from)
	if err != nil {
		return answer, err
	}
	return answer, json.Unmarshal(data, &answer)
}

// reject takes back a run that the supervisor could not start.
func (r *Runtime) reject(w *run, answer startStatus) error {
	_, err := w.proc.Wait() // it leaves right after its answer
	w.closeAlive()
	if rerr := os.RemoveAll(w.dir); err == nil {
		err = rerr
	}
	rejected := &runtime.StartError{Class: answer.Class, Reason: answer.Reason}
	if err != nil {
		rejected.Reason += fmt.Sprintf(" (and cannot clean up: %v)", err)
	}
	return rejected
}

// orphaned handles a supervisor that died before it could answer. Its records
// tell whether there was an agent; if so the run started and is over.
func (r *Runtime) orphaned(ctx context.Context, w *run) error {
	r.track(w)
	select {
	case <-w.done:
	case <-ctx.Done():
		return fmt.Errorf("cannot tell whether %s started: %w", w.key, ctx.Err())
	case <-r.ctx.Done():
		return fmt.Errorf("cannot tell whether %s started: %w", w.key, runtime.ErrClosed)
	}
	rec, _, _, err := readExit(w.dir)
	if err != nil {
		return fmt.Errorf("cannot tell whether %s started: %w", w.key, err)
	}
	return rec.startError()
}
