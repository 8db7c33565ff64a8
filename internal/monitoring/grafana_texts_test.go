package monitoring

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"text/template"
	"time"

	"go.yaml.in/yaml/v3"
)

// grafanaFunctions are those that Grafana's reference of annotations lists besides Go's own. The ones that no text of
// ours uses are known by name and refuse to run: who begins to use one writes it here.
func grafanaFunctions() template.FuncMap {
	out := template.FuncMap{
		"humanizeDuration": humanizeDuration,
		"title":            func(s string) string { return strings.ToUpper(s[:1]) + s[1:] },
		"toUpper":          strings.ToUpper,
		"toLower":          strings.ToLower,
		"match":            regexp.MatchString,
		"reReplaceAll": func(pattern, by, s string) string {
			return regexp.MustCompile(pattern).ReplaceAllString(s, by)
		},
	}
	for _, name := range []string{
		"humanize", "humanize1024", "humanizePercentage", "humanizeTimestamp", "toTime", "stripPort", "stripDomain", "graphLink", "tableLink",
		"parseDuration", "args", "safeHtml", "externalURL", "pathPrefix", "filterLabels", "filterLabelsRe", "removeLabels", "removeLabelsRe",
		"mergeLabelValues",
	} {
		out[name] = func(...any) (string, error) { return "", errors.New("this test has no function " + name) }
	}
	return out
}

func humanizeDuration(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	if math.Abs(seconds) < 1 {
		return fmt.Sprintf("%.4gms", seconds*1000)
	}
	out := ""
	for _, unit := range []struct {
		of   time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}} {
		if n := d / unit.of; n > 0 || out != "" {
			out += fmt.Sprint(int(n), unit.name, " ")
			d %= unit.of
		}
	}
	return out + fmt.Sprint(int(d/time.Second), "s")
}

// grafanaValue is a value of $values.
type grafanaValue struct {
	Labels map[string]string
	Value  float64
}

// rendered is what Grafana makes of an annotation: the three variables before it, missing ones shown, in its own marks.
func rendered(text string, labels map[string]string, value float64) (string, error) {
	const variables = "{{- $labels := .Labels -}}{{- $values := .Values -}}{{- $value := .Value -}}"
	tmpl, err := template.New("annotation").Funcs(grafanaFunctions()).Option("missingkey=invalid").Parse(variables + text)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	err = tmpl.Execute(&out, map[string]any{
		"Labels": labels, "Value": fmt.Sprint(value),
		"Values": map[string]grafanaValue{"A": {labels, value}, "B": {labels, 1}},
	})
	return strings.ReplaceAll(out.String(), "<no value>", "[no value]"), err
}

// badText says what is wrong with a text that people would read.
func badText(text string) string {
	switch {
	case strings.TrimSpace(text) == "":
		return "it is empty"
	case strings.Contains(text, "[no value]"):
		return "a variable is missing"
	case strings.ContainsAny(text, "${}<>"):
		return "something was not filled in"
	case strings.Contains(text, "  "), strings.Contains(text, " ."):
		return "a word is missing"
	}
	return ""
}

// firingCase is an alert that fires in the tests of the rules, with what it says there.
type firingCase struct {
	alert         string
	labels, notes map[string]string
}

// firingCases are those of the tests of the rules.
func firingCases(t testing.TB) []firingCase {
	t.Helper()
	var file struct {
		Tests []struct {
			Rules []struct {
				Alert  string `yaml:"alertname"`
				Alerts []struct {
					Labels map[string]string `yaml:"exp_labels"`
					Notes  map[string]string `yaml:"exp_annotations"`
				} `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		}
	}
	if err := yaml.Unmarshal(read(t, "deploy/prometheus/gastown.rules.test.yml"), &file); err != nil {
		t.Fatal(err)
	}
	var out []firingCase
	for _, x := range file.Tests {
		for _, r := range x.Rules {
			for _, a := range r.Alerts {
				delete(a.Labels, "severity") // the rule's own, which are not among a query's
				out = append(out, firingCase{r.Alert, a.Labels, a.Notes})
			}
		}
	}
	return out
}

// Every text of every Grafana-managed alert, with the labels of every way in which it fires, reads as Prometheus says
// it, and its links lead to the server that it is about: one that has the label for it, or the only one.
func TestGrafanaRendersEveryText(t *testing.T) {
	t.Parallel()
	rules := map[string]grafanaRule{}
	for _, r := range grafanaRules(t) {
		rules[r.Title] = r
	}
	seen := map[string]bool{}
	for _, c := range firingCases(t) {
		seen[c.alert] = true
		for key, text := range rules[c.alert].Annotations {
			if strings.Contains(text, "${") || strings.Contains(text, "$$") {
				t.Errorf("%s: %s has what some release of Grafana fills in or shows: %s", c.alert, key, text)
			}
			got, err := rendered(text, c.labels, 62.5)
			if err != nil {
				t.Errorf("%s: %s: %v", c.alert, key, err)
				continue
			}
			if why := badText(got); why != "" {
				t.Errorf("%s: %s: %s: %q", c.alert, key, why, got)
			}
			if key == "summary" && got != c.notes[key] {
				t.Errorf("%s: the summary is %q, in Prometheus %q", c.alert, got, c.notes[key])
			}
		}
		c.checkGrafanaLinks(t, rules[c.alert].Annotations)
	}
	for name := range rules {
		if !seen[name] {
			t.Errorf("%s was not rendered", name)
		}
	}
}

func (c *firingCase) checkGrafanaLinks(t *testing.T, notes map[string]string) {
	t.Helper()
	for key, want := range map[string]string{"runbook_url": defaultURL + "/docs/runbooks/" + c.alert + ".html", "replay_url": ""} {
		if key == "replay_url" && c.notes[key] != "" {
			want = defaultURL
			if at := c.labels["gastown_url"]; at != "" {
				want = at
			}
			want += "/towns/" + c.labels["town"] + "/replay"
		}
		got, err := rendered(notes[key], c.labels, 1)
		if _, bad := url.Parse(got); err != nil || bad != nil || got != want {
			t.Errorf("%s: %s is %q, want %q (%v, %v)", c.alert, key, got, want, err, bad)
		}
	}
}

// The check finds what it is for: the faults that the texts once had.
func TestBadTextsAreFound(t *testing.T) {
	t.Parallel()
	labels := map[string]string{"instance": "one:7333"}
	for _, text := range []string{
		"Town {{ $labels.town }} stands still", "{{ $$values.A.Value }} events", "${GASTOWN_URL}/docs", "{{ $externalLabels.gastown_url }}/docs",
		`{{ "vector(1)" | query | first | value }}`, "", "Town on  {{ $labels.instance }}", "for {{ $labels.instance }} .",
	} {
		if got, err := rendered(text, labels, 1); err == nil && badText(got) == "" {
			t.Errorf("%q passes as %q", text, got)
		}
	}
	if got, err := rendered(`{{ $labels.instance }}: {{ $values.A.Value | humanizeDuration }}`, labels, 3723); err != nil || got != "one:7333: 1h 2m 3s" {
		t.Errorf("%q, %v", got, err)
	}
}
