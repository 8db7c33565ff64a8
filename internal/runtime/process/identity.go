package process

import (
	"os"
	"syscall"
)

// identity names a process for good: the kernel hands out a pid again, but not
// with the same start time.
type identity struct {
	PID int `json:"pid"`
	// Start is the kernel's own figure; it is only ever compared.
	Start int64 `json:"start"`
}

// processInfo is a row of the kernel's process table.
type processInfo struct {
	identity
	parent  int
	group   int
	session int
	zombie  bool
}

// alive says whether exactly this process exists and has not ended.
func (id identity) alive() bool {
	p, err := lookupProcess(id.PID)
	return err == nil && p.Start == id.Start && !p.zombie
}

// signal sends a signal to exactly this process, and reports whether it did.
// The handle is taken before the start time is compared, so the process cannot
// be exchanged for another in between (where the kernel has such handles).
func (id identity) signal(sig syscall.Signal) bool {
	handle, err := os.FindProcess(id.PID)
	if err != nil {
		return false
	}
	defer handle.Release()
	if !id.alive() {
		return false
	}
	return handle.Signal(sig) == nil
}
