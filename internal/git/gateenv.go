package git

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Gates run code that agents wrote. Their environment is made from a list of what builds need and what is no
// credential; a rig's setting env adds to it.

// gateVariables are passed on as they are, if they hold no password.
var gateVariables = []string{
	"PATH", "LANG", "LANGUAGE", "TZ", "TERM", "USER", "LOGNAME", "SHELL", "TMPDIR", "CI",
	"http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy",
	"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY", "NO_PROXY",
	"SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS",
	"CC", "CXX", "CFLAGS", "CXXFLAGS", "LDFLAGS", "MAKEFLAGS", "LD_LIBRARY_PATH", "PKG_CONFIG_PATH", "CGO_ENABLED",
	"GOROOT", "GOPATH", "GOFLAGS", "GOPROXY", "GOPRIVATE", "GONOPROXY", "GONOSUMDB",
	"GOSUMDB", "GOTOOLCHAIN", "JAVA_HOME", "DOCKER_HOST",
}

// toolHomes are where tools that a person has installed for himself find themselves, and where they keep what they have
// fetched and built, relative to the home directory. Without the first the programs that PATH names would not start in
// another home, and without the others every rig's first gate would fetch and build everything anew. None of them is a
// place for credentials.
var toolHomes = map[string]string{
	"RUSTUP_HOME": ".rustup", "PYENV_ROOT": ".pyenv", "RBENV_ROOT": ".rbenv", "NVM_DIR": ".nvm", "VOLTA_HOME": ".volta",
	"GOCACHE": ".cache/go-build", "GOMODCACHE": "go/pkg/mod", "npm_config_cache": ".npm", "PIP_CACHE_DIR": ".cache/pip",
	"ASDF_DATA_DIR": ".asdf", "MISE_DATA_DIR": ".local/share/mise", "SDKMAN_DIR": ".sdkman",
}

// withoutKeys has git offer no key of the user to a remote: ssh looks for them in the user's home directory, whatever
// HOME says.
const withoutKeys = "GIT_SSH_COMMAND=ssh -F none -o IdentitiesOnly=yes -o IdentityFile=none -o BatchMode=yes"

// gateEnv is the environment of gates: what of this process's is allowed, a home directory of their own in which
// package managers may keep what they fetched, then what the caller adds.
func gateEnv(environ []string, home string, added []string) []string {
	was := ""
	env := []string{"HOME=" + home, "GIT_TERMINAL_PROMPT=0", withoutKeys}
	set := map[string]bool{}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if name == "HOME" {
			was = value
		}
		_, tool := toolHomes[name]
		allowed := tool || strings.HasPrefix(name, "LC_") || slices.Contains(gateVariables, name)
		if allowed && mask(value) == value {
			env, set[name] = append(env, entry), true
		}
	}
	for name, dir := range toolHomes {
		if name == "GOMODCACHE" && set["GOPATH"] {
			continue // It is below that.
		}
		path := filepath.Join(was, dir)
		if info, err := os.Stat(path); was != "" && !set[name] && err == nil && info.IsDir() {
			env = append(env, name+"="+path)
		}
	}
	slices.Sort(env)
	return append(env, added...)
}
