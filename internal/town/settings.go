package town

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Settings are the configuration values that somebody has set, on a town or (as overrides) on a
// rig; nil means not set here. Keys in JSON and YAML are the names below.
type Settings struct {
	// Agents says which command each role runs.
	Agents map[Role]AgentCommand `json:"agents,omitempty" doc:"Command or preset of each role: polecat, refinery, triage."`
	// MaxPolecatsPerRig bounds how many polecats work in a rig at once: merges get harder with each.
	MaxPolecatsPerRig *int `json:"max_polecats_per_rig,omitempty" doc:"Polecats that may work in a rig at once. Default 4."`
	// MaxAgents bounds the polecats working in the whole town at once: memory and provider quota.
	MaxAgents *int `json:"max_agents,omitempty" doc:"Polecats that may work in the town at once. Default 8. Town only."`
	// MaxStartsPerTick bounds the dispatches of one start window: a woken host must not start everything at once.
	MaxStartsPerTick *int `json:"max_starts_per_tick,omitempty" doc:"Dispatches within one start window of a second. Default 5. Town only."`
	// MaxDispatchAttempts is the cap: attempts that fail by the agent's fault before a bead fails.
	MaxDispatchAttempts *int `json:"max_dispatch_attempts,omitempty" doc:"Attempts that may fail by the agent's fault before the bead fails. Default 5."`
	// Gates are the commands that must succeed on the merged tree before it is pushed.
	Gates *[]Gate `json:"gates,omitempty" doc:"Commands that must succeed on the merged tree before it is pushed."`
	// MergeStrategy says how finished work gets into the default branch.
	MergeStrategy *MergeStrategy `json:"merge_strategy,omitempty" doc:"direct (default) or pr."`
	// CodeReview has the refinery read the diff before it merges it or opens its pull request.
	CodeReview *bool `json:"code_review,omitempty" doc:"The refinery reviews before it merges or opens a pull request. Default false."`
	// AutoMerge has green pull requests merged without a person.
	AutoMerge *bool `json:"auto_merge,omitempty" doc:"Green pull requests are merged by themselves. Default true."`
	// AutoMergeDelay is how long a pull request must have been green: comments come late.
	AutoMergeDelay *Duration `json:"auto_merge_delay,omitempty" doc:"How long a pull request must have been green before it is merged. Default 5m."`
	// AutoResolvePRFeedback has an agent see to comments and failing checks.
	AutoResolvePRFeedback *bool `json:"auto_resolve_pr_feedback,omitempty" doc:"Agents see to comments and failing checks of pull requests. Default true."`
	// AutoResolveMergeConflicts has an agent solve the conflicts of pull requests.
	AutoResolveMergeConflicts *bool `json:"auto_resolve_merge_conflicts,omitempty" doc:"Agents solve conflicts of pull requests. Default true."`
	// ConvoyMergeMode is the mode of new convoys that name none.
	ConvoyMergeMode *MergeMode `json:"convoy_merge_mode,omitempty" doc:"review-then-land (default) or review-and-merge."`
	// StagedConvoys makes new convoys wait until they are started.
	StagedConvoys *bool `json:"staged_convoys,omitempty" doc:"New convoys wait until they are started. Default false."`
	// OnBlockerFailed says what happens to a bead whose blocker failed.
	OnBlockerFailed *BlockerPolicy `json:"on_blocker_failed,omitempty" doc:"hold (default), continue or fail."`
	// OnMemberFailed says what happens to a convoy with a failed member.
	OnMemberFailed *MemberPolicy `json:"on_member_failed,omitempty" doc:"hold (default) or land_without."`
	// BeadTimeout bounds one attempt at a bead.
	BeadTimeout *Duration `json:"bead_timeout,omitempty" doc:"Longest time of one attempt. Default 4h."`
	// Retention is how long closed beads stay in the town before they go to the archive, and how
	// long ticks and events are kept.
	Retention *Duration `json:"retention,omitempty" doc:"How long closed beads, ticks and events are kept. Default 168h. Town only."`
	// Budget bounds what the agents of the town may consume in a day.
	Budget *Budget `json:"budget,omitempty" doc:"What the agents of the town may consume in a day, in UTC; nothing more is started then. Town only."`
	// Env is given to every agent. A secret is a reference, "env:NAME" or "file:PATH", which is
	// read when an agent starts and never stored.
	Env map[string]string `json:"env,omitempty" doc:"Environment of agents. Secrets as env:NAME or file:PATH." share:"reference"`
	// Notify says who outside is told of escalations.
	Notify *NotifySettings `json:"notify,omitempty" doc:"Whom to tell of escalations. Town only."`
	// Instructions are added to the prompt of a role.
	Instructions map[Role]string `json:"instructions,omitempty" doc:"Text added to the prompt of a role."`
}

