// Package wire has the documents that the API takes and gives, for the server and its clients.
// Entities are the core's own types.
package wire

import (
	"time"

	"gastown/internal/town"
)

// ServerInfo is how clients on the same machine find the server: a file in the data folder.
type ServerInfo struct {
	URL     string    `json:"url"`
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
	Version string    `json:"version"`
}

// LogLevel is how much a server's log says.
type LogLevel struct {
	Level string `json:"level" enum:"debug,info,warn,error" doc:"The least important lines that are written."`
}

// NewTown asks for a town.
type NewTown struct {
	ID   town.TownID `json:"id" pattern:"^[a-z0-9][a-z0-9-]{0,39}$" doc:"Part of URLs: lower-case letters, digits and '-'."`
	Name string      `json:"name,omitempty" maxLength:"100"`
}

// TownPatch sets configuration values of a town.
type TownPatch struct {
	Name     string        `json:"name,omitempty" maxLength:"100" doc:"The name that people see."`
	Settings town.Settings `json:"settings,omitempty" doc:"Values to set; those not named stay as they are."`
	Unset    []string      `json:"unset,omitempty" maxItems:"100" doc:"Keys that get their default back, such as max_agents or env.NAME."`
}

// Town is a town with its rigs.
type Town struct {
	town.Town
	Rigs     []*town.Rig `json:"rigs"`
	LastTick town.TickNo `json:"lastTick"`
}

// NewRig asks for a repository to be taken into a town.
type NewRig struct {
	Name          town.RigID    `json:"name,omitempty" doc:"Default: the last part of the URL."`
	URL           string        `json:"url" minLength:"1" doc:"Whatever git can clone; a path on the server too."`
	DefaultBranch string        `json:"defaultBranch,omitempty" doc:"Default: the repository's own."`
	Credential    string        `json:"credential,omitempty" maxLength:"1000" doc:"What opens the repository: [USER@]env:NAME or [USER@]file:PATH of the server."`
	Settings      town.Settings `json:"settings,omitempty" doc:"Overrides of the town's settings."`
}

// TakenRig is a rig as it is after its repository was looked at.
type TakenRig struct {
	town.Rig
	Notes []string `json:"notes,omitempty" doc:"What whoever gave it the repository should know, such as that it has submodules."`
}

// RigPatch changes a rig.
type RigPatch struct {
	URL           string        `json:"url,omitempty" maxLength:"2000" doc:"Where the repository is from now on; it must have the same history."`
	DefaultBranch string        `json:"defaultBranch,omitempty" doc:"The branch that work is merged into from now on; open merge requests into the former one follow."`
	Credential    string        `json:"credential,omitempty" maxLength:"1000" doc:"What opens the repository from now on; none takes it away."`
	Settings      town.Settings `json:"settings,omitempty" doc:"Overrides to set; those not named stay as they are."`
	Unset         []string      `json:"unset,omitempty" maxItems:"100" doc:"Keys that the rig takes from the town again."`
}

// Reason is why somebody does something.
type Reason struct {
	Reason string `json:"reason,omitempty" maxLength:"1000" doc:"Kept on record; shown to whoever asks why."`
}

// Cancel ends a bead.
type Cancel struct {
	As     town.BeadStatus `json:"as,omitempty" enum:"closed,failed" doc:"closed (default) or failed."`
	Reason string          `json:"reason,omitempty" maxLength:"1000" doc:"Kept as what the bead came to."`
}

// Retry opens a failed bead again.
type Retry struct {
	Fresh bool `json:"fresh,omitempty" doc:"Start over from the base; what was there is kept in the rig's mirror."`
}

// DependsOn names a bead.
type DependsOn struct {
	On town.BeadID `json:"dependsOn" minLength:"1" doc:"The bead that must be closed first."`
}

// Bead is a bead with what hangs together with it.
type Bead struct {
	*town.Bead
	DependsOn     []town.BeadID `json:"dependsOn,omitempty"`
	NeededBy      []town.BeadID `json:"neededBy,omitempty"`
	MergeRequests []*town.Bead  `json:"mergeRequests,omitempty"`
	Why           string        `json:"why,omitempty"`
	Archived      bool          `json:"archived,omitempty"`
	// Ignored says why a request changed nothing although it was no mistake.
	Ignored string `json:"ignored,omitempty"`
}

