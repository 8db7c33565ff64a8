package town

import "fmt"

// MergeStrategy says how finished work gets into the rig's default branch.
type MergeStrategy string

// The merge strategies.
const (
	StrategyDirect MergeStrategy = "direct" // the refinery merges and pushes
	StrategyPR     MergeStrategy = "pr"     // by a pull request
)

// maxAutoMergeDelay bounds auto_merge_delay: longer than a week, auto_merge off is meant.
const maxAutoMergeDelay = 168 * Hour

func (c *Config) overridePull(s *Settings) {
	setIf(&c.MergeStrategy, s.MergeStrategy)
	setIf(&c.CodeReview, s.CodeReview)
	setIf(&c.AutoMerge, s.AutoMerge)
	setIf(&c.AutoMergeDelay, s.AutoMergeDelay)
	setIf(&c.AutoResolvePRFeedback, s.AutoResolvePRFeedback)
	setIf(&c.AutoResolveMergeConflicts, s.AutoResolveMergeConflicts)
}

func (s *Settings) replacePull(o *Settings) {
	replaceIf(&s.MergeStrategy, o.MergeStrategy)
	replaceIf(&s.CodeReview, o.CodeReview)
	replaceIf(&s.AutoMerge, o.AutoMerge)
	replaceIf(&s.AutoMergeDelay, o.AutoMergeDelay)
	replaceIf(&s.AutoResolvePRFeedback, o.AutoResolvePRFeedback)
	replaceIf(&s.AutoResolveMergeConflicts, o.AutoResolveMergeConflicts)
}

func (s *Settings) validatePull() error {
	if m := s.MergeStrategy; m != nil && *m != StrategyDirect && *m != StrategyPR {
		return &FieldError{"merge_strategy", fmt.Sprintf("is %q, must be direct or pr", *m)}
	}
	if d := s.AutoMergeDelay; d != nil && (*d < 0 || *d > maxAutoMergeDelay) {
		return &FieldError{"auto_merge_delay", "is " + d.String() + ", must be from 0s to 168h"}
	}
	return nil
}

// builtIn reports whether no command is set: of a refinery, then gastown itself merges.
func (a AgentCommand) builtIn() bool { return a.Preset == "" && len(a.Command) == 0 }
