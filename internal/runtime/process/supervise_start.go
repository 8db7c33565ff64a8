package process

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"gastown/internal/runtime"
)

// startStatus is what a supervisor tells the server about a start.
type startStatus struct {
	PID    int           `json:"pid,omitempty"`
	Class  runtime.Class `json:"class,omitempty"`
	Reason string        `json:"reason,omitempty"`
}

// tellStatus tells the server what became of the start and hangs up. A server
// that has gone reads it from the records.
func tellStatus(to *os.File, status startStatus) {
	data, err := json.Marshal(status)
	if err == nil {
		_, err = to.Write(data)
	}
	if cerr := to.Close(); err == nil {
		err = cerr
	}
	if err != nil && !errors.Is(err, syscall.EPIPE) {
		fmt.Fprintln(os.Stderr, "gastown supervise: cannot tell the server:", err)
	}
}

// begin writes the supervisor's record and starts the agent. What it returns is
// nil or says that the agent surely does not run.
func (s *supervisor) begin() *runtime.StartError {
	if err := adoptOrphans(); err != nil {
		return infraError("cannot adopt orphans", err)
	}
	env, stdin, err := s.load()
	if err != nil {
		return infraError("cannot read what to run", err)
	}
	defer stdin.Close()
	mark, err := s.register()
	if err != nil {
		return infraError("cannot register the supervisor", err)
	}
	log, err := newLogWriter(filepath.Join(s.dir, dirLog), s.spec.LogBytes, s.spec.LogKeep)
	if err != nil {
		return infraError("cannot open the log", err)
	}
	s.heartbeat, err = os.OpenFile(filepath.Join(s.dir, fileHeartbeat), os.O_WRONLY|os.O_CREATE, modeFile)
	if err != nil {
		return infraError("cannot write the heartbeat", err)
	}
	return s.startAgent(append(env, markName+"="+mark, inboxName+"="+filepath.Join(s.dir, dirInbox)), stdin, log)
}

// load reads the spec and takes environment and input off the disk, since both
// may hold secrets.
func (s *supervisor) load() (env []string, stdin *os.File, err error) {
	found, err := readRecord(s.dir, fileSpec, &s.spec)
	if err == nil && !found {
		err = fmt.Errorf("there is no %s in %s", fileSpec, s.dir)
	}
	if err != nil {
		return nil, nil, err
	}
	data, err := os.ReadFile(filepath.Join(s.dir, fileEnviron))
	if err != nil {
		return nil, nil, err
	}
	for entry := range bytes.SplitSeq(data, []byte{0}) {
		// What was handed down from an agent of an outer town is not ours.
		if len(entry) > 0 && !bytes.HasPrefix(entry, []byte(markName+"=")) && !bytes.HasPrefix(entry, []byte(inboxName+"=")) {
			env = append(env, string(entry))
		}
	}
	stdin, err = os.Open(filepath.Join(s.dir, fileStdin))
	if os.IsNotExist(err) {
		stdin, err = os.Open(os.DevNull)
	}
	if err != nil {
		return nil, nil, err
	}
	if err := removeInput(s.dir); err != nil {
		stdin.Close()
		return nil, nil, err
	}
	return env, stdin, nil
}

// removeInput deletes what may hold secrets.
func removeInput(dir string) error {
	for _, name := range []string{fileEnviron, fileStdin} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}

// register writes who supervises the run, and returns the mark of its processes.
func (s *supervisor) register() (mark string, err error) {
	self, err := lookupProcess(os.Getpid())
	if err != nil {
		return "", err
	}
	boot, err := bootID()
	if err != nil {
		return "", err
	}
	mark = rand.Text()
	return mark, writeRecord(s.dir, fileSupervisor, supervisorRecord{identity: self.identity, Boot: boot, Mark: mark})
}

// startAgent starts the agent and the copying of its output. If the agent cannot
// be recorded it is killed again, before it had a chance to be taken for running.
func (s *supervisor) startAgent(env []string, stdin *os.File, log *logWriter) *runtime.StartError {
	out, in, err := os.Pipe()
	if err != nil {
		return rejection("cannot make a pipe", err)
	}
	defer in.Close()
	started := time.Now()
	agent, err := os.StartProcess(s.spec.Path, s.spec.Command, &os.ProcAttr{
		Dir: s.spec.Dir, Env: env, Files: []*os.File{stdin, in, in}, Sys: agentAttr(),
	})
	if err != nil {
		out.Close()
		return rejection(fmt.Sprintf("command %q cannot be executed", s.spec.Command[0]), err)
	}
	s.agent = agent.Pid
	_ = agent.Release() // children are reaped all together, in reap
	s.output = out
	s.activity.Store(started.UnixNano())
	go s.copyOutput(log)
	s.beat()

	info, err := lookupProcess(s.agent)
	if err == nil {
		err = writeRecord(s.dir, fileAgent, agentRecord{identity: info.identity, Started: started})
	}
	if err != nil {
		_ = syscall.Kill(-s.agent, syscall.SIGKILL) // a child not yet reaped, so surely ours
		s.watch()
		s.clear()
		return infraError("cannot record the agent", err)
	}
	return nil
}

// copyOutput writes the agent's output to the log until there is no more. When
// the log cannot be written the output is dropped, because an agent that waits
// for its pipe would hang.
func (s *supervisor) copyOutput(log *logWriter) {
	defer close(s.drained)
	buf := make([]byte, 32<<10)
	broken := false
	for {
		n, err := s.output.Read(buf)
		if n > 0 {
			s.activity.Store(time.Now().UnixNano())
			if _, werr := log.Write(buf[:n]); werr != nil && !broken {
				broken = true
				fmt.Fprintln(os.Stderr, "gastown supervise: output is lost:", werr)
			}
		}
		if err != nil {
			if err != io.EOF && !errors.Is(err, os.ErrClosed) {
				fmt.Fprintln(os.Stderr, "gastown supervise: output is lost:", err)
			}
			if cerr := log.Close(); cerr != nil {
				fmt.Fprintln(os.Stderr, "gastown supervise: output may be lost:", cerr)
			}
			return
		}
	}
}
