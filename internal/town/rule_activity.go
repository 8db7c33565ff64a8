package town

import (
	"fmt"
	"strings"
)

// The numbers of the rules about silence.
const (
	// ActivityWarn is the silence after which an agent is reminded: models think long, seldom so long.
	ActivityWarn = 15 * Minute
	// ActivityEscalate is the silence after which triage is asked as well.
	ActivityEscalate = Hour
	// ActivityStop is the silence after which the agent is stopped.
	ActivityStop = 2 * Hour
	// maxTools and maxTool bound what an agent says it has running, in number and bytes.
	maxTools = 20
	maxTool  = 100
)

func badTools(tools []string) string {
	if len(tools) > maxTools {
		return fmt.Sprintf("are %d, at most %d", len(tools), maxTools)
	}
	for _, name := range tools {
		if strings.TrimSpace(name) == "" || len(name) > maxTool {
			return fmt.Sprintf("%q: must be from 1 to %d bytes", clip(name, maxTool), maxTool)
		}
	}
	return ""
}

func (p *ActivityStopped) apply(t *tick, e *Event) *Refusal {
	a, r := t.atRun(e)
	switch {
	case r != nil:
		return r
	case p.Since <= 0 || p.Since > t.now:
		return invalid("since", "is not a moment that has been")
	case a.Hook == "" && a.Role != Mayor:
		return ignore("run %d of %s is over", e.Run, a.ID)
	case a.Inactive != 0:
		return ignore("%s is inactive since %s", a.ID, a.Inactive)
	}
	t.s.editAgent(a.ID, func(a *Agent) { a.Inactive = max(p.Since, a.Dispatched) })
	return nil
}

func (p *ActivityResumed) apply(t *tick, e *Event) *Refusal {
	a, r := t.atRun(e)
	switch {
	case r != nil:
		return r
	case a.Inactive == 0:
		return ignore("%s was active before", a.ID)
	}
	t.s.editAgent(a.ID, func(a *Agent) { a.Inactive, a.Asked = 0, 0 })
	return nil
}

// silent reports whether the agent should be writing and does not.
func (s *State) silent(a *Agent) bool {
	return a.Status == Working && a.Inactive != 0 && a.Role != Mayor && !s.draining()
}

// remind nudges a silent agent, once per tier and silence, or says until when it was nudged enough in
// the tier because of another one.
func (s *State) remind(now Time, a *Agent, tier Tier, silence Duration) Look {
	last := s.lastNudge(a.ID, tier)
	switch {
	case last >= a.Inactive.Add(silence):
		return wait(WaitInactive, 0, string(a.ID), "silent, and was nudged")
	case last != 0 && now < last.Add(NudgeLife):
		return wait(WaitInactive, last.Add(NudgeLife), string(a.ID), "silent; was nudged within "+NudgeLife.String())
	}
	text := "You have written nothing for " + silence.String() + ". Go on, finish with `gastown done`, or ask for help with `gastown escalate`."
	return act(Action{
		Kind: CreateNudge, Agent: a.ID, Run: a.Run, Category: string(tier), Title: text, Reason: "silent for " + silence.String(),
	})
}

func activityWarn(s *State, now Time, a *Agent) Look {
	if !s.silent(a) || now >= a.Inactive.Add(ActivityEscalate) {
		return Look{}
	}
	if end := a.Inactive.Add(ActivityWarn); now < end {
		return wait(WaitInactive, end, string(a.ID), "silent; nudged after "+ActivityWarn.String())
	}
	if len(a.ActiveTools) > 0 {
		return wait(WaitInactive, a.Inactive.Add(ActivityEscalate), string(a.ID), "silent, but has "+strings.Join(a.ActiveTools, ", ")+" running")
	}
	return s.remind(now, a, TierWarn, ActivityWarn)
}

func activityEscalate(s *State, now Time, a *Agent) Look {
	if !s.silent(a) {
		return Look{}
	}
	if end := a.Inactive.Add(ActivityEscalate); now < end {
		return wait(WaitInactive, end, string(a.ID), "silent; triage is asked after "+ActivityEscalate.String())
	}
	nudge := s.remind(now, a, TierEscalate, ActivityEscalate)
	if a.Role == Triage || a.Asked != 0 {
		return nudge
	}
	ask := s.askAboutSilence(a, ActivityEscalate)
	if len(nudge.Actions)+len(ask.Actions) > 0 {
		return act(append(nudge.Actions, ask.Actions...)...)
	}
	return ask
}

// activityStop never comes within NudgeLife of the tier before it, however long the silence: after
// a sleep of the host an agent is asked first.
func activityStop(s *State, now Time, a *Agent) Look {
	if !s.silent(a) {
		return Look{}
	}
	end := max(a.Inactive.Add(ActivityStop), s.lastNudge(a.ID, TierEscalate).Add(ActivityStop-ActivityEscalate))
	if now < end {
		return wait(WaitInactive, end, string(a.ID), "silent; stopped after "+ActivityStop.String())
	}
	reason := "silent for " + ActivityStop.String()
	actions := []Action{{Kind: TransitionAgent, Agent: a.ID, Run: a.Run, From: string(Working), To: string(Stalled), Reason: reason}}
	actions = append(actions, stopIfRunning(a, reason)...)
	if a.Role != Triage {
		actions = append(actions, s.askAboutSilence(a, ActivityStop).Actions...)
	}
	return act(actions...)
}

// askAboutSilence has triage look at a silent agent, once per run as long as nothing is decided.
func (s *State) askAboutSilence(a *Agent, silence Duration) Look {
	rig := a.Rig
	if b := s.beads[a.Hook]; b != nil {
		rig = b.Rig
	}
	return s.ask(TriagePart{
		Kind: TriageStuckAgent, Cause: fmt.Sprintf("%s/%s/%d", TriageStuckAgent, a.ID, a.Run), About: a.Hook, Agent: a.ID, Run: a.Run,
	}, rig, fmt.Sprintf("%s is silent on %s", a.ID, a.Hook), string(a.ID)+" has written nothing for "+silence.String())
}
