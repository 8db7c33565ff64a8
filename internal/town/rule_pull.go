package town

import (
	"fmt"
	"strings"
)

// The numbers of the rules about pull requests.
const (
	// PollEvery is the least time between two looks at a pull request: forges count questions.
	PollEvery = 60 * Second
	// AskAgain is how long a question to the forge may stay unanswered, or rests after a failure. It
	// doubles with each in a row, up to AskAgainMax, so that a forge that is away is not pestered.
	AskAgain    = 60 * Second
	AskAgainMax = 30 * Minute
	// MaxForgeRest bounds the rest that a forge asks for: its clock, or ours, may be wrong.
	MaxForgeRest = 24 * Hour
	// MaxUnanswered is how many looks in a row may stay unanswered, about two hours of the server
	// being up, before nobody is taken to look at the pull request any more.
	MaxUnanswered = 8
)

// waitsForPull reports whether the merge request waits for a pull request.
func (b *Bead) waitsForPull() bool {
	return b.Merge != nil && b.Merge.PR != nil && b.Status == InProgress
}

func onPull(look func(*State, Time, *Bead) Look) func(*State, Time, string) Look {
	return onRequest(func(s *State, now Time, b *Bead) Look {
		if !b.waitsForPull() {
			return Look{}
		}
		return look(s, now, b)
	})
}

// strategyOf says how a merge request gets into its target. What goes into a convoy's own branch is
// merged directly: people look at the whole of it when that lands.
func (s *State) strategyOf(mr *Bead) MergeStrategy {
	if mr.Merge.Target != s.repo(mr.Rig).DefaultBranch {
		return StrategyDirect
	}
	return s.config(mr.Rig).MergeStrategy
}

// failPull fails a merge request with its pull request, and its source: doing the work again would
// help nobody.
func (s *State) failPull(b *Bead, code, reason string) Look {
	reason += ", then gastown bead retry " + string(b.ID) + " goes on with " + b.Merge.PR.URL
	actions := []Action{failBead(b, code, reason)}
	switch src := s.beads[b.Merge.Source]; {
	case src == nil:
	case src.Type == Convoy && src.Live():
		actions = append(actions, Action{Kind: FailConvoy, Bead: src.ID, Code: code, Reason: reason})
	case src.Status == InReview:
		actions = append(actions, failBead(src, code, reason))
	}
	return act(actions...)
}

// closeSiblings closes the other live merge requests of a merged one's source.
func (t *tick) closeSiblings(merged *Bead) {
	for _, id := range append([]BeadID(nil), t.s.ix.requestsOf[merged.Merge.Source]...) {
		if mr := t.s.beads[id]; mr.Live() {
			t.moveBead(id, Closed, func(m *Bead) { finish(m, string(OutcomeDone), "") })
		}
	}
}

func pullOrphaned(s *State, now Time, b *Bead) Look {
	q := &b.Merge.PR.Poll
	if q.Asked == 0 || q.Unanswered+1 < MaxUnanswered || now < q.again() {
		return Look{}
	}
	return s.failPull(b, failedOrphaned, fmt.Sprintf("%d looks in a row at its pull request were not answered; see what the server's log says of them", MaxUnanswered))
}

// pullFeedback makes work of what is wanted on a pull request, or says who has to do it.
func pullFeedback(s *State, _ Time, b *Bead) Look {
	pr := b.Merge.PR
	if on := s.openRework(b); on != nil && (on.Live() || pr.needsWork()) {
		if on.Status == Failed {
			return wait(WaitBlockerFailed, 0, string(on.ID), "its rework "+string(on.ID)+" failed: retry that, or remove the dependency on it")
		}
		return wait(WaitBlocked, 0, string(on.ID), "waits for "+string(on.ID)+" on its branch")
	}
	labels, tasks := s.pullWork(b)
	switch {
	case len(labels) == 0 && len(tasks) == 0:
		return Look{}
	case len(labels) == 0:
		return wait(WaitNeedsPerson, 0, pr.URL, strings.Join(tasks, "; "))
	}
	if limit := s.config(b.Rig).MaxDispatchAttempts; b.Merge.Reworks >= limit {
		return s.needsPerson(b, "reworks", fmt.Sprintf("%d reworks have not been enough (max_dispatch_attempts): see to %s yourself", limit, pr.URL))
	}
	return act(Action{Kind: CreateBead, Bead: b.ID, Code: strings.Join(labels, "+"), Reason: pr.wanted(labels)})
}

