package report

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/getsentry/sentry-go"

	"gastown/internal/observe/sentrytest"
	"gastown/internal/town"
)

// breaks panics as code does.
func breaks(list []int, i int) int { return list[i] }

func TestPanics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, in := reporter(t)
		func() {
			defer func() { r.Panicked("request", "", recover()) }()
			breaks(nil, 3)
		}()
		func() {
			defer func() { r.Panicked("effect", "main", recover()) }()
			panic("the password is hunter2")
		}()
		got := arrived(t, r, in)
		if len(got) != 2 {
			t.Fatalf("%+v", got)
		}
		x := got[0].Exception[0]
		last := x.Stacktrace.Frames[len(x.Stacktrace.Frames)-1]
		if got[0].Class() != "gastown/panic/request/gastown/internal/observe/report.breaks" || !strings.Contains(x.Value, "index out of range") ||
			last.Function != "breaks" || last.Filename != "gastown/internal/observe/report/panic_test.go" || last.Line == 0 {
			t.Errorf("%s: %+v", got[0].Class(), x)
		}
		for _, f := range x.Stacktrace.Frames {
			if f.AbsPath != "" || f.Context != "" || len(f.Vars) > 0 || strings.HasPrefix(f.Filename, "/") {
				t.Errorf("a frame says too much: %+v", f)
			}
		}
		if strings.Contains(in.Raw(), "hunter2") || got[1].Exception[0].Type != "string" {
			t.Errorf("what was thrown was sent: %+v", got[1].Exception)
		}
	})
}

// A panic of a loop is told and goes on.
func TestCrashesAreToldAndGoOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, in := reporter(t)
		var went any
		func() {
			defer func() { went = recover() }()
			defer r.Crashing("loop", "main")
			breaks(nil, 1)
		}()
		if went == nil || !strings.Contains(fmt.Sprint(went), "index out of range") {
			t.Errorf("the panic did not go on: %v", went)
		}
		func() { defer r.Crashing("loop", "main") }()
		if got := in.Events(); len(got) != 1 || got[0].Level != "fatal" || got[0].Tags["place"] != "loop" || got[0].Tags["town_id"] != "main" ||
			!strings.HasSuffix(got[0].Class(), "report.breaks") {
			t.Errorf("%+v", got)
		}
		r.Close()
	})
}

// The second wall: whatever somebody adds to a report one day, what is not in the lists does not leave.
func TestOnlyWhatIsAllowedLeaves(t *testing.T) {
	t.Parallel()
	const planted = "gt_0123456789abcdef0123456789abcdef"
	synctest.Test(t, func(t *testing.T) {
		r, in := reporter(t)
		e := sentry.NewEvent()
		e.Message = "with " + planted
		e.Fingerprint = []string{"gastown", "test"}
		e.Tags = map[string]string{"class": "x " + planted, "title": "hunter2"}
		e.Contexts = map[string]sentry.Context{
			contextName: {"message": "it is " + planted, "prompt": "hunter2", "town": struct{ Secret string }{"hunter2"}, "agent": []string{"hunter2"}},
			"device":    {"name": "hunter2"}, "os": {"name": "hunter2"},
		}
		e.User.Username, e.Transaction, e.Logger, e.ServerName, e.Dist = "hunter2", "hunter2", "hunter2", "hunter2", "hunter2"
		e.Modules = map[string]string{"hunter2": "1"}
		e.Request = &sentry.Request{URL: "http://hunter2/", Data: "hunter2", Env: map[string]string{"hunter2": "1"}}
		e.Breadcrumbs = []*sentry.Breadcrumb{{Message: "hunter2"}}
		e.Attachments = []*sentry.Attachment{{Filename: "hunter2", Payload: []byte("hunter2")}}
		e.Threads = []sentry.Thread{{Name: "hunter2"}}
		e.Exception = []sentry.Exception{{Type: "x", Value: planted, Module: "hunter2", Stacktrace: &sentry.Stacktrace{Frames: []sentry.Frame{
			{Function: "f", AbsPath: "/home/hunter2/x.go", ContextLine: "hunter2", PreContext: []string{"hunter2"}, Vars: map[string]any{"v": "hunter2"}},
		}}}}
		r.client.CaptureEvent(e, nil, nil)
		if got := arrived(t, r, in); len(got) != 1 || got[0].Message != "with [masked]" {
			t.Errorf("%+v", got)
		}
		for _, word := range []string{"hunter2", planted} {
			if strings.Contains(in.Raw(), word) {
				t.Errorf("%q was sent:\n%s", word, in.Raw())
			}
		}
	})
}

// Every name that a report uses is in the lists, so that none is lost on the way.
func TestTheListsAreComplete(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, in := reporter(t)
		v := found
		tk := tick(1)
		tk.Events = []town.EventOutcome{{Type: "bead_held", Verdict: town.Rejected, Code: town.CodeConflict}}
		all := []finding{r.violation("main", &v, "appeared", 1, 1), thrown("loop", "main", "x", sentry.LevelError)}
		all = append(all, r.rejected("main", tk, []town.Event{{}})...)
		for _, f := range all {
			for name := range f.tags {
				if !tagNames[name] {
					t.Errorf("tag %s is not in the list", name)
				}
			}
			for name := range f.details {
				if !detailNames[name] {
					t.Errorf("detail %s is not in the list", name)
				}
			}
		}
		arrived(t, r, in)
	})
}

func TestReadDSN(t *testing.T) {
	good := sentrytest.DSN("https://sentry.example")
	t.Setenv("X_GOOD", good)
	t.Setenv("X_BAD", "https://hunter2 @/x")
	t.Setenv("X_NOPROJECT", "https://hunter2@sentry.example")
	t.Setenv("X_EMPTY", "")
	for _, x := range []struct{ reference, want, problem string }{
		{"", "", ""}, {"env:X_EMPTY", "", ""}, {"env:X_UNSET", "", ""}, {"env:X_GOOD", good, ""},
		{"env:X_BAD", "", "invalid url"}, {"env:X_NOPROJECT", "", "empty project id"},
		{good, "", "must be a reference"}, {"file:/does/not/exist", "", "cannot read the DSN"},
	} {
		got, err := ReadDSN(x.reference)
		if got != x.want || (err == nil) != (x.problem == "") || err != nil && !strings.Contains(err.Error(), x.problem) {
			t.Errorf("%s: %q, %v", x.reference, got, err)
		}
		if err != nil && (strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), sentrytest.Key)) {
			t.Errorf("%s: the error has the DSN: %v", x.reference, err)
		}
	}
	if where, err := Where(good); err != nil || where != "project 7 at sentry.example" {
		t.Errorf("%q, %v", where, err)
	}
}
