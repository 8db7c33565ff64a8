package effect

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"gastown/internal/town"
)

// inherited are the variables of the server that an agent gets too: where its programs, its home
// and its models' credentials are. Nothing else of the server's environment reaches an agent, and so nothing that
// gives access to repositories, unless the town's env names it.
var inherited = []string{
	"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ", "TMPDIR", "TERM",
	"XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
	"GOPATH", "GOMODCACHE", "GOCACHE", "GOPROXY", "GOFLAGS", "GOTOOLCHAIN", "GOROOT",
	"ANTHROPIC_API_KEY", "OPENAI_API_KEY", "KILO_API_KEY",
}

// environment makes an agent's complete environment: what it inherits, the town's env with its
// secrets read now, and what tells it who it is.
func (r *Runner) environment(id town.TownID, e *town.Effect) ([]string, error) {
	vars := map[string]string{}
	for _, name := range inherited {
		if v, ok := os.LookupEnv(name); ok {
			vars[name] = v
		}
	}
	vars["GIT_CONFIG_GLOBAL"], vars["GIT_CONFIG_NOSYSTEM"] = r.opts.Git.AgentConfig(), "1"
	for _, name := range slices.Sorted(maps.Keys(e.Dispatch.Env)) {
		v, err := readSecret(e.Dispatch.Env[name])
		if err != nil {
			return nil, fmt.Errorf("cannot set %s: %w", name, err)
		}
		vars[name] = v
	}
	// The agent's own gastown comes first, whatever is installed.
	vars["PATH"] = r.opts.BinDir + string(os.PathListSeparator) + vars["PATH"]
	vars["GASTOWN_HOME"] = r.opts.Home
	vars["GASTOWN_URL"] = r.opts.URL()
	vars["GASTOWN_TOKEN"] = r.opts.Token(id, e)
	vars["GASTOWN_TOWN"] = string(id)
	vars["GASTOWN_RIG"] = string(e.Rig)
	vars["GASTOWN_AGENT"] = string(e.Agent)
	vars["GASTOWN_BEAD"] = string(e.Bead)
	vars["GASTOWN_RUN"] = strconv.FormatInt(int64(e.Run), 10)
	vars["GASTOWN_BRANCH"] = e.Dispatch.Branch
	vars["GASTOWN_BASE"] = e.Dispatch.Base
	out := make([]string, 0, len(vars))
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		out = append(out, name+"="+vars[name])
	}
	return out, nil
}

// credentials are the inherited variables that give access to something.
var credentials = []string{"SSH_AUTH_SOCK", "ANTHROPIC_API_KEY", "OPENAI_API_KEY", "KILO_API_KEY"}

// withoutCredentials leaves out what a refinery has no use for: it pushes nothing, and its gates run what agents wrote.
func withoutCredentials(env []string) []string {
	return slices.DeleteFunc(env, func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(credentials, name)
	})
}

// readSecret resolves a reference, env:NAME or file:PATH; anything else is the value itself.
func readSecret(v string) (string, error) {
	if name, ok := strings.CutPrefix(v, "env:"); ok {
		value, found := os.LookupEnv(name)
		if !found {
			return "", fmt.Errorf("the server has no environment variable %s: set it and start the server again", name)
		}
		return value, nil
	}
	if path, ok := strings.CutPrefix(v, "file:"); ok {
		data, err := os.ReadFile(path)
		if err != nil {
			return "", fmt.Errorf("cannot read the secret: %w", err)
		}
		return strings.TrimRight(string(data), "\r\n"), nil
	}
	return v, nil
}
