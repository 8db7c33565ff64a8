package process

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	goruntime "runtime"
	"sync/atomic"
	"syscall"
	"time"

	"gastown/internal/runtime"
)

// File descriptors that the server hands to a supervisor.
const (
	fdAlive  = 3 // write end of the FIFO; held until the supervisor is gone
	fdStatus = 4 // write end of a pipe; takes one startStatus
)

// Exit codes of a supervisor. Nobody acts on them, exit.json is what counts;
// they are for people.
const (
	exitDone    = 0
	exitTrouble = 1
	exitMisuse  = 2
)

const (
	// killLimit bounds the wait for killed processes. Only one that hangs in the
	// kernel outlives it; waiting longer would hide the run's end.
	killLimit = 10 * time.Second
	// drainLimit bounds the wait for the rest of the output once every process
	// of the run is gone. Only a process that got hold of the pipe from outside
	// the run makes it matter.
	drainLimit = 2 * time.Second
	// leftoverPause is the time between two looks at leftovers, for those whose
	// end the kernel does not announce to us.
	leftoverPause = 20 * time.Millisecond
)

// Supervise watches over one agent until it and everything it started has gone.
// It is the body of the hidden command "gastown supervise RUNDIR", which only a
// Runtime may call: it expects two open pipes from it. It returns the exit code
// for the process and must be called from the process's main goroutine, in a
// process that does nothing else.
func Supervise(runDir string) (exitCode int) {
	alive, status, err := inherited()
	if err != nil {
		fmt.Fprintln(os.Stderr, "gastown supervise:", err)
		return exitMisuse
	}
	defer alive.Close()
	// The kernel kills the agent when the thread that started it ends, so that
	// thread has to be ours for as long as we live.
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()

	s := &supervisor{dir: runDir, drained: make(chan struct{})}
	if err := s.run(status); err != nil {
		fmt.Fprintln(os.Stderr, "gastown supervise:", err)
		return exitTrouble
	}
	return exitDone
}

// inherited takes over the pipes that the server opened, and keeps them from the
// agent.
func inherited() (alive, status *os.File, err error) {
	for _, fd := range []int{fdAlive, fdStatus} {
		var st syscall.Stat_t
		if err := syscall.Fstat(fd, &st); err != nil || st.Mode&syscall.S_IFMT != syscall.S_IFIFO {
			return nil, nil, errors.New("this command is for the server only: use `gastown up`")
		}
		syscall.CloseOnExec(fd)
	}
	return os.NewFile(fdAlive, fileAlive), os.NewFile(fdStatus, "status"), nil
}

// supervisor is the state of one Supervise call. One goroutine owns it; only
// activity is shared, with the one that copies the output.
type supervisor struct {
	dir  string
	spec specRecord

	stop     chan os.Signal // TERM or INT: end the agent
	children chan os.Signal // a child ended
	hangup   chan os.Signal // ignored, but only by us

	agent     int // pid and process group
	wait      syscall.WaitStatus
	stopping  bool
	graceOver bool
	kill      <-chan time.Time // the grace is over
	activity  atomic.Int64     // last output, Unix nanoseconds
	drained   chan struct{}    // all output is in the log
	output    *os.File         // read end of the agent's output
	heartbeat *os.File
}

// run does everything from the first record to the last.
func (s *supervisor) run(status *os.File) error {
	s.listen()
	if rejected := s.begin(); rejected != nil {
		// Written before it is told: if the server has gone, the record is how
		// the next one learns of it.
		err := writeRecord(s.dir, fileExit, failedStart(rejected))
		tellStatus(status, startStatus{Class: rejected.Class, Reason: rejected.Reason})
		return err
	}
	tellStatus(status, startStatus{PID: s.agent})
	s.watch()
	exited := time.Now()
	s.clear()
	s.finishOutput()
	s.beat()
	return writeRecord(s.dir, fileExit, s.exitRecord(exited))
}

