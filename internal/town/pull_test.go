package town

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What becomes of every way in which a question to the forge can fail, and after how many in a row.
func TestForgeFailures(t *testing.T) {
	t.Parallel()
	want := map[ForgeClass]int{
		"no_forge": 1, "no_token": 1, "unauthorized": 1, "forbidden": 1, "not_found": 1, "unknown_url": 1, "wrong_host": 1,
		"invalid_answer": 3, "server_error": 10, "rate_limited": 10, "network": 10, "refused": 3,
	}
	got := map[ForgeClass]int{}
	for _, f := range ForgeFailures() {
		if f.Means == "" || f.Do == "" {
			t.Errorf("%s does not say what it means and what to do", f.Class)
		}
		var q Asking
		for got[f.Class] = 1; ; got[f.Class]++ {
			q.ask(scenarioStart)
			q.failed(scenarioStart, f.Class, "", 0)
			if q.over() != "" || q.Refused >= MaxRefusals {
				break
			}
		}
		if q.answered(); q.over() != "" || q.Transient+q.Invalid+q.Refused != 0 {
			t.Errorf("after a success %s still counts", f.Class)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("limits differ (-want +got):\n%s", diff)
	}
}

func TestAddressesOfPullRequests(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		repo, address string
		number        int
	}{
		{"https://github.com/ann/web", "https://github.com/ann/web/pull/12", 12},
		{"https://github.com/ann/web.git", "https://github.com/Ann/Web/pull/12/", 12},
		{"https://GitHub.com/ann/web/", "https://github.com/ann/web/pull/1", 1},
		{"git@github.com:ann/web.git", "https://github.com/ann/web/pull/12", 12},
		{"ssh://git@git.example:2222/team/sub/web.git", "https://git.example/team/sub/web/-/merge_requests/3", 3},
		{"https://git.example:8443/team/web", "https://git.example:8443/team/web/pulls/3", 3},
		{"https://git.example:8443/team/web", "https://git.example/team/web/pulls/3", 0},
		{"https://github.com/ann/web", "http://github.com/ann/web/pull/12", 0},
		{"https://github.com/ann/web", "https://github.com.evil.example/ann/web/pull/12", 0},
		{"https://github.com/ann/web", "https://github.com@evil.example/ann/web/pull/12", 0},
		{"https://github.com/ann/web", "https://github.com/ann/website/pull/12", 0},
		{"https://github.com/ann/web", "https://github.com/ann/web/pull/", 0},
		{"https://github.com/ann/web", "https://github.com/ann/web/pull/-1", 0},
		{"https://github.com/ann/web", "https://github.com/ann/web/pull/+1", 0},
		{"https://github.com/ann/web", "https://github.com/ann/web/pull/12/files", 0},
		{"https://github.com/ann/web", "https://github.com/ann/web/pull/12#x", 0},
		{"https://github.com/ann/web", "https://github.com/ann/web", 0},
		{"https://github.com/ann/web", "pull/12", 0},
		{"https://github.com/ann/web", "https://%zz", 0},
		{"/srv/web", "https://github.com/srv/web/pull/12", 0},
		{"file:///srv/web", "https://file/srv/web/pull/12", 0},
		{"https://github.com", "https://github.com/pull/12", 0},
	} {
		n, why := pullNumber(x.repo, x.address)
		if n != x.number || (why == "") != (x.number > 0) {
			t.Errorf("%s in %s is %d, %q; want %d", x.address, x.repo, n, why, x.number)
		}
	}
}

func TestFeedbackIsBounded(t *testing.T) {
	t.Parallel()
	log := strings.Repeat("é", maxLogTail) + "the end"
	p := &PRFeedbackDetected{Checks: []FailedCheck{{Name: "test", Log: log}}}
	if text := p.text(); len(text) > maxLogTail+100 || !strings.Contains(text, "the end") || strings.ContainsRune(text, '\uFFFD') {
		t.Errorf("%d bytes of log became %d", len(log), len(text))
	}
	long := playground{t: t}
	if err := long.given("config merge_strategy=pr auto_resolve_pr_feedback=false\nrig web\nbead gt-a1 issue in_review rig=web\n" +
		"bead gt-m1 merge_request in_progress rig=web source=gt-a1 branch=b1 verify=verified pr=7"); err != nil {
		t.Fatal(err)
	}
	many := &PRFeedbackDetected{Head: "cafe"}
	for i := range 1000 {
		many.Comments = append(many.Comments, PRComment{Author: "ann", Text: fmt.Sprint("Comment ", i)})
	}
	long.tick([]Event{{Type: many.Type(), Bead: "gt-m1", Payload: many}})
	if f := long.s.Bead("gt-m1").Merge.PR.Feedback; f == nil || f.Comments != 1000 || len(f.Text) > maxFeedback {
		t.Errorf("a thousand comments are kept as %d bytes", len(f.Text))
	}
}

func TestSettingsOfPullRequests(t *testing.T) {
	t.Parallel()
	for text, field := range map[string]string{
		`{"merge_strategy":"pr","auto_merge":false,"auto_merge_delay":"0s","code_review":true}`: "",
		`{"auto_merge_delay":"168h","auto_resolve_pr_feedback":false}`:                          "",
		`{"merge_strategy":"rebase"}`:          "merge_strategy",
		`{"merge_strategy":""}`:                "merge_strategy",
		`{"auto_merge_delay":"-1s"}`:           "auto_merge_delay",
		`{"auto_merge_delay":"168h0m1s"}`:      "auto_merge_delay",
		`{"auto_merge":"yes"}`:                 "auto_merge",
		`{"code_review":1}`:                    "code_review",
		`{"auto_resolve_merge_conflict":true}`: "auto_resolve_merge_conflict",
	} {
		_, err := ParseSettings([]byte(text))
		got := ""
		if f, ok := err.(*FieldError); ok {
			got = f.Field
		} else if err != nil {
			t.Errorf("%s: %v names no field", text, err)
		}
		if got != field {
			t.Errorf("%s is refused for %q, want %q", text, got, field)
		}
	}
	c := DefaultConfig()
	if c.MergeStrategy != StrategyDirect || !c.AutoMerge || c.AutoMergeDelay != 5*Minute || !c.AutoResolvePRFeedback || !c.AutoResolveMergeConflicts || c.CodeReview {
		t.Errorf("the defaults are %+v", c)
	}
}
