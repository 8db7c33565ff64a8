package reference

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"testing"

	"gastown/internal/town"
)

// liveTest is the test in internal/server that breaks each invariant in turn. It compares what it ran with what the page
// of invariants names, so that what is named has run.
const liveTest = "TestEveryViolationIsReportedOnce"

// liveTests says for each invariant which test shows that a live server reports it, or why none does, by the tables of
// that test's file.
func liveTests(t *testing.T) map[int]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "server", "invariants_test.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found, out := false, map[int]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			found = found || n.Name.Name == liveTest
		case *ast.CompositeLit:
			table, ok := n.Type.(*ast.MapType)
			if !ok {
				return true
			}
			if key, ok := table.Key.(*ast.Ident); !ok || key.Name != "int" {
				return true
			}
			for _, x := range n.Elts {
				row := x.(*ast.KeyValueExpr)
				number, err := strconv.Atoi(row.Key.(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				out[number] = fmt.Sprintf("`%s/invariant_%d`", liveTest, number)
				if why, ok := row.Value.(*ast.BasicLit); ok {
					if out[number], err = strconv.Unquote(why.Value); err != nil {
						t.Fatal(err)
					}
					out[number] = "none: " + out[number]
				}
			}
		}
		return true
	})
	if !found {
		t.Fatalf("internal/server has no %s", liveTest)
	}
	return out
}

// Every invariant is shown to be reported by a live server, or has the reason why it cannot be.
func TestEveryInvariantHasALiveTest(t *testing.T) {
	t.Parallel()
	shown := liveTests(t)
	for _, inv := range town.Invariants() {
		if shown[inv.Number] == "" {
			t.Errorf("no test of a live server has invariant %d reported: %s", inv.Number, inv.Doc)
		}
	}
	if len(shown) != len(town.Invariants()) {
		t.Errorf("there are %d invariants, and tests of %d", len(town.Invariants()), len(shown))
	}
}