// needsPerson tells people, once, of a pull request that the town can do no more for, and waits for them.
func (s *State) needsPerson(b *Bead, why, reason string) Look {
	told := s.escalate(EscalationPart{Severity: SeverityHigh, Category: "pull_request", Cause: string(b.ID) + "/" + why, About: b.ID},
		b.Rig, "The pull request of "+string(b.ID)+" needs a person", reason)
	if told != nil {
		return act(told...)
	}
	return wait(WaitNeedsPerson, 0, b.Merge.PR.URL, reason)
}

// openRework returns the work on a merge request's branch that is not done, or nil.
func (s *State) openRework(b *Bead) *Bead {
	for _, d := range s.needs(b.ID, Blocks) {
		if on := s.beads[d.On]; on != nil && on.Status != Closed && on.Rework() {
			return on
		}
	}
	return nil
}

// mergeBlocker returns what a green pull request still waits for, or nil: failed work on its branch
// was not needed for that.
func (s *State) mergeBlocker(b *Bead) *Bead {
	for _, d := range s.needs(b.ID, Blocks) {
		if on := s.beads[d.On]; on != nil && on.Status != Closed && (on.Live() || !on.Rework()) {
			return on
		}
	}
	return nil
}

// pullWork says which labels work on a pull request would have now, and what is left to people.
func (s *State) pullWork(b *Bead) (labels, tasks []string) {
	pr, cfg := b.Merge.PR, s.config(b.Rig)
	add := func(label, what string, auto bool, key string, made BeadID) {
		switch {
		case made != "":
			tasks = append(tasks, fmt.Sprintf("%s was made for %s, is over, and that still stands: see to it at %s", made, what, pr.URL))
		case !auto:
			tasks = append(tasks, fmt.Sprintf("%s is off: see to %s at %s yourself", key, what, pr.URL))
		default:
			labels = append(labels, label)
		}
	}
	if f := pr.Feedback; f != nil {
		add(LabelPRFeedback, f.words(), cfg.AutoResolvePRFeedback, "auto_resolve_pr_feedback", f.Bead)
	}
	if pr.Conflict != 0 {
		add(LabelConflict, "the conflicts with "+b.Merge.Target, cfg.AutoResolveMergeConflicts, "auto_resolve_merge_conflicts", pr.ConflictBead)
	}
	return labels, tasks
}

// wanted says in a few words what work with these labels is for.
func (p *PullPart) wanted(labels []string) string {
	var what []string
	for _, l := range labels {
		if l == LabelConflict {
			what = append(what, "conflicts")
		} else {
			what = append(what, p.Feedback.words())
		}
	}
	return strings.Join(what, " and ") + " on " + p.URL
}

func (f *PullFeedback) words() string {
	return PullCounts{Failing: f.Failing, Comments: f.Comments}.words()
}

// words lists what is missing, "" if nothing is.
func (n PullCounts) words() string {
	var out []string
	for _, x := range []struct {
		n         int
		one, many string
	}{
		{n.Failing, "a failing check", "%d failing checks"},
		{n.Comments, "an unresolved comment", "%d unresolved comments"},
		{n.Running, "a check that runs", "%d checks that run"},
		{n.Unchecked, "a check whose result was not read", "%d checks whose results were not read"},
	} {
		if x.n > 0 {
			out = append(out, amount(x.n, x.one, x.many))
		}
	}
	if n.AwaitingApproval {
		out = append(out, "no approval")
	}
	return strings.Join(out, ", ")
}

