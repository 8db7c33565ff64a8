package git

import (
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// surroundings are the environment and configuration that git runs with. Without any, git runs with neither the
// configuration of a user nor access to anything.
type surroundings struct {
	patience time.Duration // see command
	config   string        // file of the user's configuration
	environ  []string      // what is chosen from
	ssh      string        // the command for ssh with limits of its own; empty leaves it as it is
	access   bool          // commands that go outside get the operator's access
}

// everyGit are the variables of this process that every git of ours gets: programs, folders, language, and who
// commits. A name that ends in "*" stands for all that begin so.
var everyGit = []string{
	"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ", "LD_LIBRARY_PATH", "GIT_EXEC_PATH", "GIT_AUTHOR_*", "GIT_COMMITTER_*",
}

// outsideGit are those that git gets besides when it goes outside: what gives access, and what it takes to get there.
var outsideGit = []string{
	"SSH_AUTH_SOCK", "SSH_ASKPASS", "GIT_ASKPASS", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_SSL_*", "GIT_PROXY_SSL_*",
	"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY",
	"SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "KRB5CCNAME", "KRB5_CONFIG", "GNUPGHOME", "GPG_AGENT_INFO",
	"XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", // credential helpers' stores
	"GH_*", "GITHUB_TOKEN", "GITLAB_TOKEN", "GITEA_TOKEN", "AWS_*", "GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_*", "AZURE_*", // theirs, too
	"GCM_*", "PASSWORD_STORE_DIR",
}

// unattended is what every git of ours is told: nobody is there to answer a prompt, and messages are read by
// [classify] in the C locale.
var unattended = []string{
	"LC_ALL=C", "LANGUAGE=",
	"GIT_TERMINAL_PROMPT=0", "SSH_ASKPASS_REQUIRE=never", "GCM_INTERACTIVE=never",
	"GIT_PAGER=cat", "PAGER=cat", "GIT_EDITOR=true", "GIT_SEQUENCE_EDITOR=true",
	"GIT_OPTIONAL_LOCKS=0",
	"GIT_CONFIG_NOSYSTEM=1", // what is taken over of the machine's configuration is in the user's file
}

// gitEnv is the environment of a git command.
func (s surroundings) gitEnv(outside bool) []string {
	config := s.config
	if config == "" {
		config = "/dev/null"
	}
	env := append(chosen(s.environ, everyGit), unattended...)
	if outside && s.access {
		env = append(env, chosen(s.environ, outsideGit)...)
		if s.ssh != "" {
			env = append(env, "GIT_SSH_COMMAND="+s.ssh)
		}
	}
	return append(env, "GIT_CONFIG_GLOBAL="+config)
}

// sshLimits end an ssh that cannot connect, or whose other end is gone, within stallLimit. What the operator's command
// says about them counts: ssh takes the first value of an option.
const sshLimits = " -o ConnectTimeout=20 -o ServerAliveInterval=10 -o ServerAliveCountMax=3 -o BatchMode=yes"

// sshCommand is the operator's command for ssh with those limits; empty if it is no OpenSSH, which is watched all the
// same.
func sshCommand(environ []string, settings []setting) string {
	ssh, variant := "ssh", ""
	for _, s := range settings {
		switch s.name {
		case "core.sshcommand":
			ssh = s.value
		case "ssh.variant":
			variant = s.value
		}
	}
	for _, entry := range environ {
		switch name, value, _ := strings.Cut(entry, "="); name {
		case "GIT_SSH_VARIANT":
			variant = value
		case "GIT_SSH_COMMAND":
			ssh = value
		case "GIT_SSH":
			if ssh == "ssh" {
				ssh = ""
			}
		}
	}
	program, _, _ := strings.Cut(strings.TrimSpace(ssh), " ")
	if variant != "ssh" && (variant != "" && variant != "auto" || filepath.Base(strings.Trim(program, "'\"")) != "ssh") {
		return ""
	}
	return ssh + sshLimits
}

// chosen are the variables of an environment that a list names.
func chosen(environ, names []string) []string {
	var kept []string
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if slices.ContainsFunc(names, func(wanted string) bool {
			prefix, all := strings.CutSuffix(wanted, "*")
			return name == wanted || all && strings.HasPrefix(name, prefix)
		}) {
			kept = append(kept, entry)
		}
	}
	return kept
}
