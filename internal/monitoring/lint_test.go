package monitoring

import (
	"encoding/json"
	"regexp"
	"slices"
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
		RefID, Expr, LegendFormat, Interval string
		Range, Instant                      bool
		Datasource                          map[string]any
	}
	FieldConfig struct {
		Defaults struct {
			Unit       string
			Links      []struct{ Title, URL string }
			Thresholds struct{ Steps []grafanaStep }
			Mappings   []struct {
				Options map[string]struct{ Text, Color string }
			}
		}
	}
	Options struct {
		Legend *struct {
			ShowLegend bool
		}
	}
}

// grafanaStep is a colour from a value on.
type grafanaStep struct {
	Color string
	Value *float64
}

type grafanaDashboard struct {
	UID           string
	SchemaVersion int
	Editable      bool
	Panels        []grafanaPanel
	Templating    struct {
		List []grafanaVariable
	}
	Annotations struct {
		List []struct{ Name, Expr string }
	}
}

type grafanaVariable struct {
	Name, Type, Definition string
	Hide                   int
	Query                  any
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
var units = map[string]bool{"short": true, "s": true, "ops": true, "reqps": true, "bytes": true, "percentunit": true, "dateTimeFromNow": true, "cpm": true}

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
	if got, want := strings.Join(vars, ", "), "datasource datasource, job query, instance query, town query, rig query, gastown_url constant"; got != want {
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
		if p.Type != "row" && p.Type != "alertlist" {
			complainOf(p, say)
		}
	}
	return out
}

// fixedRange is that of a rate that does not follow the resolution of the screen.
var fixedRange = regexp.MustCompile(`\b(?:rate|increase)\([^\[\]]*\[(\d+[smhd]|\$__interval)\]`)

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
	complainOfNow(p, say)
	complainOfLinks(p, say)
}

// complainOfNow wants instant queries where a panel shows what is now, and points where it shows how things went.
func complainOfNow(p *grafanaPanel, say func(*grafanaPanel, string)) {
	now := p.Type != "timeseries"
	for _, q := range p.Targets {
		if q.Instant != now || q.Range == now {
			say(p, "it shows the past as the present, or the other way round: "+q.RefID)
		}
		if overTime := regexp.MustCompile(`\b(rate|increase)\(`); overTime.MatchString(q.Expr) && !endsWithServer(q.Expr) {
			say(p, "it shows something of a server that is gone: "+q.Expr)
		}
		if !strings.Contains(q.LegendFormat, "{{instance}}") {
			say(p, "the series of two servers have one name: "+q.LegendFormat)
		}
	}
}

// endsWithServer reports whether an expression over time has no value without its server.
func endsWithServer(expr string) bool {
	return strings.Contains(expr, "up{"+chosen+"} == 1") || strings.HasSuffix(expr, "and on (job, instance) gastown_build_info{"+chosen+"}")
}

// complainOfLinks wants the series of a town to lead to the replay of the clicked moment, or of the time shown where
// nothing that can be clicked has a moment.
func complainOfLinks(p *grafanaPanel, say func(*grafanaPanel, string)) {
	from := "${__from:date:iso}"
	if p.Type == "timeseries" {
		from = "${__value.time:date:iso}"
	}
	replay := "${gastown_url}/towns/${__field.labels.town}/replay?from=" + from + "&to=${__to:date:iso}"
	byTown, links := false, p.FieldConfig.Defaults.Links
	for _, q := range p.Targets {
		byTown = byTown || strings.Contains(q.LegendFormat, "{{town}}")
	}
	if byTown && (len(links) != 1 || links[0].URL != replay) {
		say(p, "no link leads to the replay of the moment")
	}
	for _, q := range p.Targets {
		labelled := strings.Contains(q.LegendFormat, "{{town}}")
		if byTown != labelled || labelled && !regexp.MustCompile(`\bby \(instance, town\b`).MatchString(q.Expr) {
			say(p, "the link needs the label town: "+q.LegendFormat)
		}
	}
	if !byTown && len(links) != 0 {
		say(p, "a link leads to the replay of no town")
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
		func(p *grafanaPanel) { p.ID = 0 },
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
		func(p *grafanaPanel) {
			l := &p.FieldConfig.Defaults.Links[0]
			l.URL = strings.Replace(l.URL, "__value.time", "__from", 1)
		},
		func(p *grafanaPanel) { p.Targets[0].Instant, p.Targets[0].Range = true, false },
		func(p *grafanaPanel) { p.Targets[0].LegendFormat = "{{town}}" },
		func(p *grafanaPanel) {
			p.Targets[0].Expr = strings.ReplaceAll(p.Targets[0].Expr, " == 1", "")
		},
	} {
		d := dashboard(t)
		first := slices.IndexFunc(d.Panels, func(p grafanaPanel) bool { return p.Title == "Reconciler" })
		d.Panels = d.Panels[first : first+2]
		if why := complaints(d.Panels); len(why) > 0 {
			t.Fatalf("a good panel does not pass: %v", why)
		}
		change(&d.Panels[1])
		if len(complaints(d.Panels)) == 0 {
			t.Errorf("a panel passes that should not: %+v", d.Panels[1])
		}
	}
}

