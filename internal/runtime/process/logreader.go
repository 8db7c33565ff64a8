package process

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"

	"gastown/internal/runtime"
)

// followPause is how often a follower looks for more output when the host has
// no file watches left to give.
const followPause = 250 * time.Millisecond

// Log implements runtime.Runtime.
func (r *Runtime) Log(ctx context.Context, key runtime.Key, opts runtime.LogOptions) (io.ReadCloser, error) {
	if err := r.open(ctx); err != nil {
		return nil, err
	}
	dir := filepath.Join(runDir(r.root, key), dirLog)
	_, err := os.Stat(dir)
	if checkKey(key) != nil || os.IsNotExist(err) {
		err = runtime.ErrUnknownRun
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the log of %s: %w", key, err)
	}
	l := &logReader{dir: dir, ctx: ctx, runtime: r.ctx, ended: closedChannel(), closed: make(chan struct{})}
	if opts.Follow {
		// Watching begins before the first look, so no change is missed.
		l.follow()
		if run := r.tracked(key); run != nil {
			l.ended = run.done
		}
	}
	at, err := tailPlace(dir, opts.Tail)
	if err != nil {
		l.Close()
		return nil, err
	}
	if err := l.begin(at); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// closedChannel is the end of a run that is over.
func closedChannel() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// logReader reads the segments of a log one after the other. One goroutine may
// read while others close it.
type logReader struct {
	dir     string
	ctx     context.Context
	runtime context.Context // over when the runtime is closed
	ended   <-chan struct{} // closed when nothing more will be written

	watcher *fsnotify.Watcher // nil if there is nothing to follow, or by pause
	pause   *time.Ticker

	mu   sync.Mutex // guards file against Close
	file *os.File
	seq  int

	closed chan struct{}
	once   sync.Once
}

// follow prepares waiting for changes.
func (l *logReader) follow() {
	watcher, err := fsnotify.NewWatcher()
	if err == nil {
		if err = watcher.Add(l.dir); err == nil {
			l.watcher = watcher
			return
		}
		watcher.Close()
	}
	l.pause = time.NewTicker(followPause)
}

// begin opens the log at a place.
func (l *logReader) begin(at place) error {
	if at.seq == 0 {
		return nil
	}
	l.seq = at.seq - 1
	moved, err := l.next()
	if err != nil || !moved || l.seq != at.seq {
		return err
	}
	if _, err := l.file.Seek(at.offset, io.SeekStart); err != nil {
		return fmt.Errorf("cannot read the log: %w", err)
	}
	return nil
}

// Read implements io.Reader. Everything a run wrote was written before it is
// seen to have ended, so the order of the questions here loses nothing: has it
// ended, is there more in this segment, is there another, still nothing more?
func (l *logReader) Read(p []byte) (int, error) {
	for {
		over := isDone(l.ended)
		if n, err := l.read(p); n > 0 || err != nil {
			return n, err
		}
		more, err := l.hasNext()
		if err != nil {
			return 0, err
		}
		if more {
			if n, err := l.read(p); n > 0 || err != nil {
				return n, err
			}
			if _, err := l.next(); err != nil {
				return 0, err
			}
			continue
		}
		if over {
			return 0, io.EOF
		}
		if err := l.wait(); err != nil {
			return 0, err
		}
	}
}

// read reads from the current segment; 0 and no error is its present end.
func (l *logReader) read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if isDone(l.closed) {
		return 0, os.ErrClosed
	}
	if l.file == nil {
		return 0, nil
	}
	n, err := l.file.Read(p)
	if err == io.EOF {
		err = nil
	}
	return n, err
}

// hasNext says whether there is a segment after the current one.
func (l *logReader) hasNext() (bool, error) {
	seqs, err := segments(l.dir)
	return len(seqs) > 0 && seqs[len(seqs)-1] > l.seq, err
}

// next moves on to the oldest segment after the current one.
func (l *logReader) next() (moved bool, err error) {
	seqs, err := segments(l.dir)
	if err != nil {
		return false, err
	}
	for _, seq := range seqs {
		if seq <= l.seq {
			continue
		}
		file, err := os.Open(segmentPath(l.dir, seq))
		if os.IsNotExist(err) {
			continue // dropped meanwhile
		}
		if err != nil {
			return false, fmt.Errorf("cannot read the log: %w", err)
		}
		return true, l.use(file, seq)
	}
	return false, nil
}

// use makes a segment the current one.
func (l *logReader) use(file *os.File, seq int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if isDone(l.closed) {
		file.Close()
		return os.ErrClosed
	}
	if l.file != nil {
		l.file.Close()
	}
	l.file, l.seq = file, seq
	return nil
}

// wait returns when there may be something new.
func (l *logReader) wait() error {
	var changed <-chan fsnotify.Event
	var troubled <-chan error
	var tick <-chan time.Time
	if l.watcher != nil {
		changed, troubled = l.watcher.Events, l.watcher.Errors
	} else {
		tick = l.pause.C
	}
	select {
	case <-changed:
	case <-troubled: // changes were missed, so there are some
	case <-tick:
	case <-l.ended:
	case <-l.closed:
		return os.ErrClosed
	case <-l.ctx.Done():
		return fmt.Errorf("cannot follow the log: %w", l.ctx.Err())
	case <-l.runtime.Done():
		return fmt.Errorf("cannot follow the log: %w", runtime.ErrClosed)
	}
	return nil
}

// Close implements io.Closer; it ends a Read that waits.
func (l *logReader) Close() error {
	var err error
	l.once.Do(func() {
		close(l.closed)
		if l.watcher != nil {
			err = l.watcher.Close()
		}
		if l.pause != nil {
			l.pause.Stop()
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.file != nil {
			if cerr := l.file.Close(); err == nil {
				err = cerr
			}
		}
	})
	return err
}

// isDone says whether a channel is closed.
func isDone(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
