package monitoring

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

const dashboardFile = "deploy/grafana/dashboards/gastown-grafana-dash-1.json"

// schemaVersion is that of the Grafana which deploy/compose.yaml names.
const schemaVersion = 41

// object is a piece of the dashboard as Grafana reads it.
type object = map[string]any

// panel is what is particular to one panel; everything else is alike for all.
type panel struct {
	title, about string
	kind         string // timeseries, stat, gauge, bargauge or alertlist
	unit         string
	width        int // of 24
	queries      []query
	perTick      bool // its windows must have two ticks of a quiet town in them
	stacked      bool // bars on top of each other
	red          float64
	redAbove     bool // red is meant, also if it is zero
	upDown       bool // 1 is UP and everything else a red DOWN
	whole        bool // no decimals
	names        bool // the names of the series are what is shown
	max          float64
	colours      []colour
	limits       map[string]float64 // above which series that end so are red
	noReplay     bool               // what is shown belongs to no town
}

// query is an expression and what its series are called.
type query struct{ expr, legend string }

// row is a heading and what is below it.
type row struct {
	title  string
	height int
	panels []panel
}

// perTickStep is the least time between points of panels that count what ticks do. Grafana takes it for the time
// between scrapes, so that windows are four times as long: three minutes, in which a town that ticks once a minute
// ticks at least twice.
const perTickStep = 45 * time.Second

// source is the data source that the variable names; none is written into a panel.
var source = object{"type": "prometheus", "uid": "${datasource}"}

// replayLink opens what happened from a moment on: the clicked one, where a panel has points. What a panel shows of
// now has no time of its own, and is about the time shown.
func replayLink(kind string) object {
	from := "${__from:date:iso}"
	if kind == "timeseries" {
		from = "${__value.time:date:iso}"
	}
	return object{
		"title": "Replay from this moment", "targetBlank": true,
		"url": "${gastown_url}/towns/${__field.labels.town}/replay?from=" + from + "&to=${__to:date:iso}",
	}
}

