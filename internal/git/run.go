package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Time limits. They protect a town from a git command that hangs; each is far
// above what a healthy command needs.
const (
	askTimeout     = 30 * time.Second // one question to a remote (ls-remote)
	networkTimeout = 30 * time.Minute // a fetch, clone or push of a large repository
	localTimeout   = 10 * time.Minute // anything on the local disk, a large checkout included
	pipeGrace      = 2 * time.Second  // for output to arrive after the process has ended
)

// command is one call of git.
type command struct {
	op       string        // what is being done, for the error: "cannot <op>"
	dir      string        // working directory; "/" when empty, so that no repository is found by accident
	gitDir   string        // explicit repository; empty for commands that need none
	workTree string        // explicit work tree
	args     []string      // subcommand and its arguments
	env      []string      // added to the environment
	stdin    string        // fed to the command
	timeout  time.Duration // localTimeout when zero
	outside  bool          // goes to a remote: gets the access that the operator has
	around   surroundings  // the environment and configuration
	patience time.Duration // how long a remote may make no progress; stallLimit when zero
	config   []string      // further entries of configuration, as "name=value"
	remote   string        // the address that it asks, if any
	secret   string        // never to be seen in what git says
	plain    []string      // run as the operator would: with this environment and no configuration of ours
}

// fixedConfig holds for every call of git made here. Hooks of the mirror and
// questions to a person have no place in an unattended process, and neither
// have helpers in the background.
var fixedConfig = []string{
	"-c", "core.hooksPath=/dev/null",
	"-c", "core.fsmonitor=false",
	"-c", "core.quotePath=false",
	"-c", "core.filesRefLockTimeout=2000",
	"-c", "core.packedRefsTimeout=5000",
	"-c", "protocol.ext.allow=never",
	"-c", "http.followRedirects=false",
	"-c", "http.lowSpeedLimit=1",
	"-c", "http.lowSpeedTime=30", // stallLimit
	"-c", "gc.auto=0",
	"-c", "maintenance.auto=false",
	"-c", "commit.gpgSign=false",
	"-c", "push.gpgSign=false",
	"-c", "advice.detachedHead=false",
}

// run calls git and returns what it wrote to stdout. A failure is an [*Error].
// The whole process group is killed when the time is over or ctx ends.
func run(ctx context.Context, c command) (string, error) {
	timeout := c.timeout
	if timeout == 0 {
		timeout = localTimeout
	}
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	cmd := exec.CommandContext(limited, "git", c.arguments()...)
	cmd.Dir = c.dir
	if cmd.Dir == "" {
		cmd.Dir = "/"
	}
	cmd.Env = c.environment()
	if c.stdin != "" {
		cmd.Stdin = strings.NewReader(c.stdin)
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	ownGroup(cmd)
	cmd.WaitDelay = pipeGrace

	stalled, err := runWatched(cmd, c)
	if err == nil || (errors.Is(err, exec.ErrWaitDelay) && limited.Err() == nil) {
		// A helper that git left behind on purpose (a shared ssh connection)
		// may hold the pipes open; git itself has ended well.
		return stdout.String(), nil
	}
	said := stderr.String()
	if c.secret != "" {
		said = strings.ReplaceAll(said, c.secret, "***")
	}
	err = commandError(ctx, limited, c.op, said, err)
	var e *Error
	if stalled && errors.As(err, &e) {
		e.Class, e.Stderr, e.exitCode = ClassStalled, fmt.Sprintf("nothing came or went for %s", stallLimit), -1
	}
	return stdout.String(), redirected(ctx, err, c.remote)
}

// runWatched runs a command, and kills one that asks a remote and makes no progress.
func runWatched(cmd *exec.Cmd, c command) (stalled bool, err error) {
	if c.remote == "" {
		return false, cmd.Run()
	}
	if err := cmd.Start(); err != nil {
		return false, err
	}
	limit := c.patience
	if limit == 0 {
		limit = stallLimit
	}
	done, watching := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watching)
		watch(cmd.Process.Pid, limit, done, func() {
			stalled = true
			_ = killGroup(cmd.Process.Pid) // One that has just ended is well, too.
		})
	}()
	err = cmd.Wait()
	close(done)
	<-watching
	return stalled && err != nil, err
}

// environment is the whole environment of the command.
func (c command) environment() []string {
	if c.plain != nil {
		return append(slices.Clone(c.plain), c.env...)
	}
	return append(c.around.gitEnv(c.outside), c.env...)
}

// arguments puts the fixed configuration and the repository before the
// subcommand.
func (c command) arguments() []string {
	var args []string
	if c.plain == nil {
		args = append(args, fixedConfig...)
	}
	for _, entry := range c.config {
		args = append(args, "-c", entry)
	}
	if c.gitDir != "" {
		args = append(args, "--git-dir="+c.gitDir)
	}
	if c.workTree != "" {
		args = append(args, "--work-tree="+c.workTree)
	}
	return append(args, c.args...)
}

// commandError says why a command failed: because the caller gave up, the time
// was over, git could not be started, or git said so.
func commandError(ctx, limited context.Context, op, stderr string, err error) error {
	e := &Error{Op: op, Class: ClassOther, Stderr: cleanStderr(stderr), exitCode: -1}
	var exit *exec.ExitError
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		e.Err = ctx.Err()
	case limited.Err() != nil:
		e.Class, e.Err = ClassTimeout, limited.Err()
	case errors.As(err, &exit):
		e.Class, e.exitCode = classify(stderr), exit.ExitCode()
	default:
		e.Err = err
	}
	return e
}

// exitedWith tells whether err is git's own exit with that status.
func exitedWith(err error, status int) bool {
	var e *Error
	return errors.As(err, &e) && e.exitCode == status
}

// ownGroup gives the command a session of its own: no terminal to ask a person
// at, and one process group that can be killed as a whole.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error { return killGroup(cmd.Process.Pid) }
}

// killGroup kills a process group. One that is gone already is no error.
func killGroup(pid int) error {
	err := syscall.Kill(-pid, syscall.SIGKILL)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}

// repositoryVariables point git at a repository or change what it sees there.
// They are removed, since gastown may itself have been started by git (from a
// hook or an alias).
var repositoryVariables = map[string]bool{
	"GIT_ALTERNATE_OBJECT_DIRECTORIES": true, "GIT_CEILING_DIRECTORIES": true, "GIT_COMMON_DIR": true,
	"GIT_CONFIG": true, "GIT_CONFIG_PARAMETERS": true, "GIT_DIR": true, "GIT_EXTERNAL_DIFF": true,
	"GIT_GRAFT_FILE": true, "GIT_IMPLICIT_WORK_TREE": true, "GIT_INDEX_FILE": true,
	"GIT_INTERNAL_SUPER_PREFIX": true, "GIT_NAMESPACE": true, "GIT_NO_REPLACE_OBJECTS": true,
	"GIT_OBJECT_DIRECTORY": true, "GIT_PREFIX": true, "GIT_QUARANTINE_PATH": true,
	"GIT_REFLOG_ACTION": true, "GIT_REPLACE_REF_BASE": true, "GIT_SHALLOW_FILE": true, "GIT_WORK_TREE": true,
}

// withoutRepository returns an environment without [repositoryVariables].
func withoutRepository(environ []string) []string {
	var kept []string
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if !repositoryVariables[name] {
			kept = append(kept, entry)
		}
	}
	return kept
}

func isDiskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
