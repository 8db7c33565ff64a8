package sim

import (
	"strings"
	"testing"

	"gastown/internal/town"
)

// reviewed is a town whose pull requests get comments.
func reviewed(plant func(*town.State, *town.Tick) (town.BeadID, string)) Options {
	p := only(pullCommented)
	return Options{Seed: 1, Seeds: 1, Time: 4 * town.Hour, Agents: 3, Rigs: 1, profile: &p, Shrink: 200_000, plant: plant}
}

// A story about a pull request can be told again in a few words: that it was opened, looked at and
// commented on.
func TestPullStoriesAreTold(t *testing.T) {
	t.Parallel()
	r := run(t, reviewed(func(_ *town.State, rec *town.Tick) (town.BeadID, string) {
		for i := range rec.Actions {
			if a := &rec.Actions[i]; a.Rule == "review/pr-feedback" {
				return a.Bead, "work was made of comments"
			}
		}
		return "", ""
	}))
	if len(r.Findings) == 0 {
		t.Fatal("nobody comments on a pull request")
	}
	text := r.Findings[0].Scenario
	for _, word := range []string{"prUrl=https://git.example/rig1/pull/", "pr_feedback_detected gt-", "comments=\"bob|main.go:3|Why "} {
		if !strings.Contains(text, word) {
			t.Errorf("the scenario does not say %s; %s\n%s", word, r.Findings[0].Note, text)
		}
	}
	if n := strings.Count(text, "\nwhen\n"); n > 8 {
		t.Errorf("the scenario has %d steps\n%s", n, text)
	}
}

// What the forge is asked is held to its bounds: each of these must be found if it happened.
func TestQuestionsAreChecked(t *testing.T) {
	t.Parallel()
	found := map[string]bool{}
	look := func(s *town.State, rec *town.Tick, about *town.Action, damage func(*checker, *town.Bead)) *Failure {
		c := newChecker(stream(1, 1), nil, nil)
		c.st = s
		damage(c, s.Bead(about.Bead))
		c.questions(s, &town.Tick{At: rec.At, Actions: []town.Action{*about}})
		return c.failure
	}
	expect := func(f *Failure, check string) {
		if f == nil || f.Check != check {
			t.Errorf("%s was not found: %+v", check, f)
		}
		found[check] = true
	}
	sound(t, run(t, reviewed(func(s *town.State, rec *town.Tick) (town.BeadID, string) {
		for i := range rec.Actions {
			switch a := &rec.Actions[i]; a.Kind {
			case town.PollPR:
				expect(look(s, rec, a, func(c *checker, b *town.Bead) { c.ledger.pulls.polled[b.ID] = rec.At.Add(1 - town.PollEvery) }), "poll")
				merge := *a
				merge.Kind = town.MergePR
				if s.Bead(a.Bead).Merge.PR.Green == 0 {
					expect(look(s, rec, &merge, func(*checker, *town.Bead) {}), "merge")
				}
			case town.MergePR:
				expect(look(s, rec, a, func(c *checker, b *town.Bead) { c.ledger.pulls.asked[b.ID] = rec.At.Add(1 - town.AskAgain) }), "merge")
			case town.CreateBead:
				expect(look(s, rec, a, func(c *checker, b *town.Bead) { c.ledger.pulls.status[b.ID] = town.PRMerged }), "feedback")
			}
		}
		return "", ""
	})))
	if len(found) != 3 {
		t.Errorf("only %v came up", found)
	}
}

// Nothing starts where starts are kept back: a dispatch there must be found.
func TestStopsAreChecked(t *testing.T) {
	t.Parallel()
	at := Start.Add(town.Hour)
	dispatch := &town.Tick{At: at, Actions: []town.Action{{Kind: town.DispatchAgent, Agent: "toast", Bead: "gt-1a", Run: 7}}}
	for name, e := range map[string]town.Payload{
		"paused":   &town.TownPaused{},
		"draining": &town.ContainerEviction{Nonce: "n"},
		"":         &town.TownResumed{},
	} {
		s := town.New("t", "Town", "testtownaaaaaaaaaaaaaaaaaa", Start)
		s.Step(town.Input{Now: at, Events: []town.Event{{Seq: 1, Type: e.Type(), Payload: e}}})
		c := newChecker(stream(1, 1), nil, nil)
		c.st = s
		c.stops(s, dispatch)
		if (c.failure != nil) != (name != "") || name != "" && !strings.Contains(c.failure.Message, name) {
			t.Errorf("%q: %+v", name, c.failure)
		}
	}
}
