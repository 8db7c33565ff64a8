package monitoring

import (
	"errors"
	"maps"
	"net/url"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/alerting"
	"go.yaml.in/yaml/v3"
)

const (
	contactPointsFile = "deploy/grafana/provisioning/alerting/contact-points.yml"
	policiesFile      = "deploy/grafana/provisioning/alerting/policies.yml"
)

// policy is a node of the tree by which Grafana chooses whom to tell.
type policy struct {
	Receiver string
	Matchers [][3]string `yaml:"object_matchers"`
	Routes   []policy
}

// receiver is whom the tree tells of an alert: the first route that matches, else its own.
func (p *policy) receiver(t *testing.T, labels map[string]string) string {
	t.Helper()
	for i := range p.Routes {
		r, matches := &p.Routes[i], true
		for _, m := range r.Matchers {
			if m[1] != "=" {
				t.Fatalf("this test knows no matcher %s", m)
			}
			matches = matches && labels[m[0]] == m[2]
		}
		if matches {
			return r.receiver(t, labels)
		}
	}
	return p.Receiver
}

// Grafana has somebody to tell of every alert: its policies name contact points that the files bring along, each with
// an address, in the form that Grafana describes.
func TestGrafanaTellsSomebody(t *testing.T) {
	t.Parallel()
	var contacts struct {
		Points []struct {
			Org       int64 `yaml:"orgId"`
			Name      string
			Receivers []object
		} `yaml:"contactPoints"`
	}
	if err := yaml.Unmarshal(read(t, contactPointsFile), &contacts); err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, c := range contacts.Points {
		for _, r := range c.Receivers {
			whole := maps.Clone(r)
			whole["name"] = c.Name
			if err := described(whole, new(alerting.ContactPoint)); err != nil {
				t.Errorf("%s: %v", c.Name, err)
			}
			address, _ := r["settings"].(object)["url"].(string)
			if u, err := url.Parse(address); err != nil || u.Scheme != "https" || u.Host == "" || strings.Contains(address, "$") {
				t.Errorf("%s is told at %q (%v)", c.Name, address, err)
			}
			told[c.Name] = c.Org == 1
		}
	}
	var tree struct {
		Policies []yaml.Node
	}
	if err := yaml.Unmarshal(read(t, policiesFile), &tree); err != nil || len(tree.Policies) != 1 {
		t.Fatalf("%d trees (%v)", len(tree.Policies), err)
	}
	var whole object
	var root policy
	if err := errors.Join(tree.Policies[0].Decode(&whole), tree.Policies[0].Decode(&root)); err != nil {
		t.Fatal(err)
	}
	delete(whole, "orgId") // of the file around it
	if err := described(whole, new(alerting.NotificationPolicy)); err != nil {
		t.Error(err)
	}
	for _, a := range alerts(t) {
		labels := map[string]string{"alertname": a.Name, "severity": a.Labels["severity"]}
		want := map[string]string{"critical": "gastown-page", "warning": "gastown-chat", "none": "gastown-watchdog"}[labels["severity"]]
		if got := root.receiver(t, labels); got != want || !told[got] {
			t.Errorf("%s is told to %q, want %q, which is there: %v", a.Name, got, want, told[got])
		}
	}
}
