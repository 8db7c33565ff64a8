package process

import (
	"context"
	"fmt"
	"syscall"
	"time"
)

// markName is the environment variable by which the processes of a run are
// found when their supervisor is gone.
const markName = "GASTOWN_SUPERVISOR"

// sweepPause is the time between two looks at whether killed processes that are
// not our children have gone.
const sweepPause = 10 * time.Millisecond

// members returns the processes of a run that live, the supervisor included.
//
// A session number alone proves nothing once its leader has ended, because it
// may have been given out again; then only the mark counts, and the agent's own
// group if the agent itself lives.
func members(sup supervisorRecord, agent agentRecord) ([]processInfo, error) {
	boot, err := bootID()
	if err != nil || boot != sup.Boot {
		return nil, err // after a reboot nothing can be left
	}
	all, err := processTable()
	if err != nil {
		return nil, err
	}
	var session, group int
	for _, p := range all {
		if p.identity == sup.identity {
			session = p.PID
		}
		if p.identity == agent.identity {
			group = p.PID
		}
	}
	var mine []processInfo
	for _, p := range all {
		owned := session != 0 && p.session == session || group != 0 && p.group == group
		if !p.zombie && (owned || carriesMark(p.PID, markName+"="+sup.Mark)) {
			mine = append(mine, p)
		}
	}
	return mine, nil
}

// killMembers kills every process of a run whose supervisor is gone, and returns
// when none is left.
func killMembers(ctx context.Context, sup supervisorRecord, agent agentRecord) error {
	tick := time.NewTicker(sweepPause)
	defer tick.Stop()
	for {
		left, err := members(sup, agent)
		if err != nil {
			return fmt.Errorf("cannot end what is left of the run: %w", err)
		}
		if len(left) == 0 {
			return nil
		}
		for _, p := range left {
			p.signal(syscall.SIGKILL)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
		// Both may be so; then nobody waits any more all the same.
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("cannot end what is left of the run: %w", err)
		}
	}
}
