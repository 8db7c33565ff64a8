package town

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
)

// The environment by which TestTheSameInEveryProcess tells a child of its own which run to make and
// where to put the ticks. A file and not the standard output: that belongs to the testing package.
const (
	childSeed = "TOWN_TEST_CHILD_SEED"
	childFile = "TOWN_TEST_CHILD_FILE"
)

// Two processes that differ in processors, time zone, language and the seed of their maps make the
// same ticks of the same run, byte for byte.
func TestTheSameInEveryProcess(t *testing.T) {
	if seed := os.Getenv(childSeed); seed != "" {
		n, err := strconv.ParseUint(seed, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(os.Getenv(childFile), seededRun(t, n), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, seed := range []uint64{1, 2, 3} {
		want := seededRun(t, seed)
		for _, env := range [][]string{
			{"GOMAXPROCS=1", "TZ=Pacific/Kiritimati", "LANG=tr_TR.UTF-8", "LC_ALL=tr_TR.UTF-8"},
			{"GOMAXPROCS=7", "TZ=America/St_Johns", "LANG=C"},
		} {
			file := t.TempDir() + "/ticks"
			child := exec.CommandContext(t.Context(), self, "-test.run=^TestTheSameInEveryProcess$")
			child.Env = append(append(os.Environ(), env...), childSeed+"="+strconv.FormatUint(seed, 10), childFile+"="+file)
			if out, err := child.CombinedOutput(); err != nil {
				t.Fatalf("with %v: %v\n%s", env, err, out)
			}
			got, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Fatalf("seed %d with %v: %d bytes of ticks differ from %d bytes made here", seed, env, len(got), len(want))
			}
		}
	}
}

// seededRun returns the encoded ticks of a run that the seed determines.
func seededRun(t *testing.T, seed uint64) []byte {
	random := rand.New(rand.NewPCG(seed, 0))
	c := newChaos(t, random.IntN, true)
	for range 80 {
		c.turn()
	}
	c.calm()
	return bytes.Join(c.history, nil)
}