// at is the colour that a panel gives a value by its thresholds.
func (p *grafanaPanel) at(value float64) string {
	colour := ""
	for _, s := range p.FieldConfig.Defaults.Thresholds.Steps {
		if s.Value == nil || value >= *s.Value {
			colour = s.Color
		}
	}
	return colour
}

// A panel is red where the rule begins that belongs to it, and not before.
func TestPanelsTurnRed(t *testing.T) {
	t.Parallel()
	panels := map[string]*grafanaPanel{}
	d := dashboard(t)
	for i := range d.Panels {
		panels[d.Panels[i].Title] = &d.Panels[i]
	}
	for title, values := range map[string][2]float64{
		"Pending events": {50, 51}, "Pending": {50, 51}, "Invariant violations": {0, 1}, "Violations": {0, 1}, "Needs a person": {0, 1},
		"Server": {1, 0}, "Reconciler wall clock": {0.499, 0.501}, "Since the last tick, in intervals": {2.9, 3.1},
	} {
		p := panels[title]
		if good, bad := p.at(values[0]), p.at(values[1]); good != "green" || bad != "red" {
			t.Errorf("%s is %s at %v and %s at %v", title, good, values[0], bad, values[1])
		}
	}
	if m := panels["Server"].FieldConfig.Defaults.Mappings; len(m) != 1 ||
		m[0].Options["0"].Text+m[0].Options["0"].Color != "DOWNred" || m[0].Options["1"].Text+m[0].Options["1"].Color != "UPgreen" {
		t.Errorf("Server says %v", m)
	}
}

// What one looks at first is first, and then what the reconciler does.
func TestTheOverviewIsFirst(t *testing.T) {
	t.Parallel()
	d := dashboard(t)
	var titles []string
	for _, p := range d.Panels[:14] {
		titles = append(titles, p.Type+" "+p.Title)
	}
	want := []string{
		"row Overview", "stat Server", "stat Towns that move", "stat Violations", "stat Pending", "stat Needs a person", "alertlist Firing alerts",
		"row Reconciler", "timeseries Events drained per tick", "timeseries Actions emitted per tick by type", "timeseries Side effects",
		"timeseries Reconciler wall clock", "stat Invariant violations", "gauge Pending events",
	}
	if !slices.Equal(titles, want) {
		t.Errorf("the first panels are %q", titles)
	}
	var marks []string
	for _, a := range d.Annotations.List {
		marks = append(marks, a.Name)
	}
	if got := strings.Join(marks, ", "); got != "Annotations & Alerts, Firing alerts, Starts of servers" {
		t.Errorf("the graphs are marked with %s", got)
	}
}

// The server's address is in one place of the file, and nobody is asked for it.
func TestLinksHaveOneAddress(t *testing.T) {
	t.Parallel()
	d := dashboard(t)
	i := slices.IndexFunc(d.Templating.List, func(v grafanaVariable) bool { return v.Name == gastownURL })
	if v := d.Templating.List[i]; v.Hide != 2 || v.Query != defaultURL {
		t.Errorf("the address is %+v", v)
	}
	text := string(read(t, dashboardFile))
	for _, link := range regexp.MustCompile(`"url": "([^"]*)"`).FindAllStringSubmatch(text, -1) {
		if !strings.HasPrefix(link[1], "${gastown_url}/") {
			t.Errorf("a link leads elsewhere: %s", link[1])
		}
	}
}