// AgentCommand says what a role runs: a preset with its arguments, or a command line.
type AgentCommand struct {
	Preset  string   `json:"preset,omitempty" doc:"claude, codex, opencode, kilo or script." share:"keep"`
	Command []string `json:"command,omitempty" doc:"Command line instead of a preset. {prompt} stands for the prompt; without it the prompt comes on standard input."`
	Args    []string `json:"args,omitempty" doc:"Arguments added to the preset's, e.g. a model or the script's path."`
}

// Gate is a command that must succeed on the merged tree.
type Gate struct {
	Name    string   `json:"name" share:"keep"`
	Command string   `json:"command" doc:"Run by sh -c in the merged tree."`
	Timeout Duration `json:"timeout,omitempty" doc:"Default 10m."`
}

// BlockerPolicy says what a failed blocker means to the beads behind it.
type BlockerPolicy string

// The blocker policies.
const (
	BlockerHold     BlockerPolicy = "hold"
	BlockerContinue BlockerPolicy = "continue"
	BlockerFail     BlockerPolicy = "fail"
)

// MemberPolicy says what a failed member means to its convoy.
type MemberPolicy string

// The member policies.
const (
	MemberHold        MemberPolicy = "hold"
	MemberLandWithout MemberPolicy = "land_without"
)

// DefaultGateTimeout bounds a gate that names no timeout: a hanging test must not hold the queue.
const DefaultGateTimeout = 10 * Minute

// Config is what holds for a rig: defaults, overridden by the town, overridden by the rig.
type Config struct {
	Agents              map[Role]AgentCommand
	MaxPolecatsPerRig   int
	MaxAgents           int
	MaxStartsPerTick    int
	MaxDispatchAttempts int
	Gates               []Gate
	MergeStrategy       MergeStrategy
	CodeReview          bool
	AutoMerge           bool
	AutoMergeDelay      Duration
	ConvoyMergeMode     MergeMode
	StagedConvoys       bool
	OnBlockerFailed     BlockerPolicy
	OnMemberFailed      MemberPolicy
	BeadTimeout         Duration
	Retention           Duration
	Budget              Budget
	Env                 map[string]string
	Instructions        map[Role]string
	Notify              NotifySettings

	AutoResolvePRFeedback     bool
	AutoResolveMergeConflicts bool
}

// DefaultConfig is what holds where nothing is set.
func DefaultConfig() Config {
	return Config{
		MaxPolecatsPerRig:   4,
		MaxAgents:           8,
		MaxStartsPerTick:    5,
		MaxDispatchAttempts: 5,
		MergeStrategy:       StrategyDirect,
		AutoMerge:           true,
		AutoMergeDelay:      5 * Minute,
		ConvoyMergeMode:     ReviewThenLand,
		OnBlockerFailed:     BlockerHold,
		OnMemberFailed:      MemberHold,
		BeadTimeout:         4 * Hour,
		Retention:           168 * Hour,

		AutoResolvePRFeedback:     true,
		AutoResolveMergeConflicts: true,
	}
}

func (c *Config) override(s Settings) {
	setIf(&c.MaxPolecatsPerRig, s.MaxPolecatsPerRig)
	setIf(&c.MaxAgents, s.MaxAgents)
	setIf(&c.MaxStartsPerTick, s.MaxStartsPerTick)
	setIf(&c.MaxDispatchAttempts, s.MaxDispatchAttempts)
	setIf(&c.Gates, s.Gates)
	setIf(&c.ConvoyMergeMode, s.ConvoyMergeMode)
	setIf(&c.StagedConvoys, s.StagedConvoys)
	setIf(&c.OnBlockerFailed, s.OnBlockerFailed)
	setIf(&c.OnMemberFailed, s.OnMemberFailed)
	setIf(&c.BeadTimeout, s.BeadTimeout)
	setIf(&c.Retention, s.Retention)
	setIf(&c.Budget, s.Budget)
	setIf(&c.Notify, s.Notify)
	c.overridePull(&s)
	c.Agents = merged(c.Agents, s.Agents)
	c.Env = merged(c.Env, s.Env)
	c.Instructions = merged(c.Instructions, s.Instructions)
}

func setIf[T any](dst, src *T) {
	if src != nil {
		*dst = *src
	}
}

func merged[K comparable, V any](a, b map[K]V) map[K]V {
	if len(b) == 0 {
		return a
	}
	out := make(map[K]V, len(a)+len(b))
	maps.Copy(out, a)
	maps.Copy(out, b)
	return out
}

// FieldError names a field that cannot be accepted, and why.
type FieldError struct {
	Field  string `json:"field"`
	Reason string `json:"reason"`
}

