package monitoring

import (
	"encoding/json"
	"errors"
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
