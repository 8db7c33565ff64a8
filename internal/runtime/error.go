package runtime

// Class sorts the reasons for which a start is rejected.
type Class string

// The classes of a rejected start. Whoever prepares workspaces may have more.
const (
	// ClassCommandNotFound: the program is missing or cannot be executed.
	ClassCommandNotFound Class = "command_not_found"
	// ClassBadDirectory: the working directory is missing or not a directory.
	ClassBadDirectory Class = "bad_directory"
	// ClassResources: the host has no processes, memory, files or disk left.
	ClassResources Class = "resources"
	// ClassInfra: the runtime itself failed in another way.
	ClassInfra Class = "infra"
	// ClassWorkspace: the workspace could not be prepared.
	ClassWorkspace Class = "workspace"
	// ClassTimeout: the workspace was not ready in time.
	ClassTimeout Class = "timeout"
	// ClassInvalid: the Spec makes no sense; trying again cannot help.
	ClassInvalid Class = "invalid"
	// ClassStaleRun: a newer run of the same agent exists.
	ClassStaleRun Class = "stale_run"
)

// Infra says whether a rejection is the fault of the place where agents run,
// and so must not be counted against the work item. A missing program or
// directory counts as such: no attempt of any agent could have done better. So
// do the classes that whoever prepares workspaces adds.
func (c Class) Infra() bool { return c != ClassInvalid && c != ClassStaleRun }

// StartError says that a start was rejected: the agent surely does not run.
type StartError struct {
	Class Class
	// Reason says for people what is wrong and, where there is one, the remedy.
	Reason string
}

// Error implements error.
func (e *StartError) Error() string { return "cannot start agent: " + e.Reason }