// listen subscribes to signals. SIGHUP is caught and not ignored, because a
// child inherits what is ignored.
func (s *supervisor) listen() {
	s.stop = make(chan os.Signal, 1)
	s.children = make(chan os.Signal, 1)
	s.hangup = make(chan os.Signal, 1)
	signal.Notify(s.stop, syscall.SIGTERM, syscall.SIGINT)
	signal.Notify(s.children, syscall.SIGCHLD)
	signal.Notify(s.hangup, syscall.SIGHUP)
}

// watch returns when the agent's main process has ended.
func (s *supervisor) watch() {
	beat := time.NewTicker(s.spec.Heartbeat)
	defer beat.Stop()
	for !s.reap() {
		select {
		case <-s.children:
		case <-beat.C:
			s.beat()
		case <-s.stop:
			s.terminate()
		case <-s.kill:
			s.graceOver = true
			// It may be gone by now, which the next look finds.
			_ = syscall.Kill(-s.agent, syscall.SIGKILL)
		}
	}
}

// terminate asks the agent's group to end. A stopped process has to be woken to
// hear of it.
func (s *supervisor) terminate() {
	if s.stopping {
		return
	}
	s.stopping = true
	s.kill = time.After(s.spec.Grace)
	// Failing means that it is gone, which the next look finds.
	_ = syscall.Kill(-s.agent, syscall.SIGTERM)
	_ = syscall.Kill(-s.agent, syscall.SIGCONT)
}

// reap collects all ended children, our own and adopted ones, and says whether
// the agent was among them.
func (s *supervisor) reap() (agentEnded bool) {
	for {
		var ws syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &ws, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return agentEnded
		}
		if pid == s.agent {
			s.wait, agentEnded = ws, true
		}
	}
}

// clear ends what the agent left behind. After a stop it has what remains of the
// grace, otherwise it is killed at once.
func (s *supervisor) clear() {
	sig := syscall.SIGKILL
	if s.stopping && !s.graceOver {
		sig = syscall.SIGTERM
	}
	told := map[identity]bool{} // who heard TERM: once is enough
	limit := time.After(killLimit + s.spec.Grace)
	tick := time.NewTicker(leftoverPause)
	defer tick.Stop()
	for {
		s.reap()
		left, err := leftovers(s.agent)
		if err != nil {
			fmt.Fprintln(os.Stderr, "gastown supervise:", err)
			return
		}
		if len(left) == 0 {
			return
		}
		for _, p := range left {
			if sig == syscall.SIGKILL || !told[p.identity] {
				told[p.identity] = true
				p.signal(sig)
			}
		}
		select {
		case <-s.children:
		case <-tick.C:
		case <-s.kill:
			sig = syscall.SIGKILL
		case <-limit:
			fmt.Fprintf(os.Stderr, "gastown supervise: %d processes of the run cannot be killed\n", len(left))
			return
		}
	}
}

// finishOutput waits until the log holds everything.
func (s *supervisor) finishOutput() {
	select {
	case <-s.drained:
	case <-time.After(drainLimit):
		s.output.Close()
		<-s.drained
	}
}

// exitRecord says how the agent ended.
func (s *supervisor) exitRecord(exited time.Time) exitRecord {
	rec := exitRecord{Exited: exited, ExitCode: s.wait.ExitStatus()}
	if s.wait.Signaled() {
		rec.ExitCode = 128 + int(s.wait.Signal())
		rec.Signal = s.wait.Signal().String()
	}
	if s.stopping {
		rec.Reason = runtime.ReasonStopped
	}
	return rec
}

// beat tells that the agent lives and when it last wrote. The figure has always
// the same length, so that a reader never sees half of one.
func (s *supervisor) beat() {
	now := time.Now()
	text := fmt.Sprintf("%020d\n", s.activity.Load())
	_, err := s.heartbeat.WriteAt([]byte(text), 0)
	if err == nil {
		err = os.Chtimes(filepath.Join(s.dir, fileHeartbeat), now, now)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gastown supervise: cannot write the heartbeat:", err)
	}
}
