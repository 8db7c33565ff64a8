package town

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Settings are the configuration values that somebody has set, on a town or (as overrides) on a
// rig; nil means not set here. Keys in JSON and YAML are the names below.
type Settings struct {
	// Agents says which command each role runs.
	Agents map[Role]AgentCommand `json:"agents,omitempty" doc:"Command or preset of each role: polecat, refinery, triage. Without one the built-in refinery merges, and nothing else is started."`
	// MaxPolecatsPerRig bounds how many polecats work in a rig at once: merges get harder with each.
	MaxPolecatsPerRig *int `json:"max_polecats_per_rig,omitempty" standard:"4" range:"1..1000" doc:"Polecats that may work in a rig at once."`
	// MaxAgents bounds the polecats working in the whole town at once: memory and provider quota.
	MaxAgents *int `json:"max_agents,omitempty" standard:"8" range:"1..10000" scope:"town" doc:"Polecats that may work in the town at once."`
	// MaxStartsPerTick bounds the dispatches of one start window: a woken host must not start everything at once.
	MaxStartsPerTick *int `json:"max_starts_per_tick,omitempty" standard:"5" range:"1..100" scope:"town" doc:"Dispatches to polecats within one second."`
	// MaxDispatchAttempts is the cap: attempts that fail by the agent's fault before a bead fails.
	MaxDispatchAttempts *int `json:"max_dispatch_attempts,omitempty" standard:"5" range:"1..100" doc:"Attempts that may fail by the agent's fault before the bead fails; also the most reworks of a merge request, and the most work made of one pull request."`
	// Gates are the commands that must succeed on the merged tree before it is pushed.
	Gates *[]Gate `json:"gates,omitempty" doc:"Commands that must succeed on the merged tree before it is pushed: name, command (run by sh -c) and timeout (10m, at most 24h)."`
	// GateRetries bounds how often a failing gate is run again: more would hide what is flaky.
	GateRetries *int `json:"gate_retries,omitempty" standard:"1" range:"0..5" doc:"How often a gate that fails is run again where all gates passed on the target within 15 minutes; if it passes then, the work is merged and the gate is flaky."`
	// GateChanges says what becomes of a gate that changes tracked files, as a formatter does.
	GateChanges *GateChanges `json:"gate_changes,omitempty" standard:"show" range:"show|refuse" doc:"What a gate that passes and changes tracked files means: the files are restored and the change is shown, or the gate counts as failed."`
	// MovedTarget says what becomes of a merge whose target moves faster than its gates run.
	MovedTarget *MovedTarget `json:"moved_target,omitempty" standard:"keep" range:"keep|accept|ask" doc:"What is done about a merge whose target has moved during each of its tests: go on testing, later each time, merge what has no conflicts without running the gates again, or ask a person."`
	// MovedTargetRetests bounds the tests that follow each other at once: each costs all gates.
	MovedTargetRetests *int `json:"moved_target_retests,omitempty" standard:"3" range:"0..100" doc:"How often a merge is tested again at once because its target has moved, before moved_target holds."`
	// Caches are what gates find again in the merge checkout, which else has the commit's files alone.
	Caches *[]string `json:"caches,omitempty" doc:"Paths that stay in the merge checkout from one run of the gates to the next although they are not tracked, relative to the top of the repository: target, packages/*/node_modules, **/.cache."`
	// Submodules says how far the town goes with the submodules of a rig.
	Submodules *SubmodulePolicy `json:"submodules,omitempty" standard:"on" range:"on|off|push" doc:"Submodules: on sets them up for agents and gates and merges nothing whose commits are not at the submodule's remote; push also pushes such commits there, to a branch of the bead's name; off leaves them alone."`
	// LFS has large files where agents and gates need them, and their objects at the remote before a merge is pushed.
	LFS *bool `json:"lfs,omitempty" standard:"true" doc:"Files in Git LFS are there for agents and gates, and their objects are uploaded before a merge is pushed."`
	// AllowAddresses are contacted with the operator's access although the target does not name them yet.
	AllowAddresses *[]string `json:"allow_addresses,omitempty" doc:"Addresses of submodules and of LFS that may be contacted although the target's .gitmodules and .lfsconfig do not name them: gastown rig set NAME --allow-address URL adds one." share:"url"`
	// MergeStrategy says how finished work gets into the default branch.
	MergeStrategy *MergeStrategy `json:"merge_strategy,omitempty" standard:"direct" range:"direct|pr" doc:"How finished work gets into the default branch: merged by the refinery, or by a pull request."`
	// CodeReview has the refinery read the diff before it merges it or opens its pull request.
	CodeReview *bool `json:"code_review,omitempty" standard:"false" doc:"The refinery reviews the diff before it merges or opens a pull request; needs an agent as agents.refinery."`
	// AutoMerge has green pull requests merged without a person.
	AutoMerge *bool `json:"auto_merge,omitempty" standard:"true" doc:"Green pull requests are merged without a person."`
	// AutoMergeDelay is how long a pull request must have been green: comments come late.
	AutoMergeDelay *Duration `json:"auto_merge_delay,omitempty" standard:"5m" range:"0s..168h" doc:"How long a pull request must have been green before it is merged."`
	// AutoResolvePRFeedback has an agent see to comments and failing checks.
	AutoResolvePRFeedback *bool `json:"auto_resolve_pr_feedback,omitempty" standard:"true" doc:"Comments and failing checks of pull requests become work for agents; off, a person's task."`
	// AutoResolveMergeConflicts has an agent solve the conflicts of pull requests.
	AutoResolveMergeConflicts *bool `json:"auto_resolve_merge_conflicts,omitempty" standard:"true" doc:"Conflicts of pull requests become work for agents; off, a person's task."`
	// ConvoyMergeMode is the mode of new convoys that name none.
	ConvoyMergeMode *MergeMode `json:"convoy_merge_mode,omitempty" standard:"review-then-land" range:"review-then-land|review-and-merge" doc:"Mode of new convoys that name none."`
	// StagedConvoys makes new convoys wait until they are started.
	StagedConvoys *bool `json:"staged_convoys,omitempty" standard:"false" doc:"New convoys wait until they are started."`
	// OnBlockerFailed says what happens to a bead whose blocker failed.
	OnBlockerFailed *BlockerPolicy `json:"on_blocker_failed,omitempty" standard:"hold" range:"hold|continue|fail" doc:"What a failed blocker means to the beads behind it."`
	// OnMemberFailed says what happens to a convoy with a failed member.
	OnMemberFailed *MemberPolicy `json:"on_member_failed,omitempty" standard:"hold" range:"hold|land_without" doc:"What a failed member means to its convoy."`
	// BeadTimeout bounds one attempt at a bead.
	BeadTimeout *Duration `json:"bead_timeout,omitempty" standard:"4h" range:"1m..720h" doc:"Longest time of one attempt; a bead may have its own."`
	// BranchPrefix begins the branches of beads that are started from now on; those that have one keep it.
	BranchPrefix *string `json:"branch_prefix,omitempty" standard:"gt" doc:"What the branches of beads begin with: <branch_prefix>/<tag of the town>/<bead>. One part of a branch's name as git allows it, at most 40 bytes, and not convoy. A bead keeps the branch it was given." share:"keep"`
	// Retention is how long closed beads stay in the town before they go to the archive, and how
	// long ticks and events are kept.
	Retention *Duration `json:"retention,omitempty" standard:"168h" range:"1h.." scope:"town" doc:"How long closed beads stay before they are archived, and how long ticks and events are kept."`
	// Budget bounds what the agents of the town may consume in a day.
	Budget *Budget `json:"budget,omitempty" scope:"town" doc:"What the agents of the town may consume in a day, in UTC, by their own reports; nothing more is started then."`
	// Env is given to every agent. A secret is a reference, "env:NAME" or "file:PATH", which is
	// read when an agent starts and never stored.
	Env map[string]string `json:"env,omitempty" doc:"Environment of agents. Secrets as env:NAME or file:PATH." share:"reference"`
	// Notify says who outside is told of escalations.
	Notify *NotifySettings `json:"notify,omitempty" scope:"town" doc:"Who outside gets a notification of escalations, by up to 10 webhooks."`
	// Instructions are added to the prompt of a role.
	Instructions map[Role]string `json:"instructions,omitempty" doc:"Text added to the prompt of a role: polecat, refinery, triage."`
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

// SubmodulePolicy says how far the town goes with submodules.
type SubmodulePolicy string

// The submodule policies.
const (
	SubmodulesOn   SubmodulePolicy = "on"
	SubmodulesOff  SubmodulePolicy = "off"
	SubmodulesPush SubmodulePolicy = "push"
)

// GateChanges says what a gate that changes tracked files means.
type GateChanges string

// The policies about changes of gates.
const (
	GateChangesShow   GateChanges = "show"
	GateChangesRefuse GateChanges = "refuse"
)

// MovedTarget says what is done about a merge whose target has moved during each of its tests.
type MovedTarget string

// The policies about targets that move.
const (
	MovedTargetKeep   MovedTarget = "keep"
	MovedTargetAccept MovedTarget = "accept"
	MovedTargetAsk    MovedTarget = "ask"
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
	GateRetries         int
	GateChanges         GateChanges
	Caches              []string
	Submodules          SubmodulePolicy
	LFS                 bool
	AllowAddresses      []string
	MovedTarget         MovedTarget
	MovedTargetRetests  int
	MergeStrategy       MergeStrategy
	CodeReview          bool
	AutoMerge           bool
	AutoMergeDelay      Duration
	ConvoyMergeMode     MergeMode
	StagedConvoys       bool
	OnBlockerFailed     BlockerPolicy
	OnMemberFailed      MemberPolicy
	BeadTimeout         Duration
	BranchPrefix        string
	Retention           Duration
	Budget              Budget
	Env                 map[string]string
	Instructions        map[Role]string
	Notify              NotifySettings

	AutoResolvePRFeedback     bool
	AutoResolveMergeConflicts bool
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

func (s *Settings) validateGates() error {
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

const (
	maxCaches    = 50 // patterns
	maxCachePath = 200
)

// Bounds on the addresses that are allowed: a rig has a handful.
const (
	maxAddresses = 50
	maxAddress   = 2000 // bytes
)

func (s *Settings) validateAllowAddresses() error {
	if len(*s.AllowAddresses) > maxAddresses {
		return &FieldError{"allow_addresses", fmt.Sprintf("has more than %d entries", maxAddresses)}
	}
	for i, address := range *s.AllowAddresses {
		at := fmt.Sprintf("allow_addresses[%d]", i)
		u, err := url.Parse(address)
		switch {
		case address == "" || len(address) > maxAddress || strings.HasPrefix(address, "-") || strings.ContainsFunc(address, unicode.IsControl):
			return &FieldError{at, "is no address of a repository"}
		case err == nil && u.User != nil && u.Scheme != "ssh":
			return &FieldError{at, "has a name or password in it: give the address without"}
		}
	}
	return nil
}

func (s *Settings) validateCaches() error {
	if len(*s.Caches) > maxCaches {
		return &FieldError{"caches", fmt.Sprintf("has more than %d entries", maxCaches)}
	}
	for i, pattern := range *s.Caches {
		at := fmt.Sprintf("caches[%d]", i)
		parts := strings.Split(pattern, "/")
		switch {
		case len(pattern) > maxCachePath:
			return &FieldError{at, fmt.Sprintf("is longer than %d bytes", maxCachePath)}
		case slices.ContainsFunc(parts, badPart):
			return &FieldError{at, fmt.Sprintf("%q is no path or pattern below the top of the repository", pattern)}
		case slices.ContainsFunc(parts, func(part string) bool { return strings.EqualFold(part, ".git") }):
			return &FieldError{at, fmt.Sprintf("%q is git's own", pattern)}
		case parts[len(parts)-1] == "**":
			return &FieldError{at, fmt.Sprintf("%q would keep everything: name what is below", pattern)}
		}
	}
	return nil
}

// badPart finds parts of a path that lead elsewhere, and patterns that mean nothing.
func badPart(part string) bool {
	_, err := path.Match(part, "")
	return err != nil || part == "" || part == "." || part == ".." || strings.ContainsFunc(part, unicode.IsControl)
}

func (s *Settings) validateAgents() error {
	for _, role := range slices.Sorted(maps.Keys(s.Agents)) {
		a, at := s.Agents[role], "agents."+string(role)
		switch {
		case role != Polecat && role != Refinery && role != Triage:
			return &FieldError{at, "unknown role; known are polecat, refinery and triage"}
		case (a.Preset == "") == (len(a.Command) == 0):
			return &FieldError{at, "needs either a preset or a command"}
		}
	}
	return nil
}

// maxBranchPrefix bounds the prefix of branches, in bytes: with tag and id it must stay a name that people read.
const maxBranchPrefix = 40

func (s *Settings) validateBranchPrefix() error {
	if why := badBranchPart(*s.BranchPrefix); why != "" {
		return &FieldError{"branch_prefix", why}
	}
	return nil
}

// badBranchPart says why a text cannot be the first part of the name of a bead's branch: the rules of
// git check-ref-format for one part, and those of ours.
func badBranchPart(p string) string {
	odd := func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`~^:?*[\/`, r) }
	switch {
	case p == "":
		return "is empty"
	case len(p) > maxBranchPrefix:
		return fmt.Sprintf("is longer than %d bytes", maxBranchPrefix)
	case p == convoyPrefix || p == "HEAD" || p == "refs" || p == "@":
		return fmt.Sprintf("is %q, which is taken", p)
	case !utf8.ValidString(p) || strings.ContainsFunc(p, odd) || strings.Contains(p, "..") || strings.Contains(p, "@{"):
		return `has a character that git refuses in a part of a branch's name`
	case p[0] == '.' || p[0] == '-' || p[len(p)-1] == '.' || strings.HasSuffix(p, ".lock"):
		return `begins or ends as git refuses it: with ".", "-" or ".lock"`
	}
	return ""
}

func (s *Settings) validateInstructions() error {
	for _, role := range slices.Sorted(maps.Keys(s.Instructions)) {
		if role != Polecat && role != Refinery && role != Triage {
			return &FieldError{"instructions." + string(role), "unknown role; known are polecat, refinery and triage"}
		}
	}
	return nil
}

func (s *Settings) validateEnv() error {
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
