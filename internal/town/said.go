package town

import (
	"fmt"
	"strconv"
	"strings"
)

// said is what the sender of an event said, on one line as a rule. A payload that is not mentioned
// in this file is shown as it is, so that nothing is left out because it is new.
func said(p Payload) string {
	for _, by := range []func(Payload) (string, bool){saidByPeople, saidByAgents, saidByRuntime, saidByEffects, saidOfPushes, saidOfPulls} {
		if text, known := by(p); known {
			return text
		}
	}
	data, err := EncodePayload(p)
	if err != nil || string(data) == "{}" {
		return ""
	}
	return string(data)
}

func saidByPeople(p Payload) (text string, known bool) {
	switch p := p.(type) {
	case *BeadCreated:
		return "", true // the bead itself has it all
	case *BeadUpdated:
		return p.changes(), true
	case *BeadHeld:
		return p.Reason, true
	case *BeadCancelled:
		return p.Reason, true
	case *ConvoyUpdated:
		return p.changes(), true
	case *ConvoyClosed:
		return p.Reason, true
	case *AgentStopped:
		return p.Reason, true
	case *DependencyAdded:
		return "after " + string(p.On), true
	case *DependencyRemoved:
		return "no longer after " + string(p.On), true
	case *TriageResolved:
		return joined(": ", string(p.Resolution), p.Note), true
	case *NudgeRequested:
		return p.Message, true
	case *MessageSent:
		return "to " + p.To + ": " + p.Subject, true
	}
	return "", false
}

// changes names what the update of a convoy set.
func (p *ConvoyUpdated) changes() string {
	var out []string
	if p.Title != nil {
		out = append(out, "title")
	}
	if p.Body != nil {
		out = append(out, "body")
	}
	if p.MergeMode != nil {
		out = append(out, string(*p.MergeMode))
	}
	for _, id := range p.Add {
		out = append(out, "with "+string(id))
	}
	for _, id := range p.Remove {
		out = append(out, "without "+string(id))
	}
	return strings.Join(out, ", ")
}

func saidByAgents(p Payload) (text string, known bool) {
	switch p := p.(type) {
	case *AgentDone:
		return joined(": ", p.NoChanges, p.PRURL, p.Summary), true
	case *ChangesRequested:
		return p.Feedback, true
	case *AgentCheckpoint:
		return p.Text, true
	case *AgentStatusLine:
		return joined("; runs ", p.Line, strings.Join(p.Tools, ", ")), true
	case *AgentUsage:
		return fmt.Sprintf("%d tokens, %s", p.TokensIn+p.TokensOut, usd(microsOf(p.CostUSD))), true
	case *AgentEscalated:
		return p.Message, true
	}
	return "", false
}

func saidByRuntime(p Payload) (text string, known bool) {
	switch p := p.(type) {
	case *ContainerStatus:
		return joined(": ", string(p.Status), p.Reason), true
	case *AgentCompleted:
		_, _, reason := p.verdict()
		return joined(": ", string(p.Result), reason), true
	case *HistoryRenewed:
		return fmt.Sprintf("tag %s, formerly %s: %s", p.To.Tag(), p.From.Tag(), p.Reason), true
	case *ActivityStopped:
		return "since " + p.Since.String(), true
	}
	return "", false
}

func saidByEffects(p Payload) (text string, known bool) {
	switch p := p.(type) {
	case *DispatchRejected:
		return joined(": ", p.Class, p.Reason), true
	case *DispatchUnknown:
		return p.Reason, true
	case *BranchVerified:
		return p.found(), true
	case *MergeConflicted:
		return "conflicts in " + strings.Join(p.Files, ", "), true
	case *MergeRejected:
		return redGate(p.Gate, p.End, p.Changed), true
	case *GateBroken:
		return redGate(p.Gate, p.End, p.Changed) + " on the target alone", true
	case *MergeFailed:
		return joined(": ", p.Class, p.Reason), true
	case *NudgeArrived:
		return string(p.Nudge), true
	case *NudgeFailed:
		return joined(": ", string(p.Nudge), p.Reason), true
	case *PeopleNotified:
		return joined(": ", "notice "+strconv.Itoa(p.Notice), p.Error), true
	}
	return "", false
}

func saidOfPulls(p Payload) (text string, known bool) {
	switch p := p.(type) {
	case *PRStatusChanged:
		return joined(" at ", string(p.Status), p.Head), true
	case *PRFeedbackDetected:
		return fmt.Sprintf("%d comments, %d failing checks", len(p.Comments), len(p.Checks)), true
	case *PRConflictDetected:
		return "conflicts in " + strings.Join(p.Files, ", "), true
	case *PRConflictCleared:
		return "at " + p.Head, true
	case *PRGreen:
		return "at " + p.Head, true
	case *PRNotGreen:
		return fmt.Sprintf("%d checks run, %d fail, %d comments", p.Running, p.Failing, p.Comments), true
	case *PRPollFailed:
		return joined(": ", string(p.Class), p.Reason), true
	case *PRMergeFailed:
		return joined(": ", string(p.Class), p.Reason), true
	}
	return "", false
}
