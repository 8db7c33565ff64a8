package process

import (
	"fmt"
	"io"
	"os"
)

// place is where in a log reading begins.
type place struct {
	seq    int // 0: at the first segment there will be
	offset int64
}

// tailPlace finds where the last lines of a log begin; with no lines asked for
// it is the log's beginning. A newline at the very end ends the last line and
// begins none.
func tailPlace(dir string, lines int) (place, error) {
	seqs, err := segments(dir)
	if err != nil || len(seqs) == 0 {
		return place{}, err
	}
	first := place{seq: seqs[0]}
	if lines <= 0 {
		return first, nil
	}
	counter := &lineCounter{want: lines}
	for i := len(seqs) - 1; i >= 0; i-- {
		offset, found, err := counter.scan(segmentPath(dir, seqs[i]))
		if os.IsNotExist(err) {
			// It was the oldest and has been dropped meanwhile.
			return place{seq: seqs[i] + 1}, nil
		}
		if err != nil {
			return place{}, fmt.Errorf("cannot read the log: %w", err)
		}
		if found {
			return place{seq: seqs[i], offset: offset}, nil
		}
	}
	return first, nil
}

// lineCounter counts lines from the end of a log to its beginning.
type lineCounter struct {
	want int
	seen int  // line ends so far
	last bool // the log's last byte has been looked at
}

// scan looks through one file backwards, and returns the offset at which the
// wanted lines begin if that is in this file.
func (c *lineCounter) scan(path string) (offset int64, found bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, false, err
	}
	defer f.Close()
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, false, err
	}
	buf := make([]byte, 16<<10)
	for end > 0 {
		part := buf[:min(int64(len(buf)), end)]
		if _, err := f.ReadAt(part, end-int64(len(part))); err != nil {
			return 0, false, err
		}
		for i := len(part) - 1; i >= 0; i-- {
			if part[i] == '\n' && c.last {
				if c.seen++; c.seen == c.want {
					return end - int64(len(part)-i) + 1, true, nil
				}
			}
			c.last = true
		}
		end -= int64(len(part))
	}
	return 0, false, nil
}
