package web_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"gastown/internal/cli"
)

// patience bounds every wait; a test that needs it has failed.
const patience = time.Minute

// TestMain makes the test binary the gastown program too, for the server, the supervisors, refineries
// and agents' verbs that the tests start, and ends the browser that they share.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-test.") {
		os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	code := m.Run()
	closeBrowser()
	os.Exit(code)
}
