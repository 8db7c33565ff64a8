package controller

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"gastown/internal/journal"
	"gastown/internal/journal/journaltest"
	"gastown/internal/observe/report"
	"gastown/internal/observe/sentrytest"
	"gastown/internal/town"
)

func reports(t *testing.T) (*report.Reporter, *sentrytest.Receiver) {
	t.Helper()
	in := sentrytest.New()
	r, err := report.New(report.Options{DSN: sentrytest.DSN("http://sentry.example"), Monitor: "ticks", Transport: in})
	if err != nil {
		t.Fatal(err)
	}
	return r, in
}

// damaged returns a journal in which a held bead is in progress.
func damaged(t *testing.T) journal.Journal {
	t.Helper()
	ctx := context.Background()
	j := openJournal(t)
	c, _ := start(t, j)
	withRig(t, c)
	res, err := c.Submit(ctx, "main", event(&town.BeadCreated{Beads: []town.NewBead{{Title: "x", Held: true}}}))
	if err != nil || res[0].Outcome.Verdict != town.Applied {
		t.Fatalf("%+v, %v", res, err)
	}
	c.Stop()
	if err := journaltest.Damage(ctx, j, "main", town.BeadID(res[0].Outcome.Made[0]), "open", "in_progress"); err != nil {
		t.Fatal(err)
	}
	return j
}

// A dry run that sees a violation tells nobody; the tick that is then made does, once.
func TestADryRunReportsNothing(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	j := damaged(t)
	defer func() { _ = j.Close() }()
	r, in := reports(t)
	o := &outside{}
	c := New(Options{Journal: j, Effects: o, Meter: o, Log: slog.New(slog.DiscardHandler), Reports: r})
	s, err := journal.Recover(ctx, j, "main")
	if err != nil {
		t.Fatal(err)
	}
	l := newLoop(c, "main", s)
	c.loops["main"] = l
	for range 3 {
		plan, err := c.Plan(ctx, "main")
		if err != nil || len(plan.Tick.Violations) != 1 {
			t.Fatalf("planned %+v, %v", plan, err)
		}
	}
	r.Close()
	if raw := in.Raw(); raw != "" {
		t.Errorf("a dry run has sent %s", raw)
	}
	c.opts.Reports, in = reports(t)
	if err := l.turns(ctx); err != nil {
		t.Fatal(err)
	}
	c.opts.Reports.Close()
	if got := in.Events(); len(got) != 1 || got[0].Class() != "gastown/invariant/10" || got[0].Contexts["gastown"]["recovered"] != true {
		t.Errorf("the tick has sent %+v", got)
	}
}

// While the journal takes no writes that is reported once, and the check-ins turn bad; then all is well
// again. An idle town checks in once a minute.
func TestTroubleOfTheJournalIsReported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &failing{Journal: openJournal(t)}
		r, in := reports(t)
		ctx, end := context.WithCancel(t.Context())
		go r.Run(ctx)
		o := &outside{}
		c := New(Options{Journal: f, Effects: o, Meter: o, Log: slog.New(slog.DiscardHandler), Reports: r})
		if err := c.Start(ctx); err != nil {
			t.Fatal(err)
		}
		withRig(t, c)
		time.Sleep(10*time.Minute + time.Second)
		synctest.Wait()
		statuses := func() (ok, bad int) {
			for _, x := range in.CheckIns() {
				if x.Status == "ok" {
					ok++
				} else {
					bad++
				}
			}
			return ok, bad
		}
		if ok, bad := statuses(); ok != 10 || bad != 0 || len(in.Events()) != 0 {
			t.Errorf("idle for ten minutes: %d good and %d bad check-ins, events %v", ok, bad, in.Events())
		}
		f.set(errors.Join(errors.New("hunter2"), journal.ErrFull))
		answered := make(chan error, 1)
		go func() {
			_, err := c.Submit(context.Background(), "main", bead("x"))
			answered <- err
		}()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if _, bad := statuses(); bad < 7 || bad > 8 {
			t.Errorf("%d bad check-ins in ten minutes of trouble", bad)
		}
		if got := in.Events(); len(got) != 1 || got[0].Class() != "gastown/journal/full" || got[0].Tags["town_id"] != "main" {
			t.Errorf("events %+v", got)
		}
		f.set(nil)
		if err := <-answered; !errors.Is(err, ErrUnapplied) {
			t.Errorf("the answer is %v", err)
		}
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		if list := in.CheckIns(); list[len(list)-1].Status != "ok" {
			t.Errorf("not well again: %+v", list)
		}
		c.Stop()
		end()
		r.Close()
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
}