// Error implements error.
func (e *FieldError) Error() string { return e.Field + ": " + e.Reason }

// ParseSettings reads settings from JSON and refuses unknown keys and values out of range with a
// *FieldError that names the key.
func ParseSettings(data []byte) (Settings, error) {
	var s Settings
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		var typ *json.UnmarshalTypeError
		switch {
		case errors.As(err, &typ):
			return s, &FieldError{Field: typ.Field, Reason: fmt.Sprintf("cannot be a %s", typ.Value)}
		case strings.HasPrefix(err.Error(), "json: unknown field "):
			key := strings.Trim(strings.TrimPrefix(err.Error(), "json: unknown field "), `"`)
			return s, &FieldError{Field: key, Reason: "unknown key"}
		}
		return s, &FieldError{Field: "settings", Reason: err.Error()}
	}
	return s, s.Validate()
}

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// secretName matches names whose values must not be stored in the clear.
var secretName = regexp.MustCompile(`(?i)(KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)$`)

// Validate checks the range of every value that is set; the error is a *FieldError.
func (s Settings) Validate() error {
	for _, n := range []struct {
		key    string
		v      *int
		lo, hi int
	}{
		{"max_polecats_per_rig", s.MaxPolecatsPerRig, 1, 1000},
		{"max_agents", s.MaxAgents, 1, 10000},
		{"max_starts_per_tick", s.MaxStartsPerTick, 1, 100},
		{"max_dispatch_attempts", s.MaxDispatchAttempts, 1, 100},
	} {
		if n.v != nil && (*n.v < n.lo || *n.v > n.hi) {
			return &FieldError{n.key, fmt.Sprintf("is %d, must be from %d to %d", *n.v, n.lo, n.hi)}
		}
	}
	if err := s.validateWords(); err != nil {
		return err
	}
	if d := s.BeadTimeout; d != nil && (*d < Minute || *d > 30*24*Hour) {
		return &FieldError{"bead_timeout", "is " + d.String() + ", must be from 1m to 720h"}
	}
	if d := s.Retention; d != nil && *d < Hour {
		return &FieldError{"retention", "is " + d.String() + ", must be at least 1h"}
	}
	if err := s.Budget.validate(); err != nil {
		return err
	}
	if err := s.validatePull(); err != nil {
		return err
	}
	if err := s.validateGates(); err != nil {
		return err
	}
	if err := s.Notify.validate(); err != nil {
		return err
	}
	return s.validateAgents()
}

func (s Settings) validateWords() error {
	if m := s.ConvoyMergeMode; m != nil && *m != ReviewThenLand && *m != ReviewAndMerge {
		return &FieldError{"convoy_merge_mode", fmt.Sprintf("is %q, must be review-then-land or review-and-merge", *m)}
	}
	if p := s.OnBlockerFailed; p != nil && *p != BlockerHold && *p != BlockerContinue && *p != BlockerFail {
		return &FieldError{"on_blocker_failed", fmt.Sprintf("is %q, must be hold, continue or fail", *p)}
	}
	if p := s.OnMemberFailed; p != nil && *p != MemberHold && *p != MemberLandWithout {
		return &FieldError{"on_member_failed", fmt.Sprintf("is %q, must be hold or land_without", *p)}
	}
	return nil
}

func (s Settings) validateGates() error {
	if s.Gates == nil {
		return nil
	}
	for i, g := range *s.Gates {
		at := fmt.Sprintf("gates[%d]", i)
		switch {
		case strings.TrimSpace(g.Command) == "":
			return &FieldError{at + ".command", "is empty"}
		case g.Name == "":
			return &FieldError{at + ".name", "is empty"}
		case slices.ContainsFunc((*s.Gates)[:i], func(o Gate) bool { return o.Name == g.Name }):
			return &FieldError{at + ".name", fmt.Sprintf("%q is taken by another gate", g.Name)}
		case g.Timeout < 0 || g.Timeout > 24*Hour:
			return &FieldError{at + ".timeout", "must be from 0s (the default, 10m) to 24h"}
		}
	}
	return nil
}

func (s Settings) validateAgents() error {
	for _, role := range slices.Sorted(maps.Keys(s.Agents)) {
		a, at := s.Agents[role], "agents."+string(role)
		switch {
		case role != Polecat && role != Refinery && role != Triage:
			return &FieldError{at, "unknown role; known are polecat, refinery and triage"}
		case (a.Preset == "") == (len(a.Command) == 0):
			return &FieldError{at, "needs either a preset or a command"}
		}
	}
	for _, role := range slices.Sorted(maps.Keys(s.Instructions)) {
		if role != Polecat && role != Refinery && role != Triage {
			return &FieldError{"instructions." + string(role), "unknown role; known are polecat, refinery and triage"}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Env)) {
		v := s.Env[name]
		switch {
		case !envName.MatchString(name):
			return &FieldError{"env." + name, "is not a name of an environment variable"}
		case strings.HasPrefix(name, "GASTOWN_"):
			return &FieldError{"env." + name, "names with GASTOWN_ are set by gastown itself"}
		case secretName.MatchString(name) && !SecretReference(v):
			return &FieldError{"env." + name, "looks like a secret: give a reference, env:NAME or file:PATH, instead of the value"}
		}
	}
	return nil
}

