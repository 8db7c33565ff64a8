package sim

import (
	"fmt"

	"gastown/internal/runtime"
	"gastown/internal/town"
)

// hosts are the places where processes run: one at a time, and another one after a drain.
type hosts struct {
	l        *life
	drains   int
	moves    int
	draining bool
	// broken is why nothing can be started until then, in one rig or in all.
	broken runtime.Class
	rig    town.RigID
	until  town.Time
}

func (h *hosts) instance() string { return fmt.Sprint("host", h.moves+1) }

// drain empties the place where agents run, and makes it ready again, or another one.
func (h *hosts) drain() {
	if h.draining {
		return
	}
	l := h.l
	h.draining = true
	h.drains++
	nonce := fmt.Sprint("drain", h.drains)
	post := func(p town.Payload) { l.server.post(nil, town.Event{By: "observer", Payload: p}) }
	begins := &town.ContainerEviction{Nonce: nonce, Instance: h.instance()}
	post(begins)
	if l.chance(drainRepeated) {
		l.after(l.between(1, 10*town.Minute), func() { post(begins) })
		l.after(l.between(1, town.Minute), func() { post(&town.ContainerReady{Nonce: "none"}) })
	}
	l.after(l.between(town.Second, 3*town.Minute), func() { h.evict(1) })
	l.after(l.between(3*town.Minute, 12*town.Minute), func() {
		h.draining = false
		if l.chance(drainMoves) {
			h.moves++
		}
		ready := &town.ContainerReady{Nonce: nonce}
		if !l.chance(readyLost) {
			post(ready)
		}
		if l.chance(drainRepeated) {
			l.after(l.between(1, 10*town.Minute), func() { post(ready) })
		}
	})
}

// evict takes a part of all processes away.
func (h *hosts) evict(part float64) {
	for _, p := range append([]*process(nil), h.l.runtime.alive...) {
		if h.l.rng.Float64() < part {
			p.result = town.RunEvicted
			h.l.runtime.exit(p, 137, "evicted")
		}
	}
}

// wave is an eviction of some.
func (h *hosts) wave() { h.evict(0.3 + 0.7*h.l.rng.Float64()) }

// breakStarts has no process start for a while, always for the same reason.
func (h *hosts) breakStarts() {
	r := h.l.rng
	h.broken = []runtime.Class{runtime.ClassCommandNotFound, runtime.ClassResources, runtime.ClassInvalid, runtime.ClassInfra}[r.IntN(4)]
	h.rig = ""
	if r.IntN(2) == 0 {
		h.rig = rigName(r.IntN(h.l.opts.Rigs))
	}
	h.until = h.l.now.Add(h.l.between(10*town.Minute, 3*town.Hour))
}

// refuses says why a process cannot be started in a rig, or "".
func (h *hosts) refuses(rig town.RigID) runtime.Class {
	if h.l.now >= h.until || h.rig != "" && h.rig != rig {
		return ""
	}
	return h.broken
}
