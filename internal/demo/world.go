package demo

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"gastown/internal/town"
	"gastown/internal/wire"
)

//go:embed files
var files embed.FS

// Branch is what the demo's work lands on.
const Branch = "main"

// GateCommand is the repository's own test command.
const GateCommand = "go test ./..."

// World is the outside of a demo: a repository and an agent.
type World struct {
	Dir    string // of everything
	Repo   string // bare repository, the rig's origin
	Script string // the agents
}

// NewWorld makes the repository, with one commit, and the agent's script below dir.
func NewWorld(ctx context.Context, dir string) (*World, error) {
	w := &World{Dir: dir, Repo: filepath.Join(dir, "greet.git"), Script: filepath.Join(dir, "agent.sh")}
	script, err := files.ReadFile("files/agent.sh")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(w.Script, script, 0o600); err != nil {
		return nil, fmt.Errorf("cannot write the agent: %w", err)
	}
	src := filepath.Join(dir, "greet")
	if err := os.MkdirAll(src, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the repository: %w", err)
	}
	list, err := fs.Glob(files, "files/repo/*.txt")
	if err != nil {
		return nil, err
	}
	for _, name := range list {
		data, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		// The suffix keeps the demo's sources out of this module.
		path := filepath.Join(src, strings.TrimSuffix(filepath.Base(name), ".txt"))
		if err := os.WriteFile(path, data, 0o600); err != nil {
			return nil, fmt.Errorf("cannot make the repository: %w", err)
		}
	}
	for _, args := range [][]string{
		{"init", "--quiet", "--initial-branch", Branch, src},
		{"-C", src, "add", "--all"},
		{"-C", src, "-c", "user.name=demo", "-c", "user.email=demo@localhost", "commit", "--quiet", "--message", "Begin"},
		{"clone", "--quiet", "--bare", src, w.Repo},
	} {
		if _, err := git(ctx, args...); err != nil {
			return nil, fmt.Errorf("cannot make the repository: %w", err)
		}
	}
	return w, nil
}

// git runs git and returns what it wrote.
func git(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "git", args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(string(out)))
	}
	return string(out), nil
}

// Settings are those of the demo's town.
func (w *World) Settings() town.Settings {
	return town.Settings{Agents: map[town.Role]town.AgentCommand{town.Polecat: {Preset: "script", Args: []string{w.Script}}}}
}

// Plan is the convoy: the README beside the languages, which follow one another until Spanish and
// Italian, which begin together and touch the same line.
func Plan() wire.NewConvoy {
	return wire.NewConvoy{Title: "Greet the world", Tasks: []town.NewBead{
		{Key: "en", Title: "Greet in English"},
		{Key: "readme", Title: "Write a README"},
		{Key: "fr", Title: "Greet in French", DependsOn: []string{"en"}},
		{Key: "es", Title: "Greet in Spanish", DependsOn: []string{"fr"}},
		{Key: "it", Title: "Greet in Italian", DependsOn: []string{"fr"}},
	}}
}

// Check clones what has landed and runs its tests.
func (w *World) Check(ctx context.Context) error {
	dir, err := os.MkdirTemp(w.Dir, "landed-")
	if err != nil {
		return fmt.Errorf("cannot check what landed: %w", err)
	}
	if _, err := git(ctx, "clone", "--quiet", "--branch", Branch, w.Repo, dir); err != nil {
		return fmt.Errorf("cannot check what landed: %w", err)
	}
	for _, name := range []string{"en.go", "fr.go", "es.go", "it.go", "README.md"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("%s has not landed on %s", name, Branch)
		}
	}
	cmd := exec.CommandContext(ctx, "sh", "-c", GateCommand)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("what landed does not pass %q: %w\n%s", GateCommand, err, out)
	}
	return nil
}

// Graph is the history of the landed branch, as git draws it.
func (w *World) Graph(ctx context.Context) (string, error) {
	return git(ctx, "-C", w.Repo, "log", "--graph", "--oneline", Branch)
}
