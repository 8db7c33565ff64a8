package monitoring

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// tool runs one of the programs that the Makefile installs.
func tool(t testing.TB, dir string, argv ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", strings.Join(argv, " "), err, out)
	}
	return string(out)
}

// unpacked is a copy of deploy's files where they can be changed for a test.
func unpacked(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(root, "deploy"))); err != nil {
		t.Fatal(err)
	}
	return dir
}

// replace changes texts in a file, each of which must be there.
func replace(t testing.TB, path string, pairs ...string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("%s has no %q", path, pairs[i])
		}
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// The programs that read the files find nothing wrong with them, and every alert does what its tests say.
func TestTheirOwnToolsAreContent(t *testing.T) {
	t.Parallel()
	dir := unpacked(t)
	prometheus := filepath.Join(dir, "prometheus")
	token := filepath.Join(dir, "admin.token")
	if err := os.WriteFile(token, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	replace(t, filepath.Join(prometheus, "prometheus.yml"), "/run/gastown/admin.token", token)
	tool(t, prometheus, "promtool", "check", "config", "prometheus.yml")
	tool(t, prometheus, "promtool", "check", "rules", "--lint=all", "--lint-fatal", "gastown.rules.yml")
	tool(t, prometheus, "promtool", "test", "rules", "gastown.rules.test.yml")
	tool(t, dir, "amtool", "check-config", "alertmanager/alertmanager.yml")
}

// Every alert has a test in which it fires and one in which it is silent.
func TestEveryAlertIsTestedBothWays(t *testing.T) {
	t.Parallel()
	var file struct {
		Tests []struct {
			Name       string
			AlertRules []struct {
				Alert    string           `yaml:"alertname"`
				Expected []map[string]any `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		}
	}
	if err := yaml.Unmarshal(read(t, "deploy/prometheus/gastown.rules.test.yml"), &file); err != nil {
		t.Fatal(err)
	}
	fires, silent := map[string]bool{}, map[string]bool{}
	for _, x := range file.Tests {
		for _, r := range x.AlertRules {
			fires[r.Alert] = fires[r.Alert] || len(r.Expected) > 0
			silent[r.Alert] = silent[r.Alert] || len(r.Expected) == 0
		}
	}
	for _, a := range alerts(t) {
		always := a.Labels["severity"] == "none"
		if !fires[a.Name] || silent[a.Name] == always {
			t.Errorf("%s: a test where it fires: %v, and one where it does not: %v", a.Name, fires[a.Name], silent[a.Name])
		}
	}
}

// compose is what the test looks at of deploy/compose.yaml.
type compose struct {
	Services map[string]struct {
		Image, User string
		Build       struct{ Context, Dockerfile string }
		Command     []string
		Ports       []string
		Volumes     []string
		DependsOn   []string `yaml:"depends_on"`
	}
	Volumes map[string]any
}

// There is no docker here to start it, so what it names is held against what is there.
func TestComposeNamesWhatIsThere(t *testing.T) {
	t.Parallel()
	var c compose
	if err := yaml.Unmarshal(read(t, "deploy/compose.yaml"), &c); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"gastown", "prometheus", "alertmanager", "grafana"} {
		if _, ok := c.Services[want]; !ok {
			t.Errorf("there is no service %s", want)
		}
	}
	for name, s := range c.Services {
		if (s.Image == "") == (s.Build.Dockerfile == "") || strings.HasSuffix(s.Image, "latest") || (s.Image != "" && !strings.Contains(s.Image, ":")) {
			t.Errorf("%s: the image is %q, built from %q", name, s.Image, s.Build.Dockerfile)
		}
		if s.Build.Dockerfile != "" {
			read(t, s.Build.Dockerfile)
		}
		for _, on := range s.DependsOn {
			if _, ok := c.Services[on]; !ok {
				t.Errorf("%s depends on %s, which is no service", name, on)
			}
		}
		for _, p := range s.Ports {
			if !strings.HasPrefix(p, "127.0.0.1:") {
				t.Errorf("%s can be reached by other machines at %s", name, p)
			}
		}
		inside := map[string]string{}
		for _, v := range s.Volumes {
			from, to, _ := strings.Cut(v, ":")
			to = strings.TrimSuffix(to, ":ro")
			inside[to] = from
			if _, known := c.Volumes[from]; strings.HasPrefix(from, "./") {
				if _, err := os.Stat(filepath.Join(root, "deploy", from)); err != nil {
					t.Errorf("%s mounts what is not there: %v", name, err)
				}
			} else if !known {
				t.Errorf("%s mounts the volume %s, which is not listed", name, from)
			}
		}
		for _, arg := range s.Command {
			if _, path, ok := strings.Cut(arg, "=/"); ok && !mounted(inside, "/"+path) {
				t.Errorf("%s: %s lies in nothing that is mounted", name, arg)
			}
		}
	}
}

func mounted(inside map[string]string, path string) bool {
	for to := range inside {
		if path == to || strings.HasPrefix(path, to+"/") {
			return true
		}
	}
	return false
}

// What the parts say of each other fits: names of services, ports, the token and the folder of the dashboard.
func TestThePartsFindEachOther(t *testing.T) {
	t.Parallel()
	has := func(path string, texts ...string) {
		t.Helper()
		have := string(read(t, path))
		for _, text := range texts {
			if !strings.Contains(have, text) {
				t.Errorf("%s has no %q", path, text)
			}
		}
	}
	has("deploy/prometheus/prometheus.yml", "gastown:7333", "alertmanager:9093", "job_name: gastown", "/run/gastown/admin.token", "- gastown.rules.yml",
		"gastown_url: "+defaultURL, "gastown_runbooks_url: "+defaultURL+"/docs/runbooks", "job_name: prometheus", "job_name: alertmanager")
	has("deploy/compose.yaml", "gastown:/run/gastown:ro", "/etc/prometheus/gastown.rules.yml:ro", "./grafana/dashboards:/etc/grafana/dashboards:ro",
		"--web.external-url=http://localhost:9090", "--web.external-url=http://localhost:9093", "GF_SERVER_ROOT_URL: http://localhost:3000")
	has("deploy/grafana/provisioning/dashboards/gastown.yml", "path: /etc/grafana/dashboards")
	has("deploy/grafana/provisioning/datasources/gastown.yml", "uid: gastown-prometheus", "http://prometheus:9090")
	has("deploy/grafana/provisioning/alerting/gastown.yml", "datasourceUid: gastown-prometheus")
	has("deploy/Dockerfile", "EXPOSE 7333", "GASTOWN_HOME=/data", `"0.0.0.0:7333"`)
	// The flags of the image and of the unit are those of the program.
	for _, path := range []string{"deploy/Dockerfile", "deploy/systemd/gastown.service"} {
		out, err := exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0], "up", "--help").CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		words := strings.FieldsFunc(string(read(t, path)), func(r rune) bool { return strings.ContainsRune(" \n\",[]", r) })
		if !slices.Contains(words, "up") {
			t.Errorf("%s runs no server", path)
		}
		for _, flag := range []string{"--no-town", "--public", "--listen", "--log"} {
			if slices.Contains(words, flag) && !strings.Contains(string(out), flag) {
				t.Errorf("%s: gastown up has no %s", path, flag)
			}
		}
	}
}
