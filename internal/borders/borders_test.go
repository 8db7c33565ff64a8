// Package borders has no code. Its test says which of our packages may import which, and holds the
// tree to it: imports point downwards.
package borders

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is the path of our packages.
const module = "gastown/"

// border says what a folder may import of ours, and why just that.
type border struct {
	folder  string
	may     []string // folders without "internal/"
	tests   []string // what its tests may import besides
	because string
}

// borders is every folder with Go files, from the core upwards. A new one is entered here, with its
// reason.
var borders = []border{
	{"internal/borders", nil, nil, "it is about the other packages' source, not their code"},
	{"deploy", nil, nil, "files for others that are also in the program"},
	{"docs", nil, nil, "pages that are also in the program"},
	{"internal/town", nil, nil, "the core knows nothing but itself"},
	{"internal/reference", nil, []string{"town", "verbs"}, "it prints the core's lists and the table of verbs"},
	{"internal/mistakes", nil, nil, "it changes copies of the core's source and runs the core's tests on them, from outside"},
	{"internal/git", []string{"town"}, []string{"git/githttptest"}, "it does what it is told, and knows nothing of who asks"},
	{"internal/git/githttptest", nil, nil, "a remote over HTTP with the faults of remotes, for tests"},
	{"internal/runtime", []string{"town"}, nil, "where agents run; it knows them by name and run"},
	{"internal/runtime/runtimetest", []string{"runtime", "town"}, nil, "the suite that every runtime passes"},
	{"internal/runtime/process", []string{"runtime", "town"}, []string{"runtime/runtimetest"}, "one runtime among others"},
	{"internal/journal", []string{"town"}, nil, "the history is made of the core's records"},
	{"internal/journal/memory", []string{"journal", "town"}, []string{"journal/journaltest"}, "one journal among others, for tests"},
	{"internal/journal/journaltest", []string{"journal", "journal/memory", "town"}, nil,
		"the suite that every journal passes; it plays random calls on one and on the one in memory, which must answer alike"},
	{"internal/journal/sqlite", []string{"journal", "town"}, []string{"journal/journaltest"}, "one journal among others"},
	{"internal/observe", []string{"town"}, nil, "it counts and reports what others hand it"},
	{"internal/observe/mask", nil, nil, "it takes secrets out of texts, whatever they are about"},
	{"internal/observe/logging", []string{"observe/mask"}, nil, "the form of the log; what is in it is everybody else's"},
	{"internal/observe/sentrytest", nil, nil, "the other end of Sentry's protocol, for tests"},
	{"internal/observe/report", []string{"observe/mask", "town"}, []string{"observe/sentrytest"}, "it tells people outside what others hand it"},
	{"internal/observe/otlptest", nil, nil, "a collector of traces, for tests"},
	{"internal/observe/tracing", []string{"town"}, []string{"observe/otlptest"}, "spans of what others do"},
	{"internal/effect", []string{"runtime", "git", "observe", "observe/report", "observe/tracing", "town"}, []string{"observe/sentrytest", "runtime/process"}, "it carries out what the core decided"},
	{"internal/controller", []string{"journal", "effect", "runtime", "observe", "observe/report", "observe/tracing", "town", "wire"},
		[]string{"journal/journaltest", "journal/memory", "journal/sqlite", "observe/logging", "observe/sentrytest", "runtime/process", "git"},
		"the only caller of a live Step"},
	{"internal/sim", []string{"controller", "runtime", "town"}, nil,
		"towns on a time of their own; of the controller it takes the rhythm, of the runtime the classes of refusals"},
	{"internal/replay", []string{"journal", "town", "wire"}, []string{"journal/memory", "journal/sqlite", "sim"}, "it reads a history and steps a town of its own; it changes neither, and tells of it in a document"},
	{"internal/auth", []string{"town"}, nil, "tokens name towns, agents and runs"},
	{"internal/wire", []string{"town"}, nil, "documents for both ends of the API, without what is behind either"},
	{"internal/verbs", []string{"town", "wire"}, nil, "the table of what one can say to a town, for both ends of the API and the reference"},
	{"internal/api", []string{"auth", "controller", "docs", "journal", "observe", "observe/logging", "observe/report", "observe/tracing", "replay", "town", "verbs", "wire"}, []string{"cli", "client", "journal/memory", "journal/sqlite", "observe/sentrytest", "runtime/process", "server"},
		"HTTP in front of the controller; its tests run a whole server, or its parts on a fake clock, and look whether every route has a command"},
	{"internal/web", []string{"auth", "controller", "journal", "replay", "town", "wire"}, []string{"cli", "client", "demo", "journal/memory", "server"},
		"pages in front of the controller and the history; its tests run them in a browser, on a whole server too"},
	{"internal/client", []string{"controller", "town", "wire"}, []string{"server"}, "the other end of the API; of the controller it takes the type of a status"},
	{"internal/server", []string{
		"api", "auth", "controller", "effect", "git", "journal", "journal/sqlite", "observe", "observe/report", "observe/tracing", "runtime", "runtime/process", "town", "web", "wire",
	}, []string{"journal/journaltest", "observe/logging", "observe/otlptest", "observe/sentrytest"}, "it puts the parts of a running server together, and decides nothing"},
	{"internal/backup", []string{"git", "journal", "journal/sqlite", "server", "town"}, nil, "it saves a data folder and makes one, without its server"},
	{"internal/demo", []string{"auth", "client", "git", "server", "town", "wire"}, []string{"cli"},
		"a town to try things out in, driven from outside like any other"},
	{"internal/cli", []string{
		"auth", "backup", "client", "controller", "demo", "deploy", "docs", "git", "observe", "observe/logging", "observe/report", "replay", "runtime/process", "server", "sim", "town", "verbs", "wire",
	}, []string{"observe/sentrytest"}, "a client of the API; our binary is also the server, the supervisor of agents and the refinery, which merges, and it replays bundles without a server"},
	{"internal/lives", nil, []string{"controller", "effect", "git", "journal", "journal/memory", "observe", "runtime", "town"},
		"whole towns on real repositories, in tests alone"},
	{"internal/monitoring", nil, []string{"auth", "cli", "client", "controller", "demo", "docs", "journal", "journal/sqlite", "observe", "runtime", "server", "town", "wire"},
		"it runs real servers with real faults under real alert rules"},
	{"cmd/gastown", []string{"cli"}, nil, "main hands over to the command line and does nothing else"},
}

