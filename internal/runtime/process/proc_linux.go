package process

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// agentAttr starts the agent in a process group of its own and makes the kernel
// kill it when its supervisor dies.
func agentAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// adoptOrphans makes this process the parent of descendants that lose theirs,
// so that none can slip away by daemonising itself.
func adoptOrphans() error {
	return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
}

// leftovers returns what is left of the tree of an agent that has ended. All of
// it becomes our children sooner or later, since we adopt orphans.
func leftovers(int) ([]processInfo, error) {
	all, err := processTable()
	if err != nil {
		return nil, err
	}
	var children []processInfo
	for _, p := range all {
		if p.parent == os.Getpid() {
			children = append(children, p)
		}
	}
	return children, nil
}

// bootID tells one boot of the machine from the next: pids and start times mean
// nothing beyond it.
func bootID() (string, error) {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("cannot tell which boot this is: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}

// processTable returns all processes there are.
func processTable() ([]processInfo, error) {
	proc, err := os.Open("/proc")
	if err != nil {
		return nil, fmt.Errorf("cannot read the process table: %w", err)
	}
	defer proc.Close()
	names, err := proc.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("cannot read the process table: %w", err)
	}
	var all []processInfo
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		// A process that cannot be looked up has ended since.
		if p, err := lookupProcess(pid); err == nil {
			all = append(all, p)
		}
	}
	return all, nil
}

// lookupProcess reads one row of the process table.
func lookupProcess(pid int) (processInfo, error) {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return processInfo{}, fmt.Errorf("cannot look up process %d: %w", pid, err)
	}
	return parseStat(pid, string(data))
}

// parseStat reads a line of /proc/PID/stat. The second field is the program's
// name in parentheses and may hold anything, so counting begins after it.
func parseStat(pid int, line string) (processInfo, error) {
	const (
		state, parent, group, session, start = 0, 1, 2, 3, 19 // after the name
	)
	fields := strings.Fields(line[strings.LastIndexByte(line, ')')+1:])
	if len(fields) <= start {
		return processInfo{}, fmt.Errorf("cannot read the state of process %d: %q", pid, line)
	}
	p := processInfo{zombie: fields[state] == "Z" || fields[state] == "X"}
	p.PID = pid
	var err error
	number := func(i int) int64 {
		n, nerr := strconv.ParseInt(fields[i], 10, 64)
		if nerr != nil && err == nil {
			err = fmt.Errorf("cannot read the state of process %d: %w", pid, nerr)
		}
		return n
	}
	p.parent, p.group, p.session = int(number(parent)), int(number(group)), int(number(session))
	p.Start = number(start)
	return p, err
}

// carriesMark says whether a process has the entry in its environment. One that
// cannot be read belongs to somebody else.
func carriesMark(pid int, entry string) bool {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
	if err != nil {
		return false
	}
	for field := range bytes.SplitSeq(data, []byte{0}) {
		if string(field) == entry {
			return true
		}
	}
	return false
}
