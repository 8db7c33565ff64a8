package git

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// moreFiles adds a larger repository to the benchmarks: -files 100000.
var moreFiles = flag.Int("files", 0, "measure a repository of that many files, too")

// sizes are the numbers of files of the repositories that are measured.
func sizes() []int {
	found := []int{1000, 14000}
	if *moreFiles > 0 {
		found = append(found, *moreFiles)
	}
	return found
}

// largeRig is a rig whose origin has a number of files of 1 kB, twenty in a directory.
func largeRig(b *testing.B, files int) *Rig {
	b.Helper()
	base := b.TempDir()
	origin := filepath.Join(base, "origin.git")
	sh(b, base, "init", "--quiet", "--bare", "-b", "main", origin)
	var stream strings.Builder
	stream.WriteString("commit refs/heads/main\ncommitter Person <person@example.com> 1700000000 +0000\ndata 3\nall\n")
	for i := range files {
		content := strings.Repeat(fmt.Sprintf("line of file %d\n", i), 60)
		fmt.Fprintf(&stream, "M 644 inline pkg%d/dir%d/file%d\ndata %d\n%s\n", i/400, i/20, i, len(content), content)
	}
	cmd := exec.Command("git", "fast-import", "--quiet")
	cmd.Dir, cmd.Stdin = origin, strings.NewReader(stream.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	store, err := Open(filepath.Join(base, "clones"))
	if err != nil {
		b.Fatal(err)
	}
	rig := store.Rig("town", "large", origin, "main")
	if err := rig.Fetch(context.Background()); err != nil {
		b.Fatal(err)
	}
	return rig
}

// changeIn puts a branch into the mirror that changes one small file of main.
func changeIn(b *testing.B, rig *Rig, branch, file string) {
	b.Helper()
	index := "GIT_INDEX_FILE=" + filepath.Join(b.TempDir(), "index")
	git := func(stdin string, args ...string) string {
		cmd := exec.Command("git", append([]string{"--git-dir=" + rig.mirror()}, args...)...)
		cmd.Env = append(os.Environ(), index,
			"GIT_AUTHOR_NAME=P", "GIT_AUTHOR_EMAIL=p@x", "GIT_COMMITTER_NAME=P", "GIT_COMMITTER_EMAIL=p@x")
		cmd.Stdin = strings.NewReader(stdin)
		out, err := cmd.CombinedOutput()
		if err != nil {
			b.Fatalf("git %v: %v: %s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	git("", "read-tree", originRef("main"))
	git("", "update-index", "--add", "--cacheinfo", "100644,"+git("new\n", "hash-object", "-w", "--stdin")+","+file)
	commit := git("", "commit-tree", "-p", originRef("main"), "-m", "change", git("", "write-tree"))
	git("", "update-ref", headRef(branch), commit)
}

// BenchmarkTestMerge is the cost of a merge that is the town's own: all of it but the network and the gate's time. The
// merges take turns at two files, so that the checkout changes each time.
func BenchmarkTestMerge(b *testing.B) {
	for _, files := range sizes() {
		rig := largeRig(b, files)
		branches := []string{"one", "two"}
		changeIn(b, rig, "one", "pkg0/dir0/file1")
		changeIn(b, rig, "two", "pkg0/dir2/added")
		for name, gates := range map[string][]Gate{"no gate": nil, "gate": {{Name: "test", Command: []string{"true"}}}} {
			n := 0
			test := func() {
				n++
				result, err := rig.TestMerge(context.Background(), MergeRequest{
					Branch: branches[n%2], Target: "main", Title: "t", Gates: gates,
				})
				if err != nil || result.Outcome != OutcomeTested {
					b.Fatalf("got %+v, %v", result, err)
				}
			}
			b.Run(fmt.Sprintf("%d files/%s", files, name), func(b *testing.B) {
				test() // The first one makes the checkout.
				for b.Loop() {
					test()
				}
			})
		}
	}
}
