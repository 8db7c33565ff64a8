package town

// MergeStrategy says how finished work gets into the rig's default branch.
type MergeStrategy string

// The merge strategies.
const (
	StrategyDirect MergeStrategy = "direct" // the refinery merges and pushes
	StrategyPR     MergeStrategy = "pr"     // by a pull request
)

// builtIn reports whether no command is set: of a refinery, then gastown itself merges.
func (a AgentCommand) builtIn() bool { return a.Preset == "" && len(a.Command) == 0 }
