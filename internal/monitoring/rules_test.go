package monitoring

import (
	"bytes"
	"regexp"
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

// clause names labels, not metrics.
var clause = regexp.MustCompile(`\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)`)

// asked is what an expression asks for, without the names of labels.
func asked(expr string) string { return clause.ReplaceAllString(expr, "") }

// Whatever adds up keeps the server that an alert is about, and with it where its links lead.
func TestAlertsKeepTheirServer(t *testing.T) {
	t.Parallel()
	for _, a := range alerts(t) {
		for _, by := range regexp.MustCompile(`\bby \(([^)]*)\)`).FindAllStringSubmatch(a.Expr, -1) {
			if !regexp.MustCompile(`^job, instance\b`).MatchString(by[1]) {
				t.Errorf("%s adds up servers: by (%s)", a.Name, by[1])
			}
			about := regexp.MustCompile(`gastown_[a-z_]+_(total|bucket|count|open)`).MatchString(a.Expr)
			if about && !regexp.MustCompile(`^job, instance, gastown_url\b`).MatchString(by[1]) {
				t.Errorf("%s loses where its server is: by (%s)", a.Name, by[1])
			}
		}
	}
}
