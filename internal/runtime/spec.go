package runtime

import (
	"fmt"
	"time"
)

// DefaultGrace is the time between TERM and KILL when a Spec names none. It
// protects work in flight: an agent may still commit or say goodbye.
const DefaultGrace = 10 * time.Second

// DefaultLogLimit bounds what one run may keep on disk: an agent that prints
// without end must not fill it.
var DefaultLogLimit = LogLimit{SegmentBytes: 8 << 20, Segments: 4}

// Key names one dispatch of one agent.
type Key struct {
	// History names the history of the town: runs of another one are other runs, whatever else they are called.
	History string
	Town    string
	Agent   string
	// Run is the generation of the dispatch, from 1 upwards: the fencing token.
	Run int64
}

// String renders a key for people, as in "town/agent run 3".
func (k Key) String() string { return fmt.Sprintf("%s/%s run %d", k.Town, k.Agent, k.Run) }

// Spec says what to run.
type Spec struct {
	Key
	// Command is the program and its arguments. A program without a slash is
	// looked up in the PATH of Env, a relative one starts at the working directory.
	Command []string
	// Env is the complete environment, as NAME=value. Nothing is inherited; a
	// runtime adds GASTOWN_INBOX, where the agent finds what it is told, and may
	// add GASTOWN_SUPERVISOR, by which it knows its processes.
	Env []string
	// Workspace is what the run works on; its folder is the working directory.
	Workspace Workspace
	// Stdin is what the agent reads from its standard input, followed by the
	// end of file.
	Stdin []byte
	// Grace is the time between TERM and KILL; zero means DefaultGrace.
	Grace time.Duration
	// LogLimit bounds the run's log; zero fields mean DefaultLogLimit.
	LogLimit LogLimit
}

// LogLimit bounds the log of one run. The oldest output goes first.
type LogLimit struct {
	// SegmentBytes is the size at which a new segment is begun.
	SegmentBytes int64
	// Segments is how many segments are kept, the current one included.
	Segments int
}

// LogOptions says which part of a log to read. The zero value reads all of it.
type LogOptions struct {
	// Tail, when positive, begins that many lines before the end.
	Tail int
	// Follow waits for more output. Reading ends, with io.EOF, when the run is
	// over and everything was read. A reader too slow for the log's limit loses
	// the segments that were dropped meanwhile.
	Follow bool
}