// SecretReference reports whether an environment value is read elsewhere when an agent starts.
func SecretReference(v string) bool {
	return strings.HasPrefix(v, "env:") || strings.HasPrefix(v, "file:")
}

// townOnly names the first key that is set and makes no sense as a rig's override.
func (s Settings) townOnly() string {
	switch {
	case s.MaxAgents != nil:
		return "max_agents"
	case s.MaxStartsPerTick != nil:
		return "max_starts_per_tick"
	case s.Retention != nil:
		return "retention"
	case s.Budget != nil:
		return "budget"
	case s.Notify != nil:
		return "notify"
	}
	return ""
}

// merge returns s with the values that o sets in their place.
func (s Settings) merge(o Settings) Settings {
	out := s.clone()
	replaceIf(&out.MaxPolecatsPerRig, o.MaxPolecatsPerRig)
	replaceIf(&out.MaxAgents, o.MaxAgents)
	replaceIf(&out.MaxStartsPerTick, o.MaxStartsPerTick)
	replaceIf(&out.MaxDispatchAttempts, o.MaxDispatchAttempts)
	replaceIf(&out.Gates, o.Gates)
	replaceIf(&out.ConvoyMergeMode, o.ConvoyMergeMode)
	replaceIf(&out.StagedConvoys, o.StagedConvoys)
	replaceIf(&out.OnBlockerFailed, o.OnBlockerFailed)
	replaceIf(&out.OnMemberFailed, o.OnMemberFailed)
	replaceIf(&out.BeadTimeout, o.BeadTimeout)
	replaceIf(&out.Retention, o.Retention)
	replaceIf(&out.Budget, o.Budget)
	replaceIf(&out.Notify, o.Notify)
	out.replacePull(&o)
	out.Agents = merged(out.Agents, o.Agents)
	out.Env = merged(out.Env, o.Env)
	out.Instructions = merged(out.Instructions, o.Instructions)
	return out
}

// without returns s with the named keys not set; a key of a map is "env.NAME". A key that does not
// exist is a *FieldError, one that is not set does no harm.
func (s Settings) without(keys []string) (Settings, error) {
	if len(keys) == 0 {
		return s, nil
	}
	data, err := json.Marshal(s)
	if err != nil {
		return s, fmt.Errorf("cannot write the settings: %w", err)
	}
	var set map[string]json.RawMessage
	if err := json.Unmarshal(data, &set); err != nil {
		return s, fmt.Errorf("cannot read the settings: %w", err)
	}
	for _, key := range keys {
		group, name, inGroup := strings.Cut(key, ".")
		if _, err := ParseSettings([]byte(fmt.Sprintf("{%q:null}", group))); err != nil {
			return s, &FieldError{key, "unknown key"}
		}
		if !inGroup {
			delete(set, key)
			continue
		}
		var values map[string]json.RawMessage
		if set[group] == nil || json.Unmarshal(set[group], &values) != nil {
			continue
		}
		delete(values, name)
		if set[group], err = json.Marshal(values); err != nil {
			return s, fmt.Errorf("cannot write the settings: %w", err)
		}
	}
	if data, err = json.Marshal(set); err != nil {
		return s, fmt.Errorf("cannot write the settings: %w", err)
	}
	return ParseSettings(data)
}

func replaceIf[T any](dst **T, src *T) {
	if src != nil {
		*dst = src
	}
}

// clone copies the settings far enough that nobody changes them in place: values behind pointers
// are only ever replaced.
func (s Settings) clone() Settings {
	s.Agents, s.Env, s.Instructions = cloneMap(s.Agents), cloneMap(s.Env), cloneMap(s.Instructions)
	return s
}

// code stores settings as JSON: they change rarely, and new keys need no new version.
func (s *Settings) code(c *coder) {
	var data []byte
	if !c.reading {
		var err error
		if data, err = json.Marshal(s); err != nil {
			panic(fmt.Sprintf("settings cannot be written: %v", err))
		}
	}
	codeBytes(c, &data)
	if c.reading && c.err == nil {
		if err := json.Unmarshal(data, s); err != nil {
			c.fail(fmt.Errorf("cannot read settings: %w", err))
		}
	}
}