func TestImportsPointDownwards(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	for _, top := range []string{"cmd", "deploy", "docs", "internal"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(file string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				if d != nil && d.Name() == "testdata" {
					return filepath.SkipDir
				}
				if os.IsNotExist(err) {
					return nil
				}
				return err
			}
			if !strings.HasSuffix(file, ".go") {
				return nil
			}
			name, err := filepath.Rel(root, file)
			if err != nil {
				return err
			}
			src, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			for _, why := range crossings(t, filepath.ToSlash(name), src) {
				t.Error(why)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// crossings lists the imports of a file that its folder must not have.
func crossings(t *testing.T, name string, src []byte) []string {
	t.Helper()
	folder := path.Dir(name)
	i := slices.IndexFunc(borders, func(b border) bool { return b.folder == folder })
	if i < 0 {
		return []string{name + ": the folder " + folder + " is not in the table of borders; enter it, with what it may import and why"}
	}
	b := borders[i]
	may := b.may
	if strings.HasSuffix(name, "_test.go") {
		may = slices.Concat(may, b.tests)
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ImportsOnly)
	if err != nil {
		// A file that does not parse is the compiler's to report.
		return nil
	}
	var out []string
	for _, im := range file.Imports {
		full, err := strconv.Unquote(im.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		ours, isOurs := strings.CutPrefix(full, module)
		if isOurs && ours != folder && !slices.Contains(may, strings.TrimPrefix(ours, "internal/")) {
			out = append(out, name+" imports "+ours+", but "+folder+" may import "+list(may)+" of ours: "+b.because)
		}
	}
	return out
}

func list(folders []string) string {
	if len(folders) == 0 {
		return "nothing"
	}
	return "only " + strings.Join(folders, ", ")
}

func TestCrossingsAreFound(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name, src string
		want      int
	}{
		{"internal/town/a.go", `package town; import "gastown/internal/journal"`, 1},
		{"internal/town/a_test.go", `package town; import "gastown/internal/journal"`, 1},
		{"internal/town/a_test.go", `package town_test; import "gastown/internal/town"`, 0},
		{"internal/controller/a.go", `package controller; import "gastown/internal/journal/sqlite"`, 1},
		{"internal/controller/a_test.go", `package controller; import "gastown/internal/journal/sqlite"`, 0},
		{"internal/effect/a.go", `package effect; import ("fmt"; "gastown/internal/git"; "gastown/internal/api")`, 1},
		{"internal/cli/a.go", `package cli; import "gastown/internal/journal/sqlite"`, 1},
		{"internal/utils/a.go", `package utils`, 1},
	} {
		if got := crossings(t, x.name, []byte(x.src)); len(got) != x.want {
			t.Errorf("%s with %s: %d crossings, want %d: %v", x.name, x.src, len(got), x.want, got)
		}
	}
}

// The table itself points downwards: if it did not, every import in a circle would be allowed.
func TestTheTableHasNoCircle(t *testing.T) {
	t.Parallel()
	may := map[string][]string{}
	for _, b := range borders {
		if b.because == "" {
			t.Errorf("%s has no reason", b.folder)
		}
		if _, err := os.Stat(filepath.Join("..", "..", b.folder)); err != nil {
			t.Errorf("%s is in the table and not in the tree", b.folder)
		}
		name := strings.TrimPrefix(b.folder, "internal/")
		if _, twice := may[name]; twice {
			t.Errorf("%s is in the table twice", b.folder)
		}
		may[name] = b.may
	}
	state := map[string]int{}
	var visit func(at string, trail []string)
	visit = func(at string, trail []string) {
		trail = append(trail, at)
		if state[at] == 1 {
			t.Fatalf("a circle: %s", strings.Join(trail, " → "))
		}
		if state[at] == 2 {
			return
		}
		state[at] = 1
		for _, to := range may[at] {
			if _, known := may[to]; !known {
				t.Errorf("%s may import %s, which is not in the table", at, to)
			}
			visit(to, trail)
		}
		state[at] = 2
	}
	for _, b := range borders {
		visit(strings.TrimPrefix(b.folder, "internal/"), nil)
	}
}
