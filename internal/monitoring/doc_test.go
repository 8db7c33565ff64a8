// Package monitoring has no code. Its tests make the dashboard and the Grafana-managed rules of deploy from the
// lists here and from the Prometheus rules, hold the files to what their linters would say, and run them against the
// real Prometheus and Alertmanager with real servers and real faults. Run it with -rewrite, or "make reference", after
// a change of a panel or a rule.
package monitoring

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write the dashboard and the Grafana-managed rules anew")

// root is the repository's top folder.
var root = filepath.Join("..", "..")

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestMadeFilesAreFresh(t *testing.T) {
	t.Parallel()
	for path, want := range map[string][]byte{
		dashboardFile:    dashboardJSON(t),
		grafanaRulesFile: grafanaRulesYAML(t),
	} {
		if *rewrite {
			if err := os.WriteFile(filepath.Join(root, path), want, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if string(read(t, path)) != string(want) {
			t.Errorf("%s is not what the lists say now: run make reference", path)
		}
	}
}
