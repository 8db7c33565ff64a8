package process

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const suffixSegment = ".log"

// logWriter writes a log as numbered segments, 00000001.log and so on. Segments
// are never renamed, so a reader follows by counting and loses its place never.
type logWriter struct {
	dir   string
	limit int64 // bytes per segment
	keep  int   // segments

	file *os.File
	seq  int
	size int64
}

// newLogWriter begins a log in an existing, empty directory.
func newLogWriter(dir string, limit int64, keep int) (*logWriter, error) {
	w := &logWriter{dir: dir, limit: limit, keep: keep}
	if err := w.rotate(); err != nil {
		return nil, err
	}
	return w, nil
}

// Write appends to the log. A segment ends at exactly its limit.
func (w *logWriter) Write(p []byte) (written int, err error) {
	for len(p) > 0 {
		if w.size >= w.limit {
			if err := w.rotate(); err != nil {
				return written, err
			}
		}
		n, err := w.file.Write(p[:min(int64(len(p)), w.limit-w.size)])
		written += n
		w.size += int64(n)
		p = p[n:]
		if err != nil {
			return written, fmt.Errorf("cannot write the log: %w", err)
		}
	}
	return written, nil
}

// rotate begins the next segment and deletes the one that is too old. The
// current segment stays open if that fails, so that writing may be tried again.
func (w *logWriter) rotate() error {
	next, err := os.OpenFile(segmentPath(w.dir, w.seq+1), os.O_WRONLY|os.O_CREATE|os.O_EXCL, modeFile)
	if err != nil {
		return fmt.Errorf("cannot begin a log segment: %w", err)
	}
	if w.file != nil {
		err = w.file.Close()
	}
	w.file, w.seq, w.size = next, w.seq+1, 0
	if old := w.seq - w.keep; old > 0 {
		if rerr := os.Remove(segmentPath(w.dir, old)); err == nil {
			err = rerr
		}
	}
	if err != nil {
		return fmt.Errorf("cannot end a log segment: %w", err)
	}
	return nil
}

// Close ends the log.
func (w *logWriter) Close() error { return w.file.Close() }

// segmentPath is where a segment is.
func segmentPath(dir string, seq int) string {
	return filepath.Join(dir, fmt.Sprintf("%08d%s", seq, suffixSegment))
}

// segments returns the numbers of the segments that exist, ascending.
func segments(dir string) ([]int, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot read the log: %w", err)
	}
	var seqs []int
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), suffixSegment)
		if n, err := strconv.Atoi(name); ok && err == nil {
			seqs = append(seqs, n)
		}
	}
	slices.Sort(seqs)
	return seqs, nil
}
