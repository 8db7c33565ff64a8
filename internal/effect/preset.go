package effect

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"gastown/internal/town"
)

// promptArgument stands for the prompt in a command line.
const promptArgument = "{prompt}"

// presets are the command lines of known agents in their non-interactive modes. They run without
// asking for permissions: an agent works in a workspace of its own, alone.
var presets = map[string][]string{
	// Claude Code reads the prompt from standard input in print mode.
	"claude": {"claude", "--print", "--verbose", "--output-format", "stream-json", "--dangerously-skip-permissions"},
	// Codex takes "-" for a prompt on standard input.
	"codex":    {"codex", "exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", "-"},
	"opencode": {"opencode", "run", promptArgument},
	"kilo":     {"kilo", "run", "--auto", promptArgument},
	// A shell script that needs no model; its path is the first argument.
	"script": {"sh", "-eu"},
}

// Presets lists the names of the presets.
func Presets() []string { return slices.Sorted(maps.Keys(presets)) }

// commandLine resolves an agent's command. If no argument stands for the prompt, the prompt goes
// to standard input.
func commandLine(c town.AgentCommand, prompt string) (args []string, stdin string, err error) {
	args = c.Command
	if c.Preset != "" {
		preset, ok := presets[c.Preset]
		if !ok {
			return nil, "", fmt.Errorf("unknown preset %q; known are %s", c.Preset, strings.Join(Presets(), ", "))
		}
		if c.Preset == "script" && len(c.Args) == 0 {
			return nil, "", fmt.Errorf("the preset script needs the path of the script in args")
		}
		args = preset
	}
	args = withArgs(args, c.Args)
	if !slices.Contains(args, promptArgument) {
		return args, prompt, nil
	}
	for i, a := range args {
		if a == promptArgument {
			args[i] = prompt
		}
	}
	return args, "", nil
}

// withArgs adds arguments to a command line, before a closing prompt ("-" or the prompt itself),
// which must stay last.
func withArgs(args, more []string) []string {
	out := slices.Clone(args)
	at := len(out)
	if at > 0 && (out[at-1] == "-" || out[at-1] == promptArgument) {
		at--
	}
	return slices.Insert(out, at, more...)
}
