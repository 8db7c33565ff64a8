package controller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"gastown/internal/runtime"
	"gastown/internal/town"
)

// lookEvery is how often the observer looks at running agents. Ends of runs are pushed to it and
// do not wait for that; while no agent runs it does not look at all.
const lookEvery = 5 * time.Second

// Observer merges what the runtime says with heartbeats into one observed status per agent, and
// submits an event only when it differs from the last observed one, which the agent has in the
// town's books.
type Observer struct {
	c   *Controller
	rt  runtime.Runtime
	log *slog.Logger

	mu     sync.Mutex
	heard  map[runtime.Key]time.Time // heartbeats that came in through the API
	wakeup chan struct{}

	// unclear is since when the runtime could not say anything of a run. Only look uses it.
	unclear map[runtime.Key]time.Time
}

// NewObserver returns an observer of the controller's towns. Run starts it.
func NewObserver(c *Controller, rt runtime.Runtime) *Observer {
	return &Observer{c: c, rt: rt, log: c.opts.Log, heard: map[runtime.Key]time.Time{}, wakeup: make(chan struct{}, 1)}
}

// Heartbeat notes that an agent has been heard. Nothing is written.
func (o *Observer) Heartbeat(id town.TownID, agent town.AgentID, run town.Run) {
	history, err := o.c.History(id)
	if err != nil {
		return // the town, and with it the run, is gone
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.heard[runtime.Key{History: string(history), Town: string(id), Agent: string(agent), Run: int64(run)}] = o.c.opts.Now()
}

// Poke has the observer look soon, for example because an agent was started.
func (o *Observer) Poke() {
	select {
	case o.wakeup <- struct{}{}:
	default:
	}
}

// Run observes until ctx ends.
func (o *Observer) Run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case r, ok := <-o.rt.Exits():
			if !ok {
				return
			}
			o.ended(ctx, r)
			continue
		case <-o.wakeup:
		case <-timer.C:
		}
		if o.look(ctx) {
			timer.Reset(lookEvery)
		}
	}
}

// ended submits the end of a run and lets the runtime forget it once that is durable.
func (o *Observer) ended(ctx context.Context, r runtime.Report) {
	if o.foreign(r.Key) {
		o.forget(ctx, r.Key)
		return
	}
	id := town.TownID(r.Town)
	code, done := r.ExitCode, completion(r)
	ev := town.Event{Agent: town.AgentID(r.Agent), Run: town.Run(r.Run), By: "observer"}
	status, completed := ev, ev
	status.Type, status.Payload = "container_status", &town.ContainerStatus{Status: town.Exited, ExitCode: &code, Reason: r.Reason}
	completed.Type, completed.Payload = "agent_completed", done
	if !o.submit(ctx, id, status, completed) {
		return
	}
	o.mu.Lock()
	delete(o.heard, r.Key)
	o.mu.Unlock()
	o.forget(ctx, r.Key)
}

func (o *Observer) forget(ctx context.Context, key runtime.Key) {
	if err := o.rt.Forget(ctx, key); err != nil {
		o.log.Warn("an ended run was not forgotten; it will be reported again", "run", key.String(), "err", err)
	}
}

// foreign reports whether a run is of another history than its town's, or of no town: of a former life of this data
// folder, from which an older copy was put back. Nothing that it comes to is news of a run of the town.
func (o *Observer) foreign(key runtime.Key) bool {
	history, err := o.c.History(town.TownID(key.Town))
	return errors.Is(err, ErrNoTown) || err == nil && string(history) != key.History
}

// EndForeign stops the runs of other histories and returns when none is left. It is called before any town's loop
// carries anything out: such a run may be at work in the workspace of a bead that is to be started again.
func (o *Observer) EndForeign(ctx context.Context) error {
	reports, err := o.rt.List(ctx)
	if err != nil {
		return fmt.Errorf("cannot look for runs of other histories: %w", err)
	}
	failed := make([]error, len(reports))
	var wait sync.WaitGroup
	for i := range reports {
		key := reports[i].Key
		if !o.foreign(key) || reports[i].State == runtime.StateExited {
			continue
		}
		o.log.Warn("a run of another history is stopped", "town", key.Town, "agent", key.Agent, "run", key.Run, "history", key.History)
		wait.Go(func() { failed[i] = o.rt.Stop(ctx, key) })
	}
	wait.Wait()
	return errors.Join(failed...)
}

// completion is how a run ended. One that lost its supervisor (with its host, most often) was not the
// agent's failure.
func completion(r runtime.Report) *town.AgentCompleted {
	done := &town.AgentCompleted{Result: town.RunCompleted, Reason: r.Reason, ExitCode: r.ExitCode}
	switch {
	case r.Reason == runtime.ReasonSupervisorLost:
		done.Result = town.RunEvicted
	case r.Signal != "" && r.Reason == "":
		done.Result, done.Reason = town.RunFailed, "its process was ended by signal: "+r.Signal
	case r.ExitCode != 0 || r.Reason != "" || r.Signal != "":
		done.Result = town.RunFailed
	}
	return done
}

