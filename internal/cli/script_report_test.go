package cli_test

import (
	"encoding/json"
	"os"
	"regexp"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"

	"gastown/internal/observe/sentrytest"
	"gastown/internal/wire"
)

// theReceiver is where a script's commands find the other end of its reports.
type theReceiver struct{}

// receiver FILE takes reports for the rest of the script, and writes the DSN that leads there to the file.
func receiver(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: receiver FILE")
	}
	dsn := ts.Value(theReceiver{}).(*sentrytest.Receiver).Serve(ts.Defer)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(dsn+"\n"), 0o600))
}

// reported REGEXP waits until what has arrived matches; with ! nothing that has arrived may.
func reported(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: [!] reported REGEXP")
	}
	want, err := regexp.Compile(args[0])
	ts.Check(err)
	in := ts.Value(theReceiver{}).(*sentrytest.Receiver)
	if f := in.Faults(); len(f) > 0 {
		ts.Fatalf("malformed: %v", f)
	}
	if neg {
		if want.MatchString(in.Raw()) {
			ts.Fatalf("was reported: %s\n%s", args[0], in.Raw())
		}
		return
	}
	if !in.AwaitText(patience, want) {
		ts.Fatalf("not reported in time: %s\n%s", args[0], in.Raw())
	}
}

// usr1 FILE sends SIGUSR1 to the server that the file describes.
func usr1(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: usr1 FILE")
	}
	var info wire.ServerInfo
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &info))
	ts.Check(syscall.Kill(info.PID, syscall.SIGUSR1))
}
