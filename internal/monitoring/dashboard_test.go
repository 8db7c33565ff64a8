package monitoring

import (
	"encoding/json"
	"testing"
)

const dashboardFile = "deploy/grafana/dashboards/gastown-grafana-dash-1.json"

// schemaVersion is that of the Grafana which deploy/compose.yaml names.
const schemaVersion = 41

// object is a piece of the dashboard as Grafana reads it.
type object = map[string]any

// panel is what is particular to one panel; everything else is alike for all.
type panel struct {
	title, about string
	kind         string // timeseries, stat, gauge or bargauge
	unit         string
	width        int // of 24
	queries      []query
	stacked      bool // bars on top of each other
	red          float64
	redAbove     bool // red is meant, also if it is zero
	whole        bool // no decimals
	max          float64
	noReplay     bool // what is shown belongs to no town
}

// query is an expression and what its series are called.
type query struct{ expr, legend string }

// row is a heading and what is below it.
type row struct {
	title  string
	panels []panel
}

const panelHeight = 8

// source is the data source that the variable names; none is written into a panel.
var source = object{"type": "prometheus", "uid": "${datasource}"}

// replayLink opens what happened from the clicked moment on.
var replayLink = object{
	"title":       "Replay from this moment",
	"url":         "${gastown_url}/towns/${__field.labels.town}/replay?from=${__value.time:date:iso}&to=${__to:date:iso}",
	"targetBlank": true,
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
				x, y = 0, y+panelHeight
			}
			at := object{"x": x, "y": y, "w": p.width, "h": panelHeight}
			panels = append(panels, p.json(next(), at))
			x += p.width
		}
		y += panelHeight
	}
	data, err := json.MarshalIndent(object{
		"title": "gastown", "uid": "gastown-1", "description": "Made by \"make reference\"; see docs/monitoring.md.",
		"tags": []string{"gastown"}, "schemaVersion": schemaVersion, "version": 1, "editable": false, "graphTooltip": 1,
		"refresh": "30s", "time": object{"from": "now-3h", "to": "now"}, "timezone": "browser", "timepicker": object{},
		"annotations": object{"list": []object{}}, "templating": object{"list": variables()}, "panels": panels,
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
		{"type": "textbox", "name": "gastown_url", "label": "gastown at", "description": "Where the links of this dashboard lead", "hide": 0,
			"query": "http://localhost:7333", "current": object{"text": "http://localhost:7333", "value": "http://localhost:7333"}, "options": []object{}},
	}
}

func (p *panel) json(id int, at object) object {
	targets := []object{}
	for i, q := range p.queries {
		targets = append(targets, object{
			"refId": string(rune('A' + i)), "datasource": source, "editorMode": "code", "expr": q.expr, "legendFormat": q.legend,
			"range": true, "instant": false, "exemplar": p.unit == "s" && p.kind == "timeseries",
		})
	}
	defaults := object{
		"unit": p.unit, "min": 0, "color": object{"mode": "palette-classic"}, "thresholds": p.thresholds(), "custom": object{}, "links": []object{},
	}
	if !p.noReplay {
		defaults["links"] = []object{replayLink}
	}
	if p.whole {
		defaults["decimals"] = 0
	}
	if p.max > 0 {
		defaults["max"] = p.max
	}
	if p.kind != "timeseries" {
		defaults["color"] = object{"mode": "thresholds"}
	} else {
		defaults["custom"] = p.drawing()
	}
	return object{
		"id": id, "type": p.kind, "title": p.title, "description": p.about, "datasource": source, "gridPos": at, "targets": targets,
		"fieldConfig": object{"defaults": defaults, "overrides": []object{}}, "options": p.options(), "transparent": false,
	}
}

// thresholds are green and, above a limit, red.
func (p *panel) thresholds() object {
	steps := []object{{"color": "green", "value": nil}}
	if p.redAbove {
		steps = append(steps, object{"color": "red", "value": p.red})
	}
	return object{"mode": "absolute", "steps": steps}
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
	return object{
		"reduceOptions": last, "colorMode": "value", "graphMode": "area", "justifyMode": "auto", "textMode": "auto", "orientation": "auto",
		"wideLayout": true, "showPercentChange": false, "percentChangeColorMode": "standard",
	}
}