// submit reports whether the events are durable, or can never be. It goes on trying while the
// journal has trouble. Every observation passes here on its way into the journal, and is counted when it is there.
func (o *Observer) submit(ctx context.Context, id town.TownID, events ...town.Event) bool {
	for said := false; ; said = true {
		_, err := o.c.Submit(ctx, id, events...)
		switch {
		case err == nil:
			for i := range events {
				if seen, ok := events[i].Payload.(*town.ContainerStatus); ok {
					o.c.opts.Meter.Observed(id, seen.Status, true)
				}
			}
			return true
		case errors.Is(err, ErrNoTown):
			return true
		case ctx.Err() != nil || errors.Is(err, ErrStopping):
			return false
		}
		if !said { // the town's problem says that it lasts
			o.log.Warn("an observation was not recorded; trying again", "town", id, "err", err)
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(retryAlarm):
		}
	}
}

// look compares every agent that may have a process with what the runtime says, and reports
// whether there is any to look at again. One that is being started is not compared yet, but kept in
// mind: its answer may be one that a server before this one had sent, and then nobody pokes.
func (o *Observer) look(ctx context.Context) (again bool) {
	watched := map[town.TownID][]*town.Agent{}
	histories := map[town.TownID]town.History{}
	for _, id := range o.c.Towns() {
		_ = o.c.Read(id, func(s *town.State) {
			histories[id] = s.Town().History
			for _, a := range s.Agents() {
				again = again || a.Process()
				if a.Process() && a.Dispatch != town.DispatchPending {
					watched[id] = append(watched[id], a)
				}
			}
		})
	}
	if len(watched) == 0 {
		return again
	}
	reports, err := o.rt.List(ctx)
	if ctx.Err() != nil {
		return false
	}
	byKey := map[runtime.Key]*runtime.Report{}
	for i := range reports {
		byKey[reports[i].Key] = &reports[i]
	}
	unclear := map[runtime.Key]time.Time{}
	for id, agents := range watched {
		for _, a := range agents {
			key := keyOf(histories[id], id, a)
			r := byKey[key]
			if err != nil || r != nil && r.State == runtime.StateUnknown {
				unclear[key] = o.c.opts.Now()
				if since, before := o.unclear[key]; before {
					unclear[key] = since
				}
				if o.patient(a, unclear[key]) {
					o.c.opts.Meter.Observed(id, town.Unknown, false)
					continue
				}
			}
			o.compare(ctx, key, a, r, err)
		}
	}
	o.unclear = unclear
	return true
}

// patient reports whether it is too early to say that nobody knows how an agent is that was there
// before. Unknown never ends a run, so nothing is lost by waiting for as long as for heartbeats,
// and a runtime that answers every now and then makes no event at each turn.
func (o *Observer) patient(a *town.Agent, since time.Time) bool {
	known := a.Observed == town.Running || a.Observed == town.Unresponsive
	return known && o.c.opts.Now().Sub(since) < town.HeartbeatMissing.Std()
}

// compare submits what is different about one agent. An error of the runtime is not absence.
func (o *Observer) compare(ctx context.Context, key runtime.Key, a *town.Agent, r *runtime.Report, listErr error) {
	id, heard := town.TownID(key.Town), o.lastHeard(key, r)
	silent := !heard.IsZero() && o.c.opts.Now().Sub(heard) >= town.HeartbeatMissing.Std()
	status := town.NotFound
	switch {
	case listErr != nil:
		status = town.Unknown
	case r == nil:
	case r.State == runtime.StateExited:
		return // pushed through Exits, with more to say
	case r.State == runtime.StateUnknown:
		status = town.Unknown
	case r.State == runtime.StateStarting:
		status = town.Starting
	case silent:
		status = town.Unresponsive
	default:
		status = town.Running
	}
	var events []town.Event
	ev := town.Event{Agent: a.ID, Run: a.Run, By: "observer"}
	changed := status != a.Observed
	if changed {
		e := ev
		e.Type, e.Payload = "container_status", &town.ContainerStatus{Status: status}
		events = append(events, e)
	}
	if !changed {
		o.c.opts.Meter.Observed(id, status, false)
	}
	switch {
	case status == town.Unresponsive && a.HeartbeatLost == 0:
		ev.Type, ev.Payload = "heartbeat_lost", &town.HeartbeatLost{}
		events = append(events, ev)
	case status == town.Running && a.HeartbeatLost != 0:
		ev.Type, ev.Payload = "heartbeat_resumed", &town.HeartbeatResumed{}
		events = append(events, ev)
	}
	if p := o.activity(a, status, r); p != nil {
		ev.Type, ev.Payload = p.Type(), p
		events = append(events, ev)
	}
	if len(events) > 0 {
		o.submit(ctx, id, events...)
	}
}

// activity says whether an agent at work has fallen silent or writes again, if that is different from
// what the town knows. A runtime that does not say when it wrote says nothing.
func (o *Observer) activity(a *town.Agent, status town.Observed, r *runtime.Report) town.Payload {
	if status != town.Running || a.Hook == "" || r.Activity.IsZero() {
		return nil
	}
	last := town.TimeOf(r.Activity)
	switch {
	case a.Inactive != 0 && last > a.Inactive:
		return &town.ActivityResumed{}
	case a.Inactive == 0 && o.c.opts.Now().Sub(r.Activity) >= town.ActivityWarn.Std():
		return &town.ActivityStopped{Since: last}
	}
	return nil
}

// keyOf names an agent's current run.
func keyOf(h town.History, id town.TownID, a *town.Agent) runtime.Key {
	return runtime.Key{History: string(h), Town: string(id), Agent: string(a.ID), Run: int64(a.Run)}
}

func (o *Observer) lastHeard(key runtime.Key, r *runtime.Report) time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	heard := o.heard[key]
	if r != nil && r.Heartbeat.After(heard) {
		heard = r.Heartbeat
	}
	return heard
}
