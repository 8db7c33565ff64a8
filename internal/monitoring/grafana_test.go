package monitoring

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// grafanaRule is a rule as Grafana's provisioning reads it.
type grafanaRule struct {
	UID         string            `yaml:"uid"`
	Title       string            `yaml:"title"`
	Condition   string            `yaml:"condition"`
	Data        []grafanaQuery    `yaml:"data"`
	NoData      string            `yaml:"noDataState"`
	ExecErr     string            `yaml:"execErrState"`
	For         string            `yaml:"for"`
	Annotations map[string]string `yaml:"annotations"`
	Labels      map[string]string `yaml:"labels"`
}

type grafanaQuery struct {
	RefID  string         `yaml:"refId"`
	Range  map[string]int `yaml:"relativeTimeRange"`
	Source string         `yaml:"datasourceUid"`
	Model  map[string]any `yaml:"model"`
}

// panelOf is the panel that an alert's page in Grafana shows; those about Prometheus and Alertmanager have none.
var panelOf = map[string]string{
	"ServerDown": "Server", "ReconcilerStopped": "Since the last tick, in intervals",
	"InvariantViolation": "Violations by invariant", "NoProgress": "Runnable work", "ReconcilerSlow": "Reconciler wall clock", "PendingEvents": "Pending events",
	"SideEffectsFailing": "Failed side effects by kind", "StartsFailing": "Failed side effects by kind",
	"BreakerOpen": "Open breakers", "EventsRejected": "Rejected events by type",
	"MergeQueueStarved": "Longest wait for a merge", "JournalNotWriting": "Commits",
	"Watchdog": "", "PrometheusNotifying": "", "AlertmanagerNotifying": "",
}

// defaultURL is where people reach gastown unless gastown dash export says otherwise.
const defaultURL = "http://localhost:7333"

// elsewhere are texts that ask Prometheus for more than the alert brings along, which Grafana's cannot.
var elsewhere = map[string]string{
	"InvariantViolation description": `Violations of invariant {{ $labels.invariant }} in five minutes, or now: ` +
		`{{ $values.A.Value | printf "%.0f" }}. Most are recovered in the tick that finds them; whether one lasts is on the ` +
		`dashboard. That there was one is a defect all the same, or a damaged record.`,
}

// inGrafana says a text of Prometheus in the words of Grafana. Annotations know no variables but those of the template:
// no environment, no external labels and no queries, so that addresses are written out, and a link to the replay leads
// to the newest ticks instead of those of the moment.
func inGrafana(name, key, text string) string {
	if other, ok := elsewhere[name+" "+key]; ok {
		return other
	}
	text = regexp.MustCompile(`^\{\{ with \$externalLabels.gastown_runbooks_url \}\}.*/docs/runbooks\{\{ end \}\}`).
		ReplaceAllLiteralString(text, defaultURL+"/docs/runbooks")
	text = strings.ReplaceAll(text, "{{ $externalLabels.gastown_url }}", defaultURL)
	text = regexp.MustCompile(`\?from=\{\{ \("vector.*$`).ReplaceAllString(text, "")
	return regexp.MustCompile(`\$value\b`).ReplaceAllLiteralString(text, "$values.A.Value")
}

func grafanaRulesYAML(t *testing.T) []byte {
	t.Helper()
	ids := panelIDs(t)
	var rules []grafanaRule
	for _, a := range alerts(t) {
		notes := map[string]string{}
		panel, known := panelOf[a.Name]
		id, there := ids[panel]
		switch {
		case !known || panel != "" && !there:
			t.Fatalf("panelOf names no panel for %s", a.Name)
		case panel != "":
			notes["__dashboardUid__"], notes["__panelId__"] = "gastown-1", fmt.Sprint(id)
		}
		for k, text := range a.Annotations {
			notes[k] = inGrafana(a.Name, k, text)
		}
		rules = append(rules, grafanaRule{
			UID: "gastown-" + strings.ToLower(a.Name), Title: a.Name, Condition: "B", NoData: "OK", ExecErr: "Error",
			For: a.lasts(), Labels: a.Labels, Annotations: notes,
			Data: []grafanaQuery{
				{RefID: "A", Range: map[string]int{"from": 600, "to": 0}, Source: "gastown-prometheus",
					Model: map[string]any{"refId": "A", "expr": a.Expr, "instant": true, "range": false,
						"datasource": object{"type": "prometheus", "uid": "gastown-prometheus"}}},
				{RefID: "B", Range: map[string]int{"from": 600, "to": 0}, Source: "__expr__", Model: map[string]any{
					"refId": "B", "type": "threshold", "expression": "A", "datasource": object{"type": "__expr__", "uid": "__expr__"},
					"conditions": []map[string]any{{"evaluator": map[string]any{"type": "gt", "params": []int{0}}}},
				}},
			},
		})
	}
	var b bytes.Buffer
	b.WriteString("# Made by \"make reference\" from " + prometheusRulesFile + ". Do not edit.\n" +
		"# An expression returns what is wrong and nothing else, and everything it returns is above zero.\n" +
		"# For Grafana 10.4 to 13.3, by their documentation and source: annotations are templates whose variables have one\n" +
		"# dollar; later releases also fill in ${NAME}, of which there is none. It was not run there.\n" +
		"# Links begin with the label gastown_url of the server, else with the address that gastown dash export --url writes.\n")
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(map[string]any{"apiVersion": 1, "groups": []map[string]any{
		{"orgId": 1, "name": "gastown", "folder": "gastown", "interval": "30s", "rules": rules},
	}}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// lasts is for how long the alert's expression must hold.
func (a *alert) lasts() string {
	if a.For == "" {
		return "0s"
	}
	return a.For
}

func grafanaRules(t testing.TB) []grafanaRule {
	t.Helper()
	var file struct {
		Groups []struct {
			Rules []grafanaRule `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.Unmarshal(read(t, grafanaRulesFile), &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Groups) != 1 {
		t.Fatalf("%d groups", len(file.Groups))
	}
	return file.Groups[0].Rules
}

// TestGrafanaHasTheSameAlerts reads both files: same alerts, in expression, time and severity.
func TestGrafanaHasTheSameAlerts(t *testing.T) {
	t.Parallel()
	want, have := alerts(t), grafanaRules(t)
	if len(have) != len(want) {
		t.Fatalf("Grafana has other alerts: %+v", have)
	}
	for i, g := range have {
		a := want[i]
		if g.Title != a.Name || g.Data[0].Model["expr"] != a.Expr || g.For != a.lasts() || g.Labels["severity"] != a.Labels["severity"] {
			t.Errorf("%s is otherwise in Grafana: %+v", a.Name, g)
		}
	}
}
