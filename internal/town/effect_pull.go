package town

import "fmt"

// PullSpec says which pull request to look at or to merge.
type PullSpec struct {
	Repo   RepoSpec `json:"repo"`
	URL    string   `json:"url"`
	Number int      `json:"number"`
	Branch string   `json:"branch"`
	Target string   `json:"target"`
	// Head is the commit that the branch must be at: a look pushes it to the forge first if the
	// pull request does not show it, and a merge merges nothing else.
	Head  string `json:"headSha"`
	Title string `json:"title"`
}

func (s *State) pullEffect(kind EffectKind, b *Bead, try int) *Effect {
	pr := b.Merge.PR
	title := b.Title
	if src := s.beads[b.Merge.Source]; src != nil {
		title = src.Title
	}
	// A merge request may come to wait for another pull request, whose questions are counted anew: the
	// run that opened it tells them apart.
	opener := Run(0)
	if at := b.lastAttempt(); at != nil {
		opener = at.Run
	}
	return &Effect{
		ID: fmt.Sprintf("%s/%s/%d/%d", kind, b.ID, opener, try), Kind: kind, Bead: b.ID, Rig: b.Rig,
		Pull: &PullSpec{Repo: s.repo(b.Rig), URL: pr.URL, Number: pr.Number, Branch: b.Merge.Branch, Target: b.Merge.Target, Head: pr.current(), Title: title},
	}
}

// outstandingPulls are the questions about a merge request's pull request that are not answered.
func (s *State) outstandingPulls(b *Bead) []Effect {
	var out []Effect
	if !b.waitsForPull() {
		return nil
	}
	if q := &b.Merge.PR.Poll; q.Asked != 0 {
		out = append(out, *s.pullEffect(EffectPollPR, b, q.Try))
	}
	if q := &b.Merge.PR.Merge; q.Asked != 0 {
		out = append(out, *s.pullEffect(EffectMergePR, b, q.Try))
	}
	return out
}
