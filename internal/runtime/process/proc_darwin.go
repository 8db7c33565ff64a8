package process

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// stateZombie is SZOMB of <sys/proc.h>.
const stateZombie = 5

// agentAttr starts the agent in a process group of its own. There is no way to
// tie its life to the supervisor's here; the server ends it instead.
func agentAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// adoptOrphans does nothing: this kernel gives orphans to launchd only.
func adoptOrphans() error { return nil }

// leftovers returns what is left of the process group of an agent that has
// ended.
func leftovers(group int) ([]processInfo, error) {
	rows, err := unix.SysctlKinfoProcSlice("kern.proc.pgrp", group)
	if err != nil {
		return nil, fmt.Errorf("cannot read the process table: %w", err)
	}
	var members []processInfo
	for i := range rows {
		if p := fromKinfo(&rows[i]); !p.zombie {
			members = append(members, p)
		}
	}
	return members, nil
}

// bootID tells one boot of the machine from the next: pids and start times mean
// nothing beyond it.
func bootID() (string, error) {
	id, err := unix.Sysctl("kern.bootsessionuuid")
	if err != nil {
		return "", fmt.Errorf("cannot tell which boot this is: %w", err)
	}
	return id, nil
}

// processTable returns all processes there are.
func processTable() ([]processInfo, error) {
	rows, err := unix.SysctlKinfoProcSlice("kern.proc.all")
	if err != nil {
		return nil, fmt.Errorf("cannot read the process table: %w", err)
	}
	all := make([]processInfo, 0, len(rows))
	for i := range rows {
		all = append(all, fromKinfo(&rows[i]))
	}
	return all, nil
}

// lookupProcess reads one row of the process table.
func lookupProcess(pid int) (processInfo, error) {
	row, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return processInfo{}, fmt.Errorf("cannot look up process %d: %w", pid, err)
	}
	return fromKinfo(row), nil
}

// fromKinfo reads a row as the kernel has it. The session is 0 for a process
// that has ended since.
func fromKinfo(row *unix.KinfoProc) processInfo {
	p := processInfo{
		parent: int(row.Eproc.Ppid),
		group:  int(row.Eproc.Pgid),
		zombie: row.Proc.P_stat == stateZombie,
	}
	p.PID = int(row.Proc.P_pid)
	p.Start = row.Proc.P_starttime.Nano()
	p.session, _ = unix.Getsid(p.PID)
	return p
}

// carriesMark is always false: environments of others cannot be read here.
func carriesMark(int, string) bool { return false }
