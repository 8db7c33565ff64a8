package monitoring

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const (
	prometheusRulesFile = "deploy/prometheus/gastown.rules.yml"
	grafanaRulesFile    = "deploy/grafana/provisioning/alerting/gastown.yml"
)

// alert is a rule as Prometheus reads it.
type alert struct {
	Name        string            `yaml:"alert"`
	Record      string            `yaml:"record"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

func alerts(t testing.TB) []alert {
	t.Helper()
	var file struct {
		Groups []struct {
			Rules []alert `yaml:"rules"`
		} `yaml:"groups"`
	}
	dec := yaml.NewDecoder(bytes.NewReader(read(t, prometheusRulesFile)))
	if err := dec.Decode(&file); err != nil {
		t.Fatal(err)
	}
	var out []alert
	for _, g := range file.Groups {
		out = append(out, g.Rules...)
	}
	return out
}

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

// panelOf is the panel that an alert's page in Grafana shows.
var panelOf = map[string]string{
	"ServerDown": "Server", "ReconcilerStopped": "Since the last tick, in intervals", "InvariantViolation": "Violations by invariant",
	"NoProgress": "Runnable work", "ReconcilerSlow": "Reconciler wall clock", "PendingEvents": "Pending events",
	"SideEffectsFailing": "Failed side effects by kind", "StartsFailing": "Failed side effects by kind", "BreakerOpen": "Open breakers", "EventsRejected": "Rejected events by type",
	"MergeQueueStarved": "Longest wait for a merge",
}

// inGrafana says a text of Prometheus in the words of Grafana. The file's own variables begin with a dollar,
// so that those of templates need two. The link to the moment is the panel's there.
func inGrafana(text string) string {
	text = strings.ReplaceAll(text, "{{ $externalLabels.gastown_url }}", "${GASTOWN_URL}")
	return regexp.MustCompile(`\$(value|labels)`).ReplaceAllStringFunc(text, func(v string) string {
		if v == "$value" {
			return "$$values.A.Value"
		}
		return "$" + v
	})
}

func grafanaRulesYAML(t *testing.T) []byte {
	t.Helper()
	ids := panelIDs(t)
	var rules []grafanaRule
	for _, a := range alerts(t) {
		of := a.For
		if of == "" {
			of = "0s"
		}
		id, ok := ids[panelOf[a.Name]]
		if !ok {
			t.Fatalf("panelOf names no panel for %s", a.Name)
		}
		notes := map[string]string{"__dashboardUid__": "gastown-1", "__panelId__": fmt.Sprint(id)}
		for _, k := range []string{"summary", "description", "runbook_url"} {
			notes[k] = inGrafana(a.Annotations[k])
		}
		rules = append(rules, grafanaRule{
			UID: "gastown-" + strings.ToLower(a.Name), Title: a.Name, Condition: "B", NoData: "OK", ExecErr: "Error", For: of,
			Labels: a.Labels, Annotations: notes,
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
		"# An expression returns what is wrong and nothing else, and everything it returns is above zero.\n")
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(map[string]any{"apiVersion": 1, "groups": []map[string]any{
		{"orgId": 1, "name": "gastown", "folder": "gastown", "interval": "30s", "rules": rules},
	}}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestGrafanaHasTheSameAlerts reads both files: same alerts, in expression, time and severity.
func TestGrafanaHasTheSameAlerts(t *testing.T) {
	t.Parallel()
	var file struct {
		Groups []struct {
			Rules []grafanaRule `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.Unmarshal(read(t, grafanaRulesFile), &file); err != nil {
		t.Fatal(err)
	}
	want := alerts(t)
	if len(file.Groups) != 1 || len(file.Groups[0].Rules) != len(want) {
		t.Fatalf("Grafana has other alerts: %+v", file.Groups)
	}
	for i, g := range file.Groups[0].Rules {
		a := want[i]
		of := a.For
		if of == "" {
			of = "0s"
		}
		if g.Title != a.Name || g.Data[0].Model["expr"] != a.Expr || g.For != of || g.Labels["severity"] != a.Labels["severity"] {
			t.Errorf("%s is otherwise in Grafana: %+v", a.Name, g)
		}
		for k, text := range g.Annotations {
			if left := regexp.MustCompile(`\$[a-z]`).FindAllStringIndex(strings.ReplaceAll(text, "$$", ""), -1); left != nil {
				t.Errorf("%s of %s has a dollar that Grafana would take for a variable of the file: %s", k, a.Name, text)
			}
		}
	}
}