func amount(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return fmt.Sprintf(many, n)
}

// makePullWork makes the issue for what is wanted on a pull request; the merge request waits for it.
func (t *tick) makePullWork(a *Action, mr *Bead) string {
	pr := mr.Merge.PR
	if pr == nil {
		return string(mr.ID) + " has no pull request"
	}
	labels := strings.Split(a.Code, "+")
	work := Bead{
		Type: Issue, Title: clip("Resolve "+pr.wanted(labels), maxTitle), Body: clip(pullTask(mr, labels), maxBody), Rig: mr.Rig,
		Parent: mr.Merge.Source, Priority: High, Labels: labels, CreatedBy: a.Rule,
	}
	if mr.Priority == Critical {
		work.Priority = Critical
	}
	made := t.addBead(work)
	t.addDependency(mr.ID, made.ID, Blocks)
	t.s.editBead(mr.ID, t.now, func(m *Bead) {
		m.Merge.Reworks++
		for _, l := range labels {
			if l == LabelConflict {
				m.Merge.PR.ConflictBead = made.ID
				continue
			}
			m.Merge.PR.Feedback.Bead, m.Merge.PR.Feedback.Text = made.ID, ""
		}
	})
	a.Made = made.ID
	return ""
}

// pullTask is the body of that issue.
func pullTask(mr *Bead, labels []string) string {
	var b strings.Builder
	m := mr.Merge
	fmt.Fprintf(&b, "The pull request %s, of branch %s into %s, cannot be merged as it is.\n", m.PR.URL, m.Branch, m.Target)
	for _, l := range labels {
		if l != LabelConflict {
			b.WriteString(m.PR.Feedback.Text)
			continue
		}
		b.WriteString("\n## It has conflicts\n")
		if len(m.PR.ConflictFiles) > 0 {
			fmt.Fprintf(&b, "\n%s\n", bullets(m.PR.ConflictFiles))
		}
		fmt.Fprintf(&b, "\nMerge %s into the branch and solve them, keeping what both sides meant.\n", m.Target)
	}
	return b.String()
}

func autoMerge(s *State, now Time, b *Bead) Look {
	pr, cfg := b.Merge.PR, s.config(b.Rig)
	q := &pr.Merge
	if over := q.over(); over != "" {
		return s.failPull(b, failedPRMerge, over)
	}
	if q.Asked != 0 {
		if again := q.again(); now < again {
			return wait(WaitPullMerge, again, pr.URL, "the forge is asked to merge its pull request")
		}
		if pr.Poll.over() != "" {
			return Look{} // review/poll fails it
		}
		// Looks that are not answered either say nothing against it.
		if w := s.mergeObstacle(b, ""); w != nil {
			return Look{Wait: w}
		}
		return act(Action{Kind: MergePR, Bead: b.ID, Rig: b.Rig, N: q.Try + 1, Reason: "the merge was not answered"})
	}
	if w := s.mergeObstacle(b, pr.unseen()); w != nil {
		return Look{Wait: w}
	}
	if q.Refused >= MaxRefusals {
		return s.needsPerson(b, "refused", fmt.Sprintf("the forge has refused %d times to merge it%s: merge %s yourself", q.Refused, because(q.Reason), pr.URL))
	}
	if end := max(pr.Green.Add(cfg.AutoMergeDelay), q.After); now < end {
		return wait(WaitPullChecks, end, pr.URL, "its pull request is green; merged when it has been for "+cfg.AutoMergeDelay.String()+q.trouble())
	}
	return act(Action{Kind: MergePR, Bead: b.ID, Rig: b.Rig, N: q.Try + 1, Reason: "green for " + cfg.AutoMergeDelay.String()})
}

