package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

const (
	defaultGateTimeout = 30 * time.Minute // for a gate that names none
	gateTailLines      = 100              // of a failed gate's output kept for the report
	gateTailBytes      = 16 << 10
)

// Gate is a command that must succeed on the merged tree before it is
// published.
type Gate struct {
	Name    string
	Command []string      // program and arguments; or
	Shell   string        // a line for `sh -c`
	Timeout time.Duration // 30 minutes when zero
}

// argv returns what is to be executed.
func (g Gate) argv() []string {
	if len(g.Command) > 0 {
		return g.Command
	}
	return []string{"sh", "-c", g.Shell}
}

func (g Gate) check() error {
	if (len(g.Command) == 0) == (strings.TrimSpace(g.Shell) == "") {
		return fmt.Errorf("gate %q must have either a command or a shell line", g.Name)
	}
	return nil
}

// GateFailure is a gate that did not succeed.
type GateFailure struct {
	Gate     string // name of the gate
	End      GateEnd
	ExitCode int      // as a shell counts: 127 could not be started, 128+n killed by signal n
	Tail     string   // the end of its output, credentials in URLs masked
	Changed  []string // tracked files that it changed, where that is why it counts as failed
}

// runGate runs a gate in a directory, in a session and process group of its
// own. Whatever of the group is left at its end, or at the end of its time, is
// killed. It returns nil when the gate succeeds; the error is ctx's own.
func runGate(ctx context.Context, g Gate, dir string, env []string, log io.Writer) (*GateFailure, error) {
	timeout := g.Timeout
	if timeout <= 0 {
		timeout = defaultGateTimeout
	}
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	end := &tail{lines: gateTailLines, bytes: gateTailBytes}
	argv := g.argv()
	cmd := exec.CommandContext(limited, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = dir, env
	ownGroup(cmd)
	err := runCaptured(cmd, gateOutput{end: end, log: log})
	switch {
	case ctx.Err() != nil:
		return nil, &Error{Op: "run the gate " + g.Name, Class: waitClass(ctx), Err: ctx.Err(), exitCode: -1}
	case err == nil:
		return nil, nil
	}
	failure := &GateFailure{Gate: g.Name, ExitCode: exitNotFound}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		failure.ExitCode = shellCode(exit)
	} else {
		fmt.Fprintf(end, "cannot run the gate: %v\n", err)
	}
	failure.End = endOf(failure.ExitCode, limited.Err() != nil)
	failure.Tail = mask(end.String())
	return failure, nil
}

// runCaptured runs a command with both outputs going to out. The output goes
// through a pipe of our own, because exec's would wait for every process that
// the command left in the background.
func runCaptured(cmd *exec.Cmd, out io.Writer) error {
	reader, writer, err := os.Pipe()
	if err != nil {
		return err
	}
	defer reader.Close()
	cmd.Stdout, cmd.Stderr = writer, writer
	err = cmd.Start()
	_ = writer.Close() // The command has its own copy.
	if err != nil {
		return err
	}
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.Copy(out, reader) // Ends with the last writer, or at the deadline below.
	}()
	err = cmd.Wait()
	_ = killGroup(cmd.Process.Pid) // The leader is gone; its children must not stay.
	_ = reader.SetReadDeadline(time.Now().Add(pipeGrace))
	<-copied
	return err
}

// gateOutput sends output to the kept end and to the log. A log that cannot be
// written must not fail the work of an agent.
type gateOutput struct {
	end *tail
	log io.Writer
}

func (o gateOutput) Write(p []byte) (int, error) {
	if o.log != nil {
		_, _ = o.log.Write(p)
	}
	return o.end.Write(p)
}

// shellCode is the exit status as a shell would tell it.
func shellCode(exit *exec.ExitError) int {
	if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return exit.ExitCode()
}
