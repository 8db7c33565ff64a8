package git

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// ValidBranch must agree with git itself on every name it does not refuse for
// reasons of its own.
func TestValidBranchAgreesWithGit(t *testing.T) {
	t.Parallel()
	parts := rapid.SampledFrom([]string{
		"a", "gt", "/", "//", ".", "..", "-", "@", "{", "@{", ".lock", "~", "^", ":", "?", "*", "[", "\\", " ", "\t", "\x7f", "é", "☃", "HEAD", "x.y", "refs/",
	})
	rapid.Check(t, func(t *rapid.T) {
		name := strings.Join(rapid.SliceOfN(parts, 1, 6).Draw(t, "name"), "")
		if strings.HasPrefix(name, "refs/") || name == "@" {
			return // Refused here for reasons of our own; git takes "@" for HEAD.
		}
		accepted := exec.Command("git", "check-ref-format", "--branch", name).Run() == nil
		if err := ValidBranch(name); (err == nil) != accepted {
			t.Fatalf("ValidBranch(%q) = %v, git accepts: %t", name, err, accepted)
		}
	})
}

func TestOwnRulesOfNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "refs/heads/x", "a\xff", strings.Repeat("a", maxBranchBytes+1)} {
		if ValidBranch(name) == nil {
			t.Errorf("ValidBranch accepts %q", name)
		}
	}
	if validPart("bead", "a/b") == nil || validPart("bead", "..") == nil || validPart("bead", "gt-1") != nil {
		t.Error("validPart does not keep beads to one directory")
	}
	for id, good := range map[string]bool{
		strings.Repeat("0a", 20): true, strings.Repeat("0a", 32): true, strings.Repeat("0A", 20): false, "HEAD": false, "": false,
	} {
		if (validCommit(id) == nil) != good {
			t.Errorf("validCommit(%q) is wrong", id)
		}
	}
}

func TestErrorSaysAll(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	err := &Error{Op: "fetch", Class: ClassAuth, Stderr: "line one\nline two", Err: cause}
	want := "cannot fetch: auth: line one; line two: cause (" + remedies[ClassAuth] + ")"
	if err.Error() != want || !errors.Is(err, cause) {
		t.Errorf("got %q, want %q", err, want)
	}
}

func TestTail(t *testing.T) {
	t.Parallel()
	end := &tail{lines: 3, bytes: 20}
	for _, part := range []string{"one\ntwo\n", "three\nfour\n", "five\n"} {
		if _, err := end.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	if got := end.String(); got != "three\nfour\nfive" {
		t.Errorf("kept %q", got)
	}
	long := &tail{lines: 3, bytes: 10}
	_, _ = long.Write([]byte(strings.Repeat("é", 500)))
	if got := long.String(); got != "ééééé" {
		t.Errorf("kept %q", got)
	}
}