func dashboardJSON(t *testing.T) []byte {
	t.Helper()
	panels, id, y := []object{}, 0, 0
	next := func() int { id++; return id }
	for _, r := range rows {
		panels = append(panels, object{
			"id": next(), "type": "row", "title": r.title, "collapsed": false, "panels": []object{},
			"gridPos": object{"x": 0, "y": y, "w": 24, "h": 1},
		})
		y++
		x := 0
		for i := range r.panels {
			p := &r.panels[i]
			if x+p.width > 24 {
				x, y = 0, y+r.height
			}
			at := object{"x": x, "y": y, "w": p.width, "h": r.height}
			panels = append(panels, p.json(next(), at))
			x += p.width
		}
		y += r.height
	}
	data, err := json.MarshalIndent(object{
		"title": "gastown", "uid": "gastown-1", "description": "Made by \"make reference\"; see docs/monitoring.md.",
		"tags": []string{"gastown"}, "schemaVersion": schemaVersion, "version": 1, "editable": false, "graphTooltip": 1,
		"refresh": "30s", "time": object{"from": "now-3h", "to": "now"}, "timezone": "browser", "timepicker": object{},
		"annotations": object{"list": annotations()}, "templating": object{"list": variables()}, "panels": panels,
		"links": []object{{
			"title": "gastown", "type": "link", "url": "${gastown_url}/", "icon": "external link", "targetBlank": true,
			"asDropdown": false, "includeVars": false, "keepTime": false, "tags": []string{}, "tooltip": "The server's own pages",
		}},
	}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(data, '\n')
}

func variables() []object {
	choice := func(name, label, about, values, all string) object {
		return object{
			"type": "query", "name": name, "label": label, "description": about, "datasource": source, "definition": values,
			"query": object{"query": values, "refId": name}, "refresh": 2, "sort": 1, "multi": true, "includeAll": true,
			"allValue": all, "current": object{"selected": true, "text": []string{"All"}, "value": []string{"$__all"}}, "hide": 0, "regex": "", "options": []object{},
		}
	}
	return []object{
		{"type": "datasource", "name": "datasource", "label": "Data source", "query": "prometheus", "refresh": 1, "hide": 0, "regex": "", "multi": false,
			"includeAll": false, "current": object{"text": "default", "value": "default"}, "options": []object{}, "description": "The Prometheus that scrapes gastown"},
		choice("job", "Job", "What Prometheus calls the servers", "label_values(gastown_build_info, job)", ".+"),
		choice("instance", "Instance", "Servers of which each has towns of its own", `label_values(gastown_build_info{job=~"$job"}, instance)`, ".+"),
		choice("town", "Town", "Servers with very many towns have totals alone, which are among All",
			"label_values("+of("gastown_reconciler_ticks_total")+", town)", ".*"),
		choice("rig", "Rig", "For the merge queue", "label_values("+of("gastown_merge_queue_depth", inTown)+", rig)", ".*"),
		{"type": "constant", "name": gastownURL, "label": "gastown at", "description": "Where the links of this dashboard lead", "hide": 2,
			"query": defaultURL, "current": object{"text": defaultURL, "value": defaultURL}, "skipUrlSync": true},
	}
}

// gastownURL is the variable with the address that every link begins with. Nobody types it: it is in the file.
const gastownURL = "gastown_url"

// annotations are what the graphs are marked with: alerts while they fire, and starts of servers.
func annotations() []object {
	query := func(name, colour, expr, title, text string, timed bool) object {
		return object{
			"name": name, "datasource": source, "enable": true, "hide": false, "iconColor": colour, "expr": expr, "step": "30s",
			"titleFormat": title, "textFormat": text, "tagKeys": "severity", "useValueForTime": timed,
		}
	}
	return []object{
		{"builtIn": 1, "name": "Annotations & Alerts", "type": "dashboard", "datasource": object{"type": "grafana", "uid": "-- Grafana --"},
			"enable": true, "hide": true, "iconColor": "rgba(0, 211, 255, 1)"},
		query("Firing alerts", "red", firingAlerts, "{{alertname}}", "{{instance}} {{town}}", false),
		query("Starts of servers", "blue", ours("1000 * "+of("process_start_time_seconds")), "Server started", "{{instance}}", true),
	}
}

// firingAlerts are those of the chosen servers and towns. Some belong to no server that is there, or to no town.
const firingAlerts = `ALERTS{alertstate="firing", alertname!="Watchdog", job=~"$job", instance=~"$instance|", town=~"$town|"}`

// instant reports whether the panel shows what is now, or a number of the whole time shown.
func (p *panel) instant() bool { return p.kind != "timeseries" }

func (p *panel) json(id int, at object) object {
	out := object{
		"id": id, "type": p.kind, "title": p.title, "description": p.about, "gridPos": at, "options": p.options(), "transparent": false,
	}
	if p.kind == "alertlist" {
		return out
	}
	targets := []object{}
	for i, q := range p.queries {
		target := object{
			"refId": string(rune('A' + i)), "datasource": source, "editorMode": "code", "expr": q.expr, "legendFormat": q.legend,
			"range": !p.instant(), "instant": p.instant(), "exemplar": p.unit == "s" && !p.instant(),
		}
		if p.perTick {
			target["interval"] = fmt.Sprint(int(perTickStep.Seconds()), "s")
		}
		targets = append(targets, target)
	}
	out["datasource"], out["targets"] = source, targets
	out["fieldConfig"] = object{"defaults": p.defaults(), "overrides": p.overrides()}
	return out
}

func (p *panel) defaults() object {
	defaults := object{
		"unit": p.unit, "min": 0, "color": object{"mode": "palette-classic"}, "thresholds": p.thresholds(), "custom": object{}, "links": []object{},
	}
	if !p.noReplay {
		defaults["links"] = []object{replayLink(p.kind)}
	}
	if p.whole {
		defaults["decimals"] = 0
	}
	if p.max > 0 {
		defaults["max"] = p.max
	}
	if p.upDown {
		defaults["mappings"] = []object{{"type": "value", "options": object{
			"0": object{"text": "DOWN", "color": "red", "index": 0}, "1": object{"text": "UP", "color": "green", "index": 1},
		}}}
	}
	if p.instant() {
		defaults["color"] = object{"mode": "thresholds"}
	} else {
		defaults["custom"] = p.drawing()
	}
	return defaults
}

// thresholds are green and, above a limit, red.
func (p *panel) thresholds() object {
	switch {
	case p.upDown:
		return limits("red", "green", 1)
	case p.redAbove:
		return limits("green", "red", p.red)
	}
	return object{"mode": "absolute", "steps": []object{{"color": "green", "value": nil}}}
}

func limits(below, above string, limit float64) object {
	return object{"mode": "absolute", "steps": []object{{"color": below, "value": nil}, {"color": above, "value": limit}}}
}

func (p *panel) drawing() object {
	custom := object{
		"drawStyle": "line", "lineWidth": 1, "fillOpacity": 10, "showPoints": "auto", "spanNulls": false, "axisLabel": "", "axisPlacement": "auto",
		"stacking": object{"mode": "none", "group": "A"}, "thresholdsStyle": object{"mode": "off"},
	}
	if p.stacked {
		custom["drawStyle"], custom["fillOpacity"], custom["stacking"] = "bars", 80, object{"mode": "normal", "group": "A"}
	}
	if p.redAbove {
		custom["thresholdsStyle"] = object{"mode": "line"}
	}
	return custom
}

func (p *panel) options() object {
	last := object{"calcs": []string{"lastNotNull"}, "fields": "", "values": false}
	switch p.kind {
	case "timeseries":
		return object{
			"legend":  object{"showLegend": true, "displayMode": "table", "placement": "bottom", "calcs": []string{"mean", "max"}, "sortBy": "Max", "sortDesc": true},
			"tooltip": object{"mode": "multi", "sort": "desc"},
		}
	case "alertlist":
		return object{
			"viewMode": "list", "groupMode": "default", "groupBy": []string{}, "maxItems": 20, "sortOrder": 3, "dashboardAlerts": false,
			"alertName": "", "alertInstanceLabelFilter": `{job=~"${job:regex}"}`, "datasource": "", "showInstances": true, "showInactiveAlerts": false,
			"stateFilter": object{"firing": true, "pending": false, "noData": false, "normal": false, "error": true},
		}
	case "gauge":
		return object{
			"reduceOptions": last, "showThresholdLabels": true, "showThresholdMarkers": true, "orientation": "auto", "sizing": "auto", "minVizWidth": 75, "minVizHeight": 75,
		}
	case "bargauge":
		return object{
			"reduceOptions": last, "displayMode": "basic", "orientation": "horizontal", "showUnfilled": true, "valueMode": "color", "namePlacement": "auto",
			"sizing": "auto", "minVizWidth": 8, "minVizHeight": 16, "maxVizHeight": 300,
			"legend": object{"showLegend": false, "displayMode": "list", "placement": "bottom", "calcs": []string{}},
		}
	}
	mode, text := "value", "auto"
	if p.upDown {
		mode = "background"
	}
	if p.names {
		text = "name"
	}
	return object{
		"reduceOptions": last, "colorMode": mode, "graphMode": "none", "justifyMode": "auto", "textMode": text, "orientation": "auto",
		"wideLayout": true, "showPercentChange": false, "percentChangeColorMode": "standard",
	}
}
