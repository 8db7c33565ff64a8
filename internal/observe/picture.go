package observe

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"gastown/internal/town"
)

// picture is everything that is known of a town at a scrape.
type picture struct {
	name    string
	numbers map[key]float64
	took    histogram
	gates   map[string]*gateTime // by label
}

// at takes the picture. Above the limit of rigs those are not told apart.
func (m *meter) at(now time.Time, rigs int) picture {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := picture{name: m.name, numbers: make(map[key]float64, len(m.counted)+100), took: m.took, gates: copyGates(m.gates)}
	n := p.numbers
	for k, v := range m.counted {
		n[k] = v
	}
	n[key{f: pending}] = float64(m.pending)
	n[key{f: lastTick}] = float64(m.last.UnixMilli()) / 1000
	n[key{f: lastTook}] = m.newest.Seconds()
	n[key{f: loaded}] = float64(m.since.UnixMilli()) / 1000
	n[key{f: tickAge}] = max(now.Sub(m.last), 0).Seconds()
	n[key{f: interval}] = m.every.Seconds()
	n[key{f: runnable}] = float64(m.runnable)
	n[key{f: progress}] = float64(m.moved) / 1000
	for _, inv := range town.Invariants() {
		number := strconv.Itoa(inv.Number)
		n[key{broken, number, ""}] = float64(m.broken[number])
		n[key{atLoad, number, ""}] = m.loaded[number]
	}
	for _, role := range town.Roles() {
		for _, status := range town.AgentStatuses() {
			n[key{agents, string(role), string(status)}] = float64(m.agents[role][status])
		}
	}
	for _, typ := range town.BeadTypes() {
		for _, status := range town.BeadStatuses() {
			n[key{beads, string(typ), string(status)}] = float64(m.beads[typ][status])
		}
	}
	for _, need := range town.Needs() {
		n[key{needs, string(need), ""}] = float64(m.needs[need])
	}
	m.waits(n, now, rigs)
	return p
}

// waits puts in what waits, and for how long.
func (m *meter) waits(n map[key]float64, now time.Time, rigs int) {
	for _, status := range town.BeadStatuses() {
		if !status.Terminal() {
			n[key{stateAge, string(status), ""}] = 0
		}
	}
	for _, w := range m.works {
		k := key{stateAge, string(w.status), ""}
		n[k] = max(n[k], now.Sub(w.since.Std()).Seconds())
	}
	many := len(m.rigs) > rigs
	label := func(rig town.RigID) string {
		if many {
			return ""
		}
		return string(rig)
	}
	for _, r := range m.rigs {
		n[key{depth, label(r.ID), ""}] += float64(m.depth[r.ID])
		n[key{oldest, label(r.ID), ""}] += 0
	}
	for _, w := range m.queued {
		k := key{oldest, label(w.rig), ""}
		n[k] = max(n[k], now.Sub(w.since).Seconds())
	}
	for _, class := range town.TownBreakerClasses() {
		n[key{breaker, "town", class}] = 0
	}
	for k, open := range m.breakers {
		if k.a != "town" && many {
			k.a = "rig"
		}
		n[k] += open
	}
}

// together makes one picture of several towns, which has no town's name.
func together(towns []picture) picture {
	all := picture{numbers: map[key]float64{}, gates: map[string]*gateTime{}}
	late := slices.MaxFunc(towns, func(a, b picture) int { return cmp.Compare(a.overdue(), b.overdue()) })
	for i := range towns {
		p := &towns[i]
		all.took.add(&p.took)
		for _, h := range p.gates {
			addGate(all.gates, "", h)
		}
		for k, v := range p.numbers {
			switch k.f.together {
			case sum:
				if k.f == breaker && k.a != "town" {
					k.a = "rig"
				}
				if k.f == depth || k.f == gateRuns {
					k.a = ""
				}
				all.numbers[k] += v
			case greatest:
				if k.f == oldest {
					k.a = ""
				}
				all.numbers[k] = max(all.numbers[k], v)
			case earliest:
				if before, there := all.numbers[k]; !there || v < before {
					all.numbers[k] = v
				}
			case mostOverdue:
				all.numbers[k] = late.numbers[k]
			}
		}
	}
	all.numbers[key{f: progress}] = leastProgress(towns)
	return all
}

// overdue is how many intervals the town has been without a tick.
func (p *picture) overdue() float64 {
	return p.numbers[key{f: tickAge}] / p.numbers[key{f: interval}]
}

// leastProgress is when the town with runnable work moved last where that is longest ago, else when any did.
func leastProgress(towns []picture) float64 {
	newest, least := 0.0, 0.0
	for i := range towns {
		moved := towns[i].numbers[key{f: progress}]
		newest = max(newest, moved)
		if towns[i].numbers[key{f: runnable}] > 0 && (least == 0 || moved < least) {
			least = moved
		}
	}
	if least != 0 {
		return least
	}
	return newest
}
