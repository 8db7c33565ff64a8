package town

import (
	"strings"
	"testing"
)

// The triage agent is told what it is to decide about, what has happened to that, and its options.
func TestTriagePrompt(t *testing.T) {
	t.Parallel()
	p := playground{t: t}
	if err := p.given(`config agents.triage=claude instructions.triage="Be kind."
rig web
bead gt-a1 issue in_progress rig=web title="Paint the door" body="Red, please." checkpoint="The frame is done."
attempt gt-a1 nux run=1 reason="out of paint"
agent toast working rig=web hook=gt-a1 run=2 statusLine=mixing
bead gt-t1 triage_request in_progress rig=web kind=stuck_agent title="toast is silent" about=gt-a1 agent=toast run=2 checkpoint="I think it is the paint."
attempt gt-t1 triage run=3 reason="could not tell"
agent triage triage working hook=gt-t1 run=4
bead gt-x1 message open to=triage`); err != nil {
		t.Fatal(err)
	}
	text := p.s.Prompt(p.s.agents[TriageAgent], p.s.beads["gt-t1"])
	for _, want := range []string{
		"# toast is silent\n", "gt-t1 (stuck_agent)", "gt-a1, issue, is in_progress", "Paint the door", "Red, please.", "The frame is done.",
		"1. nux, run 1, 0s: failed out of paint", "2. toast, run 2: goes on", "toast is working at run 2 (this is about run 2). mixing",
		"1. triage: failed could not tell", "I think it is the paint.", "Be kind.", "1 unread messages", "gastown triage-resolve OPTION",
		"- stop_agent: ", "- nudge: ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the prompt lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "- retry: ") || strings.Contains(text, "git clone") {
		t.Errorf("the prompt offers too much:\n%s", text)
	}
	e := p.s.dispatchEffect(p.s.agents[TriageAgent])
	if d := e.Dispatch; d.Branch != "" || d.Merge != nil || d.Command.Preset != "claude" || d.Prompt != text {
		t.Errorf("it is dispatched with %+v", d)
	}
	for kind, least := range map[TriageKind]Resolution{
		TriageStuckAgent: ResolveStop, TriageCrashLoop: ResolveRetry, TriageMergeConflict: ResolveReopen, TriageHelp: ResolveNudge, TriageEscalation: ResolveHold,
	} {
		options := joinOptions(optionsOf(kind))
		if !strings.Contains(options, string(least)) || !strings.HasSuffix(options, string(ResolveNone)) {
			t.Errorf("a request of kind %s offers %s", kind, options)
		}
		for _, o := range optionsOf(kind) {
			if resolutionDocs[o] == "" {
				t.Errorf("%s is not explained", o)
			}
		}
	}
}
