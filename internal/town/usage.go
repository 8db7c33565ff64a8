package town

import "fmt"

// Budget is what the agents of a town may consume in a day; zero is no limit.
type Budget struct {
	USDPerDay    float64 `json:"usd_per_day,omitempty"`
	TokensPerDay int64   `json:"tokens_per_day,omitempty" doc:"Tokens in and out; cached ones are not counted."`
}

func (b *Budget) validate() error {
	switch {
	case b == nil:
	case b.USDPerDay < 0 || b.USDPerDay > 1e9:
		return &FieldError{"budget.usd_per_day", fmt.Sprintf("is %v, must be from 0 (no limit) to 1000000000", b.USDPerDay)}
	case b.TokensPerDay < 0:
		return &FieldError{"budget.tokens_per_day", fmt.Sprintf("is %d, must not be negative; 0 is no limit", b.TokensPerDay)}
	}
	return nil
}

// Usage is what the agents of the town have consumed in a day.
type Usage struct {
	Day Time `json:"day"` // its midnight, UTC
	// Tokens counts those in and out; Cached those that were read from the provider's cache.
	Tokens int64 `json:"tokens"`
	Cached int64 `json:"cached"`
	Micros int64 `json:"micros"` // the cost in millionths of a dollar
}

// day is a day of UTC, which has no leap of any kind.
const day = 24 * Hour

func dayOf(now Time) Time { return now - now%Time(day) }

func (u *Usage) ref() ref { return ref{KindUsage, "usage"} }

func (u *Usage) code(c *coder) {
	codeInt(c, &u.Day)
	codeInt(c, &u.Tokens)
	codeInt(c, &u.Cached)
	codeInt(c, &u.Micros)
}

// microsOf converts dollars. The conversion of the product keeps a processor from fusing it with the
// sum, which would round otherwise on another machine.
func microsOf(usd float64) int64 { return int64(float64(usd*1e6) + 0.5) }

// usd prints millionths of a dollar.
func usd(micros int64) string { return fmt.Sprintf("%.2f USD", float64(micros)/1e6) }

// spent says which limit of the day's budget is reached, or "".
func (s *State) spent(now Time) string {
	b, u := s.config("").Budget, s.usage
	switch {
	case u == nil || u.Day != dayOf(now):
	case b.USDPerDay > 0 && u.Micros >= microsOf(b.USDPerDay):
		return fmt.Sprintf("%s of the day's %.2f USD are spent (budget.usd_per_day)", usd(u.Micros), b.USDPerDay)
	case b.TokensPerDay > 0 && u.Tokens >= b.TokensPerDay:
		return fmt.Sprintf("%d of the day's %d tokens are used (budget.tokens_per_day)", u.Tokens, b.TokensPerDay)
	}
	return ""
}

func (s *State) budgetWait(now Time) *Wait {
	if why := s.spent(now); why != "" {
		return &Wait{Code: WaitBudget, Until: dayOf(now).Add(day), Reason: why}
	}
	return nil
}

// budgetCause is what the escalation about a spent budget is made for.
const budgetCause = "budget"

// budgetSpent tells people once a day that the budget is spent.
func budgetSpent(s *State, now Time, _ string) Look {
	u := s.usage
	if u == nil {
		return Look{}
	}
	why, told := s.spent(now), s.noticeOf(Escalation, budgetCause)
	switch {
	case why == "" && told != nil:
		return act(Action{Kind: CloseEscalation, Bead: told.ID, Reason: "the budget is not spent any more"})
	case why == "":
		return Look{}
	case told == nil:
		return act(s.escalate(EscalationPart{Severity: SeverityHigh, Category: "budget", Cause: budgetCause, Standing: true},
			"", "The budget is spent: "+why, "Nothing more is started before midnight UTC. Raise the budget to go on at once.")...)
	}
	return wait(WaitBudget, dayOf(now).Add(day), "", why)
}

// apply counts what a run has consumed, for the town and for the attempt that goes on.
func (p *AgentUsage) apply(t *tick, e *Event) *Refusal {
	a, r := t.atRun(e)
	switch {
	case r != nil:
		return r
	case p.TokensIn < 0 || p.TokensOut < 0 || p.TokensCached < 0:
		return invalid("tokens", "must not be negative")
	case p.CostUSD < 0 || p.CostUSD > 1e6:
		return invalid("costUsd", "is %v, must be from 0 to 1000000", p.CostUSD)
	}
	micros := microsOf(p.CostUSD)
	u := Usage{Day: dayOf(t.now)}
	if t.s.usage != nil && t.s.usage.Day == u.Day {
		u = *t.s.usage
	}
	u.Tokens += p.TokensIn + p.TokensOut
	u.Cached += p.TokensCached
	u.Micros += micros
	t.s.set(u.ref(), &u)
	b := t.s.beads[a.Hook]
	if b == nil {
		return nil
	}
	t.s.editBead(b.ID, t.now, func(b *Bead) {
		if at := b.lastAttempt(); at != nil && at.Run == a.Run {
			at.Tokens += p.TokensIn + p.TokensOut
			at.Micros += micros
		}
	})
	return nil
}
