package runtimetest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"gastown/internal/runtime"
)

var logTests = []conformanceTest{
	{"a log is read whole or from its last lines", testLogTail},
	{"follow delivers output as it comes and ends with the run", testLogFollow},
	{"follow survives rotation and loses nothing", testLogFollowRotation},
	{"rotation bounds the log and keeps its end", testLogBounded},
	{"follow of a finished run ends at once", testLogFollowFinished},
	{"follow ends when it is closed, cancelled or the runtime closes", testLogFollowEnds},
	{"the log of an unknown run is an error", func(w *world) { w.unknownLog(key(1)) }},
}

// unknownLog fails the test unless there is no log.
func (w *world) unknownLog(k runtime.Key) {
	w.t.Helper()
	l, err := w.rt.Log(w.ctx(), k, runtime.LogOptions{})
	if !errors.Is(err, runtime.ErrUnknownRun) {
		w.t.Errorf("the log of %s gave %v and %v, want ErrUnknownRun", k, l, err)
	}
}

// counted is what "seq first last" prints.
func counted(first, last int) string {
	var s strings.Builder
	for i := first; i <= last; i++ {
		fmt.Fprintln(&s, i)
	}
	return s.String()
}

func testLogTail(w *world) {
	spec := w.spec(1, `seq 1 1000; printf unfinished`)
	spec.LogLimit = runtime.LogLimit{SegmentBytes: 100, Segments: 1000}
	w.start(spec)
	w.exit()
	whole := counted(1, 1000) + "unfinished"
	for _, c := range []struct {
		tail int
		want string
	}{
		{0, whole},
		{1, "unfinished"},
		{2, "1000\nunfinished"},
		{101, counted(901, 1000) + "unfinished"},
		{1001, whole},
		{5000, whole},
	} {
		if got := w.log(key(1), runtime.LogOptions{Tail: c.tail}); got != c.want {
			w.t.Errorf("the last %d lines are %q, want %q", c.tail, got, c.want)
		}
	}
	w.start(w.spec(2, `printf 'one\n\nthree\n'`))
	w.exit()
	if got := w.log(key(2), runtime.LogOptions{Tail: 2}); got != "\nthree\n" {
		w.t.Errorf("the last 2 lines are %q", got)
	}
}

func testLogFollow(w *world) {
	next := w.gate("next")
	w.start(w.spec(1, `echo zero; echo one; read x <next; echo two; read x <next; echo three`))
	l, err := w.rt.Log(w.ctx(), key(1), runtime.LogOptions{Follow: true})
	w.ok(err)
	defer l.Close()
	lines := bufio.NewScanner(l)
	for i, want := range []string{"zero", "one", "two", "three"} {
		if i >= 2 {
			next()
		}
		if !lines.Scan() || lines.Text() != want {
			w.t.Fatalf("line %d is %q (%v), want %q", i, lines.Text(), lines.Err(), want)
		}
	}
	if lines.Scan() || lines.Err() != nil {
		w.t.Errorf("after the end came %q (%v)", lines.Text(), lines.Err())
	}
	if got := w.log(key(1), runtime.LogOptions{Tail: 1, Follow: true}); got != "three\n" {
		w.t.Errorf("the last line is %q", got)
	}
}

func testLogFollowRotation(w *world) {
	next := w.gate("next")
	spec := w.spec(1, `seq 1 100; read x <next; seq 101 20000`)
	spec.LogLimit = runtime.LogLimit{SegmentBytes: 1000, Segments: 10000}
	w.start(spec)
	l, err := w.rt.Log(w.ctx(), key(1), runtime.LogOptions{Follow: true})
	w.ok(err)
	defer l.Close()
	first := make([]byte, len(counted(1, 100)))
	_, err = io.ReadFull(l, first)
	w.ok(err)
	next()
	rest, err := io.ReadAll(l)
	w.ok(err)
	if string(first)+string(rest) != counted(1, 20000) {
		w.t.Errorf("following gave %d bytes that are not the output", len(first)+len(rest))
	}
}

func testLogBounded(w *world) {
	spec := w.spec(1, `seq 1 20000`)
	spec.LogLimit = runtime.LogLimit{SegmentBytes: 1000, Segments: 3}
	w.start(spec)
	w.exit()
	got := w.log(key(1), runtime.LogOptions{})
	if len(got) > 3000 || len(got) < 2000 {
		w.t.Errorf("the log has %d bytes, want between 2 and 3 segments of 1000", len(got))
	}
	if !strings.HasSuffix(counted(1, 20000), got) {
		w.t.Errorf("the log is not the end of the output: %q", got)
	}
}

func testLogFollowFinished(w *world) {
	w.start(w.spec(1, `echo hello`))
	w.exit()
	for range 2 {
		if got := w.log(key(1), runtime.LogOptions{Follow: true}); got != "hello\n" {
			w.t.Errorf("following a finished run gave %q", got)
		}
		w.ok(w.rt.Forget(w.ctx(), key(1)))
	}
}

func testLogFollowEnds(w *world) {
	w.start(w.spec(1, `sleep 600`))
	follow := func(ctx context.Context) (io.ReadCloser, chan error) {
		l, err := w.rt.Log(ctx, key(1), runtime.LogOptions{Follow: true})
		w.ok(err)
		ended := make(chan error, 1)
		go func() {
			_, err := io.Copy(io.Discard, l)
			ended <- err
		}()
		return l, ended
	}
	ended := func(how string, c chan error) {
		w.t.Helper()
		select {
		case err := <-c:
			if err == nil {
				w.t.Errorf("following ended without an error when %s, as if the run was over", how)
			}
		case <-time.After(patience):
			w.t.Fatalf("following did not end when %s", how)
		}
	}
	l, c := follow(w.ctx())
	w.ok(l.Close())
	ended("closed", c)

	ctx, cancel := context.WithCancel(w.ctx())
	l, c = follow(ctx)
	cancel()
	ended("cancelled", c)
	w.ok(l.Close())

	l, c = follow(w.ctx())
	w.ok(w.rt.Close())
	ended("the runtime was closed", c)
	w.ok(l.Close())
}