// mergeObstacle says what keeps a pull request from being merged for longer than the delay, or nil. One
// that cannot be looked at, which unseen says, is not known to be green still.
func (s *State) mergeObstacle(b *Bead, unseen string) *Wait {
	pr := b.Merge.PR
	missing := pr.Counts.words()
	switch on := s.mergeBlocker(b); {
	case on != nil && on.Status == Failed:
		return &Wait{Code: WaitBlockerFailed, On: string(on.ID), Reason: "its blocker " + string(on.ID) + " failed: retry that, or remove the dependency on it"}
	case on != nil:
		return &Wait{Code: WaitBlocked, On: string(on.ID), Reason: "not merged before " + string(on.ID) + " is over"}
	case pr.Awaits != "":
		return &Wait{Code: WaitPullPoll, On: pr.URL, Reason: "waits for its pull request to show " + pr.Awaits}
	case pr.Conflict != 0:
		return &Wait{Code: WaitPullConflict, On: pr.URL, Reason: "its pull request has conflicts with " + b.Merge.Target}
	case pr.Green == 0 && missing == "" && unseen != "":
		return &Wait{Code: WaitPullPoll, On: pr.URL, Reason: unseen}
	case pr.Green == 0 && missing == "":
		return &Wait{Code: WaitPullChecks, On: pr.URL, Reason: "whether its pull request is green is not known yet"}
	case pr.Green == 0:
		return &Wait{Code: WaitPullChecks, On: pr.URL, Reason: "its pull request is not green: " + missing}
	case pr.Counts.AwaitingApproval:
		return &Wait{Code: WaitPullReview, On: pr.URL, Reason: "waits for somebody to approve " + pr.URL}
	case !s.config(b.Rig).AutoMerge:
		return &Wait{Code: WaitPolicy, On: pr.URL, Reason: "auto_merge is off and its pull request green: merge " + pr.URL + " yourself"}
	case unseen != "":
		return &Wait{Code: WaitPullPoll, On: pr.URL, Reason: unseen}
	case s.town.Paused != 0:
		return &Wait{Code: WaitPaused, Reason: "the town is paused" + because(s.town.PausedReason)}
	}
	if src := s.beads[b.Merge.Source]; src != nil && src.Convoy != nil {
		if m := s.tally(src.ID).pending; m != nil {
			return &Wait{Code: WaitBlocked, On: string(m.ID), Reason: "the member " + string(m.ID) + " is " + string(m.Status) + " again, and not in it"}
		}
	}
	return nil
}

// unseen says why what is known of the pull request may be out of date, or "".
func (p *PullPart) unseen() string {
	switch q := &p.Poll; {
	case q.Class != "":
		return "its pull request cannot be looked at" + q.trouble()
	case q.Unanswered > 0:
		return amount(q.Unanswered, "a look at its pull request was", "%d looks at its pull request were") + " not answered"
	}
	return ""
}

func poll(s *State, now Time, b *Bead) Look {
	pr := b.Merge.PR
	q := &pr.Poll
	if over := q.over(); over != "" {
		return s.failPull(b, failedPoll, over)
	}
	ask := Action{Kind: PollPR, Bead: b.ID, Rig: b.Rig, N: q.Try + 1, Reason: "how does " + pr.URL + " stand?"}
	if q.Asked != 0 {
		if again := q.again(); now < again {
			return wait(WaitPullPoll, again, pr.URL, "its pull request is being looked at")
		}
		ask.Reason = "the last look was not answered"
		return act(ask)
	}
	due := q.After
	if q.Try > 0 {
		due = max(due, q.Last.Add(PollEvery))
	}
	if now < due {
		return wait(WaitPullPoll, due, pr.URL, "waits for the next look at its pull request"+q.trouble())
	}
	return act(ask)
}

// trouble says how the question failed last and how often it may.
func (q *Asking) trouble() string {
	f, known := forgeFailure(q.Class)
	if !known {
		return ""
	}
	return fmt.Sprintf("; %s%s (%d of %d in a row)", f.Means, because(q.Reason), max(q.Transient, q.Invalid, q.Refused), f.Limit)
}
