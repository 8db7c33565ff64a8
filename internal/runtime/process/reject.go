package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"gastown/internal/runtime"
)

// fallbackPath is where programs are looked for when the agent's environment has
// no PATH.
const fallbackPath = "/usr/local/bin:/usr/bin:/bin"

// infraError is a rejection for which only the runtime is to blame, unless the
// host has run out of something.
func infraError(doing string, err error) *runtime.StartError {
	class := runtime.ClassInfra
	if exhausted(err) {
		class = runtime.ClassResources
	}
	return &runtime.StartError{Class: class, Reason: fmt.Sprintf("%s: %v", doing, err)}
}

// rejection sorts an error of starting the agent itself.
func rejection(doing string, err error) *runtime.StartError {
	rejected := infraError(doing, err)
	switch {
	case errors.Is(err, syscall.E2BIG):
		rejected.Class = runtime.ClassInvalid
		rejected.Reason = doing + ": its arguments and environment are too long: pass the text on standard input"
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.ENOEXEC):
		rejected.Class = runtime.ClassCommandNotFound
		rejected.Reason += ": check that it is a program, or a script whose first line names one, for this machine"
	}
	return rejected
}

// exhausted says whether an error means that the host has run out of something.
func exhausted(err error) bool {
	for _, errno := range []syscall.Errno{
		syscall.EAGAIN, syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE, syscall.ENOSPC, syscall.EDQUOT,
	} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

// invalid is a rejection of a Spec that makes no sense.
func invalid(format string, args ...any) error {
	return &runtime.StartError{Class: runtime.ClassInvalid, Reason: fmt.Sprintf(format, args...)}
}

// checkSpec refuses what no machine could run.
func (r *Runtime) checkSpec(spec runtime.Spec) error {
	if err := checkKey(spec.Key); err != nil {
		return err
	}
	if spec.Workspace.Repository.URL != "" && r.prepare == nil {
		return invalid("workspaces with a repository are not prepared here")
	}
	if len(spec.Command) == 0 || spec.Command[0] == "" {
		return invalid("no command is given: set the agent's command")
	}
	for _, arg := range spec.Command {
		if !utf8.ValidString(arg) || strings.ContainsRune(arg, 0) {
			return invalid("argument %q is not text", arg)
		}
	}
	for _, entry := range spec.Env {
		name, _, ok := strings.Cut(entry, "=")
		// The value is a secret, so only the name is shown.
		if !ok || name == "" || strings.ContainsRune(entry, 0) {
			return invalid("environment entry %q is not NAME=value", name)
		}
	}
	if spec.Grace < 0 || spec.LogLimit.SegmentBytes < 0 || spec.LogLimit.Segments < 0 {
		return invalid("grace and log limit must not be negative")
	}
	return nil
}

// checkKey refuses keys that cannot name a directory.
func checkKey(key runtime.Key) error {
	for _, name := range []string{key.History, key.Town, key.Agent} {
		if name == "" || len(encodeName(name)) > maxName {
			return invalid("%q cannot name a town or an agent: it is empty or too long", name)
		}
	}
	if key.Run <= 0 {
		return invalid("run %d is not a run: runs count from 1", key.Run)
	}
	return nil
}

// checkDir refuses a working directory in which nothing can be started.
func checkDir(dir string) error {
	info, err := os.Stat(dir)
	reason := ""
	switch {
	case !filepath.IsAbs(dir) || !utf8.ValidString(dir):
		reason = "is not an absolute path"
	case errors.Is(err, fs.ErrNotExist):
		reason = "does not exist: it has to be made first"
	case err != nil:
		reason = "cannot be examined: " + err.Error()
	case !info.IsDir():
		reason = "is not a directory"
	case unix.Access(dir, unix.X_OK) != nil:
		reason = "may not be entered: check its permissions"
	default:
		return nil
	}
	return &runtime.StartError{
		Class: runtime.ClassBadDirectory, Reason: fmt.Sprintf("working directory %q %s", dir, reason),
	}
}

// startsBelow tells whether the working directory decides which program a Spec names.
func startsBelow(spec runtime.Spec) bool {
	if name := spec.Command[0]; strings.Contains(name, "/") {
		return !filepath.IsAbs(name)
	}
	return slices.ContainsFunc(filepath.SplitList(searchPath(spec)), func(dir string) bool { return !filepath.IsAbs(dir) })
}

// searchPath is where programs are looked for.
func searchPath(spec runtime.Spec) string {
	list := fallbackPath
	for _, entry := range spec.Env {
		if value, ok := strings.CutPrefix(entry, "PATH="); ok {
			list = value
		}
	}
	return list
}

// findProgram returns the path of the program that a Spec names, seen from its working directory.
func findProgram(spec runtime.Spec, workDir string) (string, error) {
	name := spec.Command[0]
	if strings.Contains(name, "/") {
		path := under(workDir, name)
		if executable(path) {
			return path, nil
		}
		return "", &runtime.StartError{Class: runtime.ClassCommandNotFound, Reason: fmt.Sprintf(
			"command %q is missing or not executable: install it or correct the agent's command", name)}
	}
	list := searchPath(spec)
	for _, dir := range filepath.SplitList(list) {
		if path := filepath.Join(under(workDir, dir), name); executable(path) {
			return path, nil
		}
	}
	return "", &runtime.StartError{Class: runtime.ClassCommandNotFound, Reason: fmt.Sprintf(
		"command %q is not on the agent's PATH (%s): install it or set the agent's command to its full path", name, list)}
}

// under makes a path absolute, seen from dir.
func under(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// executable says whether path is a file that we may execute.
func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && unix.Access(path, unix.X_OK) == nil
}
