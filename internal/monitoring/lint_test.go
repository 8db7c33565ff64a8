package monitoring

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

// grafanaPanel is what the checks look at.
type grafanaPanel struct {
	ID          int             `json:"id"`
	Type        string          `json:"type"`
	Title       string          `json:"title"`
	Description string          `json:"description"`
	Datasource  *map[string]any `json:"datasource"`
	GridPos     struct{ X, Y, W, H int }
	Targets     []struct {
		RefID, Expr, LegendFormat string
		Datasource                map[string]any
	}
	FieldConfig struct {
		Defaults struct {
			Unit  string
			Links []struct{ Title, URL string }
		}
	}
	Options struct {
		Legend *struct {
			ShowLegend bool
		}
	}
}

type grafanaDashboard struct {
	UID           string
	SchemaVersion int
	Editable      bool
	Panels        []grafanaPanel
	Templating    struct {
		List []struct{ Name, Type, Definition string }
	}
}

func dashboard(t testing.TB) grafanaDashboard {
	t.Helper()
	var d grafanaDashboard
	if err := json.Unmarshal(read(t, dashboardFile), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// panelIDs are those of the panels as the list makes them.
func panelIDs(t testing.TB) map[string]int {
	t.Helper()
	ids, id := map[string]int{}, 0
	for _, r := range rows {
		id++
		for _, p := range r.panels {
			id++
			ids[p.title] = id
		}
	}
	return ids
}

// units are those of Grafana that the dashboard uses.
var units = map[string]bool{"short": true, "s": true, "ops": true, "reqps": true, "bytes": true, "percentunit": true, "dateTimeFromNow": true}

func TestDashboardIsClean(t *testing.T) {
	t.Parallel()
	d := dashboard(t)
	if d.UID == "" || d.SchemaVersion != schemaVersion || len(d.Panels) < 40 {
		t.Fatalf("uid %q, schema %d, %d panels", d.UID, d.SchemaVersion, len(d.Panels))
	}
	var vars []string
	for _, v := range d.Templating.List {
		vars = append(vars, v.Name+" "+v.Type)
	}
	if got, want := strings.Join(vars, ", "), "datasource datasource, job query, instance query, town query, rig query, gastown_url textbox"; got != want {
		t.Errorf("the variables are %s, want %s", got, want)
	}
	if d.Editable {
		t.Error("it can be edited, and the next start takes what was edited away")
	}
	for _, why := range complaints(d.Panels) {
		t.Error(why)
	}
}

// complaints is what a linter would say of panels.
func complaints(panels []grafanaPanel) []string {
	var out []string
	ids, titles := map[int]bool{}, map[string]bool{}
	say := func(p *grafanaPanel, why string) { out = append(out, p.Title+": "+why) }
	for i := range panels {
		p := &panels[i]
		if p.ID == 0 || ids[p.ID] {
			say(p, "its id is not its own")
		}
		if p.Title == "" || titles[p.Title] {
			say(p, "its title is not its own")
		}
		ids[p.ID], titles[p.Title] = true, true
		if p.GridPos.W <= 0 || p.GridPos.H <= 0 || p.GridPos.X < 0 || p.GridPos.X+p.GridPos.W > 24 {
			say(p, "it does not fit the grid")
		}
		for j := range panels[:i] {
			a, b := &panels[j].GridPos, &p.GridPos
			if a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
				say(p, "it overlaps "+panels[j].Title)
			}
		}
		if p.Type != "row" {
			complainOf(p, say)
		}
	}
	return out
}

// fixedRange is a range that does not follow the resolution of the screen.
var fixedRange = regexp.MustCompile(`\[(\d+[smhd]|\$__interval)\]`)

func complainOf(p *grafanaPanel, say func(*grafanaPanel, string)) {
	variable := func(ds map[string]any) bool { return ds["type"] == "prometheus" && ds["uid"] == "${datasource}" }
	switch {
	case !strings.HasSuffix(p.Description, "."):
		say(p, "it has no description")
	case !units[p.FieldConfig.Defaults.Unit]:
		say(p, "it has no unit, or one that Grafana may not know: "+p.FieldConfig.Defaults.Unit)
	case p.Datasource == nil || !variable(*p.Datasource):
		say(p, "its data source is written into it")
	case p.Type == "timeseries" && (p.Options.Legend == nil || !p.Options.Legend.ShowLegend):
		say(p, "it shows no legend")
	case len(p.Targets) == 0:
		say(p, "it asks for nothing")
	}
	names := map[string]bool{}
	for _, q := range p.Targets {
		switch {
		case q.RefID == "" || names[q.RefID]:
			say(p, "two queries have one name")
		case q.LegendFormat == "":
			say(p, "a query's series have no name")
		case !variable(q.Datasource):
			say(p, "a query's data source is written into it")
		case fixedRange.MatchString(q.Expr):
			say(p, "a range is fixed, not $__rate_interval: "+q.Expr)
		case regexp.MustCompile(`\b(rate|increase)\(`).MatchString(q.Expr) && !strings.Contains(q.Expr, "$__rate_interval") && !strings.Contains(q.Expr, "$__range"):
			say(p, "a rate has no $__rate_interval: "+q.Expr)
		case !ofChosen(q.Expr):
			say(p, "a metric is not of the chosen servers: "+q.Expr)
		}
		names[q.RefID] = true
	}
	byTown := len(p.Targets) > 0 && strings.Contains(p.Targets[0].Expr, "$town")
	links := p.FieldConfig.Defaults.Links
	if byTown && (len(links) != 1 || !strings.HasPrefix(links[0].URL, "${gastown_url}/towns/${__field.labels.town}/replay?from=${__value.time:date:iso}")) {
		say(p, "no link leads to the replay of the clicked moment")
	}
	for _, q := range p.Targets {
		if byTown && !strings.Contains(q.LegendFormat, "{{town}}") {
			say(p, "the link needs the label town: "+q.LegendFormat)
		}
	}
}

// ofChosen reports whether every metric of an expression is that of the chosen jobs and instances.
func ofChosen(expr string) bool {
	for _, at := range metricName.FindAllStringIndex(expr, -1) {
		if !strings.HasPrefix(expr[at[1]:], "{"+chosen) {
			return false
		}
	}
	return true
}

// The checks find what they are for.
func TestComplaintsAreMade(t *testing.T) {
	t.Parallel()
	for _, change := range []func(*grafanaPanel){
		func(p *grafanaPanel) { p.ID = 1 },
		func(p *grafanaPanel) { p.Title = "Reconciler" },
		func(p *grafanaPanel) { p.Description = "" },
		func(p *grafanaPanel) { p.FieldConfig.Defaults.Unit = "" },
		func(p *grafanaPanel) { p.GridPos.X = 20 },
		func(p *grafanaPanel) { p.GridPos.Y = 0 },
		func(p *grafanaPanel) { *p.Datasource = map[string]any{"type": "prometheus", "uid": "abc"} },
		func(p *grafanaPanel) { p.Options.Legend.ShowLegend = false },
		func(p *grafanaPanel) { p.Targets[0].LegendFormat = "" },
		func(p *grafanaPanel) { p.Targets[0].Expr = "rate(x{town=~\"$town\"}[5m])" },
		func(p *grafanaPanel) {
			p.Targets[0].Expr = strings.ReplaceAll(p.Targets[0].Expr, `, instance=~"$instance"`, "")
		},
		func(p *grafanaPanel) { p.FieldConfig.Defaults.Links = nil },
	} {
		d := dashboard(t)
		d.Panels = d.Panels[:2]
		change(&d.Panels[1])
		if len(complaints(d.Panels)) == 0 {
			t.Errorf("a panel passes that should not: %+v", d.Panels[1])
		}
	}
}