// BeadPage is a page of beads; an empty Next is the last one.
type BeadPage struct {
	Beads []*town.Bead `json:"beads"`
	Next  string       `json:"next,omitempty"`
}

// NewConvoy asks for a convoy.
type NewConvoy struct {
	Title     string         `json:"title" minLength:"1" doc:"One line; the convoy's branch is named after it."`
	Body      string         `json:"body,omitempty" doc:"What the tasks are for together."`
	MergeMode town.MergeMode `json:"mergeMode,omitempty" enum:"review-then-land,review-and-merge" doc:"review-then-land or review-and-merge; convoy_merge_mode if empty."`
	Staged    *bool          `json:"staged,omitempty" doc:"The tasks wait until the convoy is started; staged_convoys if not set."`
	Tasks     []town.NewBead `json:"tasks" minItems:"1" doc:"The tasks to make, in this order."`
}

// Convoy is a convoy with its members.
type Convoy struct {
	*town.Bead
	Tasks         []*town.Bead `json:"tasks"`
	MergeRequests []*town.Bead `json:"mergeRequests,omitempty"`
	Why           string       `json:"why,omitempty"`
	Ignored       string       `json:"ignored,omitempty"`
}

// List wraps a list, so that the document can grow.
type List[T any] struct {
	Items []T `json:"items"`
}

// EventPage is a page of events; Next is the place to go on from, zero at the end.
type EventPage struct {
	Events []Event  `json:"events"`
	Next   town.Seq `json:"next,omitempty"`
}

// Event is an event with what became of it; Tick and Outcome are absent while it is pending.
type Event struct {
	town.Event
	Tick    town.TickNo        `json:"tick,omitempty"`
	Outcome *town.EventOutcome `json:"outcome,omitempty"`
}

// TickPage is a page of ticks; Next is the number to go on from, zero at the end.
type TickPage struct {
	Ticks []Tick      `json:"ticks"`
	Next  town.TickNo `json:"next,omitempty"`
}

// Tick is a tick with the entities as they stood after it.
type Tick struct {
	*town.Tick
	Entities []Entity `json:"entities"`
}

// Entity is an entity as it stood after a tick; State is absent if it was gone.
type Entity struct {
	Kind     town.Kind `json:"kind"`
	ID       string    `json:"id"`
	Gone     bool      `json:"gone,omitempty"`
	Archived bool      `json:"archived,omitempty"`
	State    any       `json:"state,omitempty"`
}

// Why is why a bead, agent or convoy is as it is, and how it came to that.
type Why struct {
	town.Why
	Recent []town.Happening `json:"recent" doc:"The last five things that happened to it, the newest last."`
}

// History is a part of what happened to a bead, agent or convoy, the newest last; an empty Next is
// its beginning.
type History struct {
	Happened []town.Happening `json:"happened"`
	Next     string           `json:"next,omitempty" doc:"The before of the part that lies before this one."`
}

// Prime is what an agent needs to begin.
type Prime struct {
	Bead   *town.Bead      `json:"bead"`
	Prompt string          `json:"prompt"`
	Branch string          `json:"branch,omitempty"`
	Base   string          `json:"base,omitempty"`
	Merge  *town.MergeSpec `json:"merge,omitempty"`
	Nudges []string        `json:"nudges,omitempty"` // what it is being told
}

// Nudge is what an agent is to be told.
type Nudge struct {
	Message string `json:"message" minLength:"1" maxLength:"2000" doc:"What the agent is to be told."`
}

// Mail is what an agent has not read yet.
type Mail struct {
	Messages []*town.Bead  `json:"messages"`
	Nudges   []*town.Nudge `json:"nudges"`
}

// Receipt answers an agent's verb.
type Receipt struct {
	Seq   town.Seq    `json:"seq"`
	Tick  town.TickNo `json:"tick"`
	Made  []string    `json:"made,omitempty"` // ids of what came of it
	Again bool        `json:"again,omitempty"`
	// Nudges are what the agent is being told, by whom: it may look nowhere else.
	Nudges []string `json:"nudges,omitempty"`
}
