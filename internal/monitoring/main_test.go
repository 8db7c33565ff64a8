package monitoring

import (
	"os"
	"strings"
	"testing"

	"gastown/internal/cli"
)

// TestMain makes the test binary the gastown program too, for the servers, supervisors, refineries
// and agents' verbs that the tests start: whatever is not called with the flags of a test is that.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-test.") {
		os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}
