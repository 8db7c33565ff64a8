package git

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// setting is one entry of git's configuration.
type setting struct {
	name  string // section.subsection.key, as git prints it: section and key in lower case
	value string
	bare  bool // a key without a value, which git reads as true
}

// audience says whose git a file of configuration is for.
type audience int

const (
	forServer   audience = iota // fetches and pushes, with the operator's access
	forAgents                   // the git of agents, by which they work as the operator does, but have his access nowhere
	forRefinery                 // merges and runs gates
)

// The files of configuration that a server writes at its start, by audience. No town's folder begins with a dot.
var configFiles = [...]string{forServer: ".server.gitconfig", forAgents: ".agents.gitconfig", forRefinery: ".refinery.gitconfig"}

// parts are the three of a name.
func (s setting) parts() (section, sub, key string) {
	section, rest, _ := strings.Cut(s.name, ".")
	at := strings.LastIndex(rest, ".")
	if at < 0 {
		return section, "", rest
	}
	return section, rest[:at], rest[at+1:]
}

// goes tells whether an entry of the operator's is for that audience.
func (s setting) goes(to audience) bool {
	section, sub, key := s.parts()
	switch {
	case section == "safe" || section == "filter" && sub == "lfs":
		return true
	case section == "user" && key != "signingkey":
		return true
	case to == forServer:
		return s.givesAccess()
	case to == forRefinery:
		return false
	}
	switch section {
	case "http":
		// What it takes to reach a host at all, and opens nothing there.
		return slices.Contains([]string{"sslcainfo", "sslcapath", "sslverify"}, key) || key == "proxy" && !strings.Contains(s.value, "@")
	case "credential", "url", "gpg", "user", "include", "includeif":
		return false
	}
	return !slices.Contains(keptFromAgents, s.name)
}

// keptFromAgents are single entries with access or the operator's signature in them.
var keptFromAgents = []string{
	"core.sshcommand", "core.askpass", "core.gitproxy", "ssh.variant", "commit.gpgsign", "tag.gpgsign", "push.gpgsign",
}

// decidedHere are keys of http.* that the server sets by itself: no redirect is followed, and no remote may stall.
var decidedHere = []string{"followredirects", "lowspeedlimit", "lowspeedtime"}

// givesAccess tells whether an entry says how the operator gets at repositories, or how he signs.
func (s setting) givesAccess() bool {
	section, _, key := s.parts()
	switch section {
	case "credential", "gpg", "user", "protocol":
		return true
	case "http":
		return !slices.Contains(decidedHere, key)
	case "url":
		return key == "insteadof" || key == "pushinsteadof"
	}
	return slices.Contains([]string{"core.sshcommand", "core.askpass", "ssh.variant"}, s.name)
}

// operatorSettings reads the configuration of whoever runs this process: of the machine, of the user with all that they
// include, and of the environment; never that of a repository. The order is git's: later ones win.
func operatorSettings(ctx context.Context, environ []string) ([]setting, error) {
	out, err := run(ctx, command{
		op: "read your configuration of git", args: []string{"config", "--list", "--null", "--show-scope", "--includes"},
		timeout: askTimeout, plain: withoutRepository(environ),
	})
	if err != nil {
		return nil, err
	}
	var all []setting
	fields := strings.Split(strings.TrimSuffix(out, "\x00"), "\x00")
	for i := 0; i+1 < len(fields); i += 2 {
		if scope := fields[i]; scope == "local" || scope == "worktree" {
			continue // "/" is a repository, on this machine
		}
		name, value, found := strings.Cut(fields[i+1], "\n")
		all = append(all, setting{name: name, value: value, bare: !found})
	}
	return all, nil
}

// OperatorConfig says what a server takes over of the operator's configuration of git when it starts, and what not.
type OperatorConfig struct {
	Taken []string // names, each once, in order; credentials masked
	Left  []string
	file  string // what the server's git gets
}

// ReadOperatorConfig reads the configuration of git of whoever runs this process.
func ReadOperatorConfig(ctx context.Context) (OperatorConfig, error) {
	all, err := operatorSettings(ctx, os.Environ())
	if err != nil {
		return OperatorConfig{}, err
	}
	out := OperatorConfig{file: configFile(all, forServer)}
	for _, s := range all {
		list := &out.Left
		if s.goes(forServer) {
			list = &out.Taken
		}
		if name := mask(s.name); !slices.Contains(*list, name) {
			*list = append(*list, name)
		}
	}
	return out, nil
}

// InUse tells whether a server with the store at root has started with just this configuration.
func (c OperatorConfig) InUse(root string) bool {
	written, err := os.ReadFile(filepath.Join(root, configFiles[forServer]))
	return err == nil && string(written) == c.file
}

// writeConfigs writes a file for each audience. They are closed to other users.
func writeConfigs(root string, all []setting) error {
	for to, name := range configFiles {
		path := filepath.Join(root, name)
		err := os.WriteFile(path+".new", []byte(configFile(all, audience(to))), 0o600)
		if err == nil {
			err = os.Rename(path+".new", path)
		}
		if err != nil {
			return wrapOS("keep your configuration of git", err)
		}
	}
	return nil
}

// configFile writes what goes to an audience in git's own format.
func configFile(all []setting, to audience) string {
	var b strings.Builder
	b.WriteString("# Written by gastown at the start of its server, from the configuration of who started it.\n")
	for _, s := range all {
		if !s.goes(to) {
			continue
		}
		section, sub, key := s.parts()
		if sub != "" {
			section += ` "` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(sub) + `"`
		}
		fmt.Fprintf(&b, "[%s]\n\t%s", section, key)
		if !s.bare {
			b.WriteString(` = "` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`).Replace(s.value) + `"`)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
