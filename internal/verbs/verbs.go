// Package verbs is the table of what agents and people can say to a town: each verb with a sentence, who may use it,
// where the API takes it, the event that it makes, its fields and its command. The API's routes, the help of the
// command line and docs/reference/verbs.md follow from it, so that a new verb is one entry here, its handler in
// internal/api and its command in internal/cli; tests in those name what is missing.
//
// Everything that makes an event of people or agents is a verb, and so is whatever else an agent may call. Reading by
// people, and what is about the server and not a town, is in the API's own table of routes.
package verbs

import (
	"strings"

	"gastown/internal/town"
)

// Who may use a verb.
type Who string

// The users of verbs. Agents use those of their run's token, people those of the admin token.
const (
	Agent  Who = "agent"
	Person Who = "person"
)

// InTown begins the path of every verb.
const InTown = "/api/towns/{townId}"

// Verb is an entry of the table.
type Verb struct {
	ID     string // of the API's operation
	Who    Who
	Method string
	Below  string         // path below the town's
	Event  town.EventType // that it makes; none, if it only reads or is not recorded
	Fields any            // a value of the structure that it takes as body; nil if it takes none
	Doc    string         // a sentence
	// Command of the command line, without its arguments; or why there is none, in brackets.
	Command string
	// Help of that command, if that is not the sentence: it says how to use it, or does more than this verb.
	Help string
}

// Path is where the API takes the verb.
func (v *Verb) Path() string { return InTown + v.Below }

// Last is the last part of the path.
func (v *Verb) Last() string { return v.Below[strings.LastIndexByte(v.Below, '/')+1:] }

// HasCommand reports whether there is a command for it.
func (v *Verb) HasCommand() bool { return !strings.HasPrefix(v.Command, "(") }

// Short is the short help of its command.
func (v *Verb) Short() string {
	if v.Help != "" {
		return v.Help
	}
	return strings.TrimSuffix(v.Doc, ".")
}

// All lists the verbs: those of agents, and those of people.
func All() []Verb { return append(ofAgents(), ofPeople()...) }

// Of returns the verb with the id of an operation. That there is none is a mistake in the program: it panics.
func Of(id string) Verb {
	for _, v := range All() {
		if v.ID == id {
			return v
		}
	}
	panic("there is no verb " + id)
}
