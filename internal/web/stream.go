package web

import (
	"fmt"
	"io"
	"net/http"
	"time"

	"gastown/internal/town"
)

// streamIdle is how often a silent stream gets a comment, so that both ends know that it lives.
const streamIdle = 15 * time.Second

// changes tells the script of a page that something has changed, until either end goes away.
func (p *Pages) changes(v *visit) error {
	id := town.TownID(v.r.PathValue("townId"))
	ticks, end, err := p.Controller.Subscribe(id)
	if err != nil {
		return err
	}
	defer end()
	var last town.TickNo
	if err := p.Controller.Read(id, func(st *town.State) { last = st.Tick() }); err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "text/event-stream")
	say := func(no town.TickNo) bool {
		_, err := fmt.Fprintf(v.w, "event: tick\ndata: %d\n\n", no)
		return err == nil && http.NewResponseController(v.w).Flush() == nil
	}
	p.follow(v, ticks, last, say)
	return nil
}

// follow says the number of each tick, beginning with the last one that was, as long as somebody
// listens who is logged in.
func (p *Pages) follow(v *visit, ticks <-chan *town.Tick, last town.TickNo, say func(town.TickNo) bool) {
	if !say(last) {
		return
	}
	idle := time.NewTicker(streamIdle)
	defer idle.Stop()
	for {
		select {
		case <-v.r.Context().Done():
			return
		case <-p.Done:
			return
		case <-idle.C:
			if !p.sessions.lives(v.session) {
				return
			}
			if _, err := io.WriteString(v.w, ": alive\n\n"); err != nil || http.NewResponseController(v.w).Flush() != nil {
				return
			}
		case t, ok := <-ticks:
			if !ok || !say(t.No) {
				return
			}
		}
	}
}
