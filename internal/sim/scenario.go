package sim

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"gastown/internal/town"
)

// scenario writes what a replay did as a file for internal/town/testdata. It has no outputs: running
// the scenarios with -rewrite fills them in.
func scenario(about string, lines []line) string {
	var b strings.Builder
	b.WriteString(comment(about))
	b.WriteString("given\nconfig agents={}\n----\nok\n")
	for _, l := range joined(lines) {
		switch {
		case l.fact != "":
			fmt.Fprintf(&b, "\n# %s\n", l.fact)
			continue
		case l.advance != 0:
			fmt.Fprintf(&b, "\nadvance %s\n----\n", l.advance.Std())
			continue
		case l.asleep != 0:
			fmt.Fprintf(&b, "\nasleep %s\n----\n", l.asleep.Std())
			continue
		case l.crash:
			b.WriteString("\ncrash\n----\n")
			continue
		case len(l.events) == 0:
			b.WriteString("\ntick\n----\n")
			continue
		}
		b.WriteString("\nwhen\n")
		for i := range l.events {
			b.WriteString(eventLines(&l.events[i], l.known[i]))
		}
		b.WriteString("----\n")
	}
	return b.String()
}

// joined makes one advance of several in a row.
func joined(lines []line) []line {
	var out []line
	for _, l := range lines {
		if n := len(out); n > 0 && l.advance != 0 && out[n-1].advance != 0 {
			out[n-1].advance += l.advance
			continue
		}
		out = append(out, l)
	}
	return out
}

// comment wraps a text at a width that reads well.
func comment(text string) string {
	var b strings.Builder
	width := 0
	for _, word := range strings.Fields(text) {
		if width == 0 || width+1+len(word) > 98 {
			if width > 0 {
				b.WriteByte('\n')
			}
			b.WriteString("#")
			width = 1
		}
		b.WriteString(" " + word)
		width += 1 + len(word)
	}
	return b.String() + "\n"
}

// eventLines writes an event in the words of the scenario files.
func eventLines(e *town.Event, known bool) string {
	var b strings.Builder
	b.WriteString(string(e.Type))
	mark := ""
	if !known {
		mark = "!"
	}
	for _, id := range []string{string(e.Agent), string(e.Bead)} {
		if id != "" {
			b.WriteString(" " + mark + id)
		}
	}
	if e.Run != 0 {
		fmt.Fprintf(&b, " run=%d", e.Run)
	}
	switch p := e.Payload.(type) {
	case *town.BeadCreated:
		b.WriteByte('\n')
		for i := range p.Beads {
			b.WriteString("bead" + pairs(&p.Beads[i]) + "\n")
		}
		if p.Convoy != nil {
			b.WriteString("convoy" + pairs(p.Convoy) + "\n")
		}
		return b.String()
	case *town.TownConfigured:
		b.WriteString(pairs(&town.TownConfigured{Name: p.Name, Unset: p.Unset}) + settings(&p.Settings))
	case *town.RigUpdated:
		b.WriteString(pairs(&town.RigUpdated{Rig: p.Rig, URL: p.URL, DefaultBranch: p.DefaultBranch, Credential: p.Credential, Unset: p.Unset}) + settings(&p.Settings))
	case *town.RigAdded:
		b.WriteString(pairs(&town.RigAdded{Rig: p.Rig, URL: p.URL, DefaultBranch: p.DefaultBranch, Credential: p.Credential}) + settings(&p.Settings))
	default:
		b.WriteString(payloadWords(p, e.Created))
	}
	return b.String() + "\n"
}

// payloadWords writes a payload; moments count from that of the event, and what has parts is written
// part by part.
func payloadWords(payload town.Payload, now town.Time) string {
	switch p := payload.(type) {
	case *town.ActivityStopped:
		return " since=" + fromNow(p.Since, now)
	case *town.PRPollFailed:
		c := *p
		c.ResetAt = 0
		return pairs(&c) + resetAt(p.ResetAt, now)
	case *town.PRMergeFailed:
		c := *p
		c.ResetAt = 0
		return pairs(&c) + resetAt(p.ResetAt, now)
	case *town.PRFeedbackDetected:
		c := *p
		c.Comments, c.Checks = nil, nil
		var comments, checks []string
		for _, x := range p.Comments {
			comments = append(comments, strings.Join([]string{x.Author, x.Place, x.Text}, "|"))
		}
		for _, x := range p.Checks {
			checks = append(checks, strings.Join([]string{x.Name, x.Step, x.Log}, "|"))
		}
		return pairs(&c) + listed("comments", comments) + listed("checks", checks)
	}
	return pairs(payload)
}

func listed(key string, items []string) string {
	if len(items) == 0 {
		return ""
	}
	return " " + quoted(key+"="+strings.Join(items, ","))
}

func resetAt(at, now town.Time) string {
	if at == 0 {
		return ""
	}
	return " resetAt=" + fromNow(at, now)
}

// fromNow writes a moment as +5m or -5m.
func fromNow(at, now town.Time) string {
	text := at.Since(now).Std().String()
	if !strings.HasPrefix(text, "-") {
		text = "+" + text
	}
	return text
}

// fields are the fields of a document that are set, by their names in JSON.
func fields(doc any) map[string]any {
	data, err := json.Marshal(doc)
	if err != nil {
		panic(fmt.Sprintf("sim: a payload cannot be written: %v", err))
	}
	m := map[string]any{}
	if err := json.Unmarshal(data, &m); err != nil {
		panic(fmt.Sprintf("sim: a payload cannot be read: %v", err))
	}
	return m
}

// pairs writes what is set of a document as key=value.
func pairs(doc any) string {
	var b strings.Builder
	m := fields(doc)
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if text := value(m[k]); text != "" {
			b.WriteString(" " + quoted(k+"="+text))
		}
	}
	return b.String()
}

// settings writes configuration values; agents are presets.
func settings(s *town.Settings) string {
	var b strings.Builder
	for _, role := range slices.Sorted(maps.Keys(s.Agents)) {
		fmt.Fprintf(&b, " agents.%s=%s", role, s.Agents[role].Preset)
	}
	c := *s
	c.Agents, c.Budget, c.Notify, c.Gates = nil, nil, nil, nil
	if s.Budget != nil {
		fmt.Fprintf(&b, " budget.usd_per_day=%g budget.tokens_per_day=%d", s.Budget.USDPerDay, s.Budget.TokensPerDay)
	}
	if s.Notify != nil {
		fmt.Fprintf(&b, " webhook=%s", strings.Join(s.Notify.Webhooks, ","))
	}
	if s.Gates != nil {
		for _, g := range *s.Gates {
			fmt.Fprintf(&b, " gate=%s", g.Name)
		}
	}
	return b.String() + pairs(&c)
}

func value(v any) string {
	switch v := v.(type) {
	case nil, map[string]any:
		return ""
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		if !v {
			return ""
		}
	case []any:
		var items []string
		for _, it := range v {
			items = append(items, value(it))
		}
		return strings.Join(items, ",")
	}
	return fmt.Sprint(v)
}

func quoted(pair string) string {
	k, v, _ := strings.Cut(pair, "=")
	if strings.ContainsAny(v, " ") {
		return k + `="` + v + `"`
	}
	return pair
}
