package process

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// bystander is a process that has nothing to do with any run, in a session and a
// group of its own.
func bystander(t *testing.T) identity {
	t.Helper()
	cmd := exec.Command("sleep", "600")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed, so there is an error
	})
	info, err := lookupProcess(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	return info.identity
}

// A pid that was given to another process since is not ours to kill, whichever
// of the records names it.
func TestReusedPIDIsSpared(t *testing.T) {
	t.Parallel()
	boot, err := bootID()
	if err != nil {
		t.Fatal(err)
	}
	id := bystander(t)
	before := identity{PID: id.PID, Start: id.Start - 1}
	if before.alive() || before.signal(syscall.SIGKILL) {
		t.Error("a process was taken for one that started earlier")
	}
	for name, c := range map[string]struct {
		sup   supervisorRecord
		agent agentRecord
	}{
		"supervisor's pid": {sup: supervisorRecord{identity: before, Boot: boot, Mark: "m"}},
		"agent's pid":      {supervisorRecord{Boot: boot, Mark: "m"}, agentRecord{identity: before}},
		"another boot":     {supervisorRecord{identity: id, Boot: "before", Mark: "m"}, agentRecord{identity: id}},
	} {
		if err := killMembers(t.Context(), c.sup, c.agent); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !id.alive() {
			t.Fatalf("%s: a bystander was killed", name)
		}
	}
	// The same question with the right start time, so that the above means something.
	sup := supervisorRecord{identity: id, Boot: boot, Mark: "m"}
	if err := killMembers(t.Context(), sup, agentRecord{}); err != nil {
		t.Fatal(err)
	}
	if id.alive() {
		t.Error("a process of the run was spared")
	}
}

func TestKillMembersGivesUpWithTheContext(t *testing.T) {
	t.Parallel()
	boot, err := bootID()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = killMembers(ctx, supervisorRecord{identity: bystander(t), Boot: boot}, agentRecord{})
	if err == nil {
		t.Error("no error, although nobody waited for the end of the process")
	}
}

func TestNamesMakeDirectories(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringN(1, 60, 100).Draw(t, "name")
		dir := encodeName(name)
		if filepath.Base(dir) != dir || dir[0] == '.' {
			t.Fatalf("%q became %q, which is hidden or leads elsewhere", name, dir)
		}
		if back, ok := decodeName(dir); !ok || back != name {
			t.Fatalf("%q became %q and then %q", name, dir, back)
		}
	})
}

// Where there are no file watches left a follower looks from time to time.
func TestFollowWithoutWatches(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w, err := newLogWriter(dir, 4, 10)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	l := &logReader{
		dir: dir, ctx: t.Context(), runtime: t.Context(), ended: ended,
		pause: time.NewTicker(time.Millisecond), closed: make(chan struct{}),
	}
	defer l.Close()
	buf := make([]byte, 6)
	for _, text := range []string{"hello\n", "again\n"} {
		written := make(chan error, 1)
		go func() {
			_, err := io.WriteString(w, text)
			written <- err
		}()
		if _, err := io.ReadFull(l, buf); err != nil || string(buf) != text {
			t.Fatalf("read %q (%v), want %q", buf, err, text)
		}
		if err := <-written; err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	close(ended)
	if n, err := l.Read(buf); n != 0 || err != io.EOF {
		t.Errorf("read %d bytes (%v) after the end", n, err)
	}
}

func TestRecordIsWholeOrAbsent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, fileExit+".tmp"), []byte(`{"exit_c`), modeFile); err != nil {
		t.Fatal(err)
	}
	if _, found, _, err := readExit(dir); found || err != nil {
		t.Errorf("half a record counts as one (%v)", err)
	}
	want := exitRecord{ExitCode: 3, Reason: "stopped"}
	if err := writeRecord(dir, fileExit, want); err != nil {
		t.Fatal(err)
	}
	if got, found, _, err := readExit(dir); !found || err != nil || got != want {
		t.Errorf("read %+v (%v), want %+v", got, err, want)
	}
}
