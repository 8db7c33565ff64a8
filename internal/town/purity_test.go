package town

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// mayImport are the packages that the core may import itself. fmt brings in os below, which is why
// this is about direct imports and about what the source says, not about dependencies.
var mayImport = map[string]string{
	"bytes":           "works on memory",
	"cmp":             "compares",
	"container/heap":  "orders the agenda",
	"crypto/sha256":   "a function of its input",
	"encoding/base32": "works on memory",
	"encoding/binary": "works on memory",
	"encoding/hex":    "works on memory",
	"encoding/json":   "works on memory, with sorted keys",
	"errors":          "makes errors",
	"fmt":             "formats; what prints is refused below",
	"net/url":         "a function of its input",
	"path":            "a function of its input",
	"maps":            "for sorted keys and copies",
	"reflect":         "looks at types, which are the same everywhere",
	"regexp":          "a function of its input",
	"slices":          "sorts",
	"strconv":         "formats and parses",
	"strings":         "works on memory",
	"time":            "for conversions alone; the clock is refused below",
	"unicode":         "a table",
	"unicode/utf8":    "a table",
}

// mustNotUse are selectors of packages above that reach outside.
var mustNotUse = map[string]string{
	"time.Now": "reads the clock: now is an input", "time.Since": "reads the clock: now is an input",
	"time.Until": "reads the clock: now is an input", "time.After": "waits", "time.AfterFunc": "waits",
	"time.Sleep": "waits", "time.Tick": "waits", "time.NewTimer": "waits", "time.NewTicker": "waits",
	"time.Local": "depends on the machine's zone", "time.LoadLocation": "reads files",
	"fmt.Print": "writes", "fmt.Printf": "writes", "fmt.Println": "writes",
	"fmt.Scan": "reads", "fmt.Scanf": "reads", "fmt.Scanln": "reads",
}

func TestTheCoreIsPure(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, why := range impurities(t, name, string(src)) {
			t.Error(why)
		}
	}
}

// impurities lists what a source file does that a pure function must not.
func impurities(t *testing.T, name, src string) []string {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, src, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	report := func(n ast.Node, format string, args ...any) {
		out = append(out, fmt.Sprintf("%s: %s", fset.Position(n.Pos()), fmt.Sprintf(format, args...)))
	}
	for _, im := range file.Imports {
		path, err := strconv.Unquote(im.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		if mayImport[path] == "" {
			report(im, "imports %q, which is not on the list of pure packages; the core is a function of its input alone", path)
		}
		if im.Name != nil {
			report(im, "imports %q under another name, which hides what is used of it", path)
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			report(n, "starts a goroutine: the order of what it does is not given by the input")
		case *ast.ChanType, *ast.SendStmt, *ast.SelectStmt:
			report(n, "uses a channel: there is one goroutine and nobody to talk to")
		case *ast.FuncDecl:
			if n.Name.Name == "init" && n.Recv == nil {
				report(n, "has an init function: nothing happens on import")
			}
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok {
				if why := mustNotUse[x.Name+"."+n.Sel.Name]; why != "" {
					report(n, "uses %s.%s, which %s", x.Name, n.Sel.Name, why)
				}
			}
		}
		return true
	})
	return out
}

func TestImpuritiesAreFound(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`import "os"`, `import "net/http"`, `import "math/rand"`, `import "sync"`, `import clock "time"`,
		"import \"time\"\nvar now = time.Now()", "import \"time\"\nvar d = time.Since(time.Time{})",
		"import \"fmt\"\nfunc f() { fmt.Println() }",
		`func f() { go f() }`, `var c chan int`, `func f(c chan int) { c <- 1 }`, `func f() { select {} }`, `func init() {}`,
	} {
		if len(impurities(t, "x.go", "package town\n"+body)) == 0 {
			t.Errorf("%q passes for pure", body)
		}
	}
	if got := impurities(t, "x.go", "package town\nimport \"time\"\nvar d = time.Second"); len(got) != 0 {
		t.Errorf("a pure file is refused: %v", got)
	}
}
