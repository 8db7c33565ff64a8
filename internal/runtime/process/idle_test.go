package process_test

import (
	"fmt"
	"os"
	"regexp"
	goruntime "runtime"
	"strings"
	"testing"

	"gastown/internal/runtime/process"
)

// TestIdle is not parallel: it looks at the whole process. An idle runtime waits
// in the poller only; it holds no thread per agent and has no
// ticker.
func TestIdle(t *testing.T) {
	const agents = 20
	dir := t.TempDir()
	rt := open(t, process.Options{Root: t.TempDir()})
	threads := threadCount(t)
	for i := range agents {
		s := spec(dir, 1, "exec sleep 600")
		s.Agent, s.Workspace.Bead = fmt.Sprintf("agent%d", i), fmt.Sprint("bead", i)
		ok(t, rt.Start(t.Context(), s))
	}

	var ours []string
	eventually(t, "all watchers wait", func() bool {
		ours = ours[:0]
		waiting := 0
		for _, stack := range stacks() {
			if strings.Contains(stack, "process.(*Runtime).") && !strings.Contains(stack, "TestIdle") {
				ours = append(ours, stack)
				if regexp.MustCompile(`^goroutine \d+ (gp=\S+ m=\S+ )?\[IO wait`).MatchString(stack) {
					waiting++
				}
			}
		}
		return waiting == agents
	})
	if len(ours) != agents {
		t.Errorf("%d goroutines for %d agents:\n%s", len(ours), agents, strings.Join(ours, "\n\n"))
	}
	if more := threadCount(t) - threads; more > agents/2 {
		t.Errorf("%d agents brought %d threads", agents, more)
	}
}

// stacks returns the stack of every goroutine.
func stacks() []string {
	buf := make([]byte, 1<<20)
	return strings.Split(string(buf[:goruntime.Stack(buf, true)]), "\n\n")
}

// threadCount is the number of threads of this process.
func threadCount(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/task")
	if os.IsNotExist(err) {
		t.Skip("threads can be counted on Linux only")
	}
	ok(t, err)
	return len(entries)
}
