package cli_test

import (
	"context"
	"database/sql"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite" // to make a database of the future

	"gastown/internal/cli"
	"gastown/internal/observe/sentrytest"
)

// patience bounds every wait of a script; a script that needs it has failed.
const patience = 40 * time.Second

// allTime bounds the scripts together, so that a program that does not end is ended.
const allTime = 5 * time.Minute

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"gastown": func() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// The scripts run the program itself, in processes of its own, each with its own home and data.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		Deadline:            time.Now().Add(allTime),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setup,
		Condition: func(cond string) (bool, error) {
			return cond == "root" && os.Geteuid() == 0, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"until": until, "capture": capture, "exits": exits, "busyport": busyPort, "newerschema": newerSchema, "tmpfs": tmpfs,
			"receiver": receiver, "reported": reported, "usr1": usr1,
		},
	})
}

// theTest is where a script's commands find its test.
type theTest struct{}

func setup(env *testscript.Env) error {
	env.Values[theTest{}] = env.T()
	env.Values[theReceiver{}] = sentrytest.New()
	home := filepath.Join(env.WorkDir, "home")
	if err := os.MkdirAll(home, 0o700); err != nil {
		return err
	}
	env.Setenv("HOME", home)
	env.Setenv("GASTOWN_HOME", filepath.Join(env.WorkDir, "data"))
	env.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	env.Setenv("GORACE", "atexit_sleep_ms=0") // the race detector's second at the end of each process
	return os.WriteFile(filepath.Join(home, ".gitconfig"), []byte("[user]\nname = t\nemail = t@localhost\n[init]\ndefaultBranch = main\n"), 0o600)
}

// until REGEXP PROGRAM ARGS… runs the program again and again until its output matches; with !
// until it does not.
func until(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: [!] until REGEXP PROGRAM [ARG…]")
	}
	want, err := regexp.Compile(args[0])
	ts.Check(err)
	deadline := time.After(patience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ts.Exec(args[1], args[2:]...)
		if (err == nil || !neg) && want.MatchString(ts.ReadFile("stdout")) != neg {
			return
		}
		select {
		case <-deadline:
			ts.Fatalf("not in time: %s: %v\n%s%s", strings.Join(args, " "), err, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
		case <-tick.C:
		}
	}
}

// capture NAME REGEXP sets an environment variable to the first group of the last output.
func capture(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: capture NAME REGEXP")
	}
	want, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	found := want.FindStringSubmatch(ts.ReadFile("stdout"))
	if len(found) < 2 {
		ts.Fatalf("the output has no %s", args[1])
	}
	ts.Setenv(args[0], found[1])
}

// exits CODE PROGRAM ARGS… runs a program that must end with the code.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARG…]")
	}
	code := "0"
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		// Exec wraps nothing: an exit code other than 0 reads "exit status N".
		code = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if code != args[0] {
		ts.Fatalf("%s: ended with %s, want %s\n%s%s", strings.Join(args[1:], " "), code, args[0], ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

// busyport NAME takes a port for the rest of the script and sets the variable to its address.
func busyPort(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { _ = l.Close() })
	ts.Setenv(args[0], l.Addr().String())
}

// newerschema FILE makes a journal look as if a later gastown had written it.
func newerSchema(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	_, err = db.ExecContext(context.Background(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1); PRAGMA user_version = 999")
	ts.Check(err)
	ts.Check(db.Close())
}

// tmpfs DIR SIZE mounts a small disk; where that is not possible the script is skipped.
func tmpfs(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o700))
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "mode=0700,size="+args[1], "tmpfs", dir).CombinedOutput(); err != nil {
		ts.Value(theTest{}).(testscript.T).Skip("cannot mount a small disk: " + strings.TrimSpace(string(out)))
	}
	// Lazily: on a failure the server may still be there.
	ts.Defer(func() { ts.Check(exec.Command("umount", "-l", dir).Run()) })
}
