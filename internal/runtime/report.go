package runtime

import "time"

// State is what a runtime knows of a run.
type State string

// The states of a run. A runtime never lists StateNotFound: it is for those who
// compare what should run with what List returned without an error.
const (
	StateStarting State = "starting"
	StateRunning  State = "running"
	StateExited   State = "exited"
	StateNotFound State = "not_found"
	// StateUnknown says that the run exists but could not be examined; the
	// report's Reason says why. It must not be taken for an ended run.
	StateUnknown State = "unknown"
)

// Reasons for which a run is over, besides the agent's own exit (an empty
// reason).
const (
	// ReasonStopped: the run was ended by Stop or by a newer run of its agent.
	ReasonStopped = "stopped"
	// ReasonSupervisorLost: what watched over the agent died, so the agent was
	// ended and its exit status is not known.
	ReasonSupervisorLost = "supervisor_lost"
	// ReasonStartFailed begins the reason of a run that never came to be, and
	// is followed by ": " and the cause. It appears only where the caller of
	// Start could not be told, because it had gone.
	ReasonStartFailed = "start_failed"
)

// Report is what a runtime knows of one run at one moment.
type Report struct {
	Key
	State State
	// PID is the agent's process on its host, 0 if it has none.
	PID int
	// Started is when the agent began, Exited when it ended; zero if it has not.
	Started time.Time
	Exited  time.Time
	// ExitCode is the agent's exit status; 128 plus the signal's number when a
	// signal ended it, -1 when it is not known.
	ExitCode int
	// Signal is the name of the signal that ended the agent ("killed"), if any.
	Signal string
	// Reason is one of the Reason constants, a cause after ReasonStartFailed, or
	// the error behind StateUnknown.
	Reason string
	// Heartbeat is when the supervisor last said that the agent lives.
	Heartbeat time.Time
	// Activity is when the agent last wrote output, as of the last heartbeat.
	Activity time.Time
}
