package monitoring

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/alerting"
	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	sdk "github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/expr"
	"github.com/grafana/grafana-foundation-sdk/go/gauge"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
	"go.yaml.in/yaml/v3"
)

// strict is a piece of what Grafana reads, in its own description.
type strict interface {
	UnmarshalJSONStrict(data []byte) error
	Validate() error
}

// described returns what is wrong with a piece: fields that Grafana does not know, that are of another type, or that
// are missing.
func described(data any, as strict) error {
	text, err := json.Marshal(data)
	if err != nil {
		return err
	}
	err = as.UnmarshalJSONStrict(text)
	var list cog.BuildErrors
	if errors.As(err, &list) && len(list) == 0 { // which stands for none
		err = nil
	}
	return errors.Join(err, as.Validate())
}

// grafanaKinds makes the options of our kinds of panels known to the description.
func grafanaKinds() *cog.Runtime {
	r := cog.NewRuntime()
	r.RegisterPanelcfgVariant(timeseries.VariantConfig())
	r.RegisterPanelcfgVariant(stat.VariantConfig())
	r.RegisterPanelcfgVariant(gauge.VariantConfig())
	r.RegisterPanelcfgVariant(bargauge.VariantConfig())
	return r
}

// alertList holds the options of a list of alerts to what Grafana 10.4 and 12 read, which the description leaves out.
func alertList(options any) error {
	text, err := json.Marshal(options)
	if err != nil {
		return err
	}
	var known struct {
		ViewMode  string   `json:"viewMode"`
		GroupMode string   `json:"groupMode"`
		GroupBy   []string `json:"groupBy"`
		MaxItems  int      `json:"maxItems"`
		SortOrder int      `json:"sortOrder"`
		Dashboard bool     `json:"dashboardAlerts"`
		Name      string   `json:"alertName"`
		Labels    string   `json:"alertInstanceLabelFilter"`
		Source    string   `json:"datasource"`
		Instances bool     `json:"showInstances"`
		Inactive  bool     `json:"showInactiveAlerts"`
		State     struct {
			Firing  bool `json:"firing"`
			Pending bool `json:"pending"`
			NoData  bool `json:"noData"`
			Normal  bool `json:"normal"`
			Error   bool `json:"error"`
		} `json:"stateFilter"`
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&known); err != nil {
		return err
	}
	if known.ViewMode != "list" || known.GroupMode != "default" || known.SortOrder < 1 || known.SortOrder > 5 || !known.State.Firing {
		return fmt.Errorf("it lists no firing alerts: %+v", known)
	}
	return nil
}

func TestGrafanaKnowsTheDashboard(t *testing.T) {
	t.Parallel()
	kinds := grafanaKinds()
	var whole object
	if err := json.Unmarshal(read(t, dashboardFile), &whole); err != nil {
		t.Fatal(err)
	}
	if err := described(whole, new(sdk.Dashboard)); err != nil {
		t.Error(err)
	}
	for _, p := range whole["panels"].([]any) {
		p := p.(object)
		if p["type"] == "row" {
			continue
		}
		if p["type"] == "alertlist" {
			if err := alertList(p["options"]); err != nil {
				t.Errorf("%s: %v", p["title"], err)
			}
			continue
		}
		if _, known := kinds.ConfigForPanelcfgVariant(p["type"].(string)); !known {
			t.Errorf("the options of %s, a %s, were not looked at", p["title"], p["type"])
		}
		for _, q := range p["targets"].([]any) {
			if err := described(q, new(prometheus.Dataquery)); err != nil {
				t.Errorf("%s: %v", p["title"], err)
			}
		}
	}
}

// The rules of a file get their organisation, folder and group from what is around them.
func TestGrafanaKnowsTheAlerts(t *testing.T) {
	t.Parallel()
	var file struct {
		Groups []struct {
			Org    int64    `yaml:"orgId"`
			Name   string   `yaml:"name"`
			Folder string   `yaml:"folder"`
			Rules  []object `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.Unmarshal(read(t, grafanaRulesFile), &file); err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Groups {
		for _, rule := range g.Rules {
			whole := maps.Clone(rule)
			whole["orgID"], whole["ruleGroup"], whole["folderUID"] = g.Org, g.Name, g.Folder
			question, limit := rule["data"].([]any)[0].(object), rule["data"].([]any)[1].(object)
			if err := errors.Join(
				described(whole, new(alerting.Rule)),
				described(question["model"], new(prometheus.Dataquery)),
				described(limit["model"], new(expr.TypeThreshold)),
			); err != nil {
				t.Errorf("%s: %v", rule["title"], err)
			}
		}
	}
}
