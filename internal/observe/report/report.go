package report

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/getsentry/sentry-go"

	"gastown/internal/town"
)

// DefaultMonitor is the name of the cron monitor that the check-ins are for.
const DefaultMonitor = "gastown-ticks"

// sendTimeout bounds one request to Sentry. Nobody waits for it but the SDK's own worker.
const sendTimeout = 15 * time.Second

// Options say where reports go and what is written on them.
type Options struct {
	// DSN is the address of a Sentry project. Without one nothing is ever sent.
	DSN string
	// Environment and Release are those of the reports.
	Environment, Release string
	// Monitor is the slug of the cron monitor; empty sends no check-ins.
	Monitor string
	// PublicURL is where people reach the server, for links; such as https://town.example.org.
	PublicURL string
	// Now is the clock; time.Now if nil.
	Now func() time.Time
	// Transport carries requests; the usual one if nil.
	Transport http.RoundTripper
}

// Reporter sends reports. A nil one is off.
type Reporter struct {
	opts   Options
	client *sentry.Client
	limit  *limiter

	mu       sync.Mutex
	turned   map[town.TownID]time.Time
	standing map[town.TownID]map[breach]*standing
	failing  map[lane]*streak
}

// New returns a Reporter, or nil if there is no DSN.
func New(opts Options) (*Reporter, error) {
	if opts.DSN == "" {
		return nil, nil // the SDK would take SENTRY_DSN instead, and call itself enabled without any
	}
	if _, err := Where(opts.DSN); err != nil {
		return nil, err
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	transport := sentry.NewHTTPTransport()
	transport.Timeout = sendTimeout
	client, err := sentry.NewClient(sentry.ClientOptions{
		Dsn: opts.DSN, Environment: opts.Environment, Release: opts.Release, ServerName: "gastown",
		SampleRate: 1, BeforeSend: allowed, Transport: transport, HTTPTransport: opts.Transport, DisableClientReports: true,
		// The usual ones collect what is installed, the machine and variables of the environment.
		Integrations: func([]sentry.Integration) []sentry.Integration { return nil },
	})
	if err != nil {
		return nil, fmt.Errorf("cannot prepare reports to Sentry: %w", withoutDSN(err))
	}
	return &Reporter{
		opts: opts, client: client, limit: newLimiter(), turned: map[town.TownID]time.Time{},
		standing: map[town.TownID]map[breach]*standing{}, failing: map[lane]*streak{},
	}, nil
}

// flushTimeout bounds how long an end waits for reports that are under way.
const flushTimeout = 3 * time.Second

// Close sends what is under way, and what was held back, within a bound.
func (r *Reporter) Close() {
	if r == nil {
		return
	}
	r.summarize(true)
	r.client.Flush(flushTimeout)
	r.client.Close()
}

// Run checks in once a minute, and tells what was held back, until ctx ends.
func (r *Reporter) Run(ctx context.Context) {
	if r == nil {
		return
	}
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-beat.C:
			r.checkIn()
			r.summarize(false)
		}
	}
}

// finding is a report before it is sent.
type finding struct {
	// class is the fingerprint: it names a kind of failure in words of the code.
	class []string
	// key bounds how many are sent: that of the class, or the class with another ending.
	key     string
	level   sentry.Level
	message string
	tags    map[string]string
	details map[string]any // the context "gastown"
	// thrown is set for panics.
	thrown []sentry.Exception
}

// send lets the limiter decide, and hands what passes to the SDK.
func (r *Reporter) send(f finding) {
	now := r.opts.Now()
	if !r.limit.allow(f.key, now) {
		return
	}
	r.capture(f, now)
}

func (r *Reporter) capture(f finding, now time.Time) {
	e := sentry.NewEvent()
	e.Timestamp, e.Level, e.Message, e.Fingerprint, e.Tags = now, f.level, f.message, f.class, f.tags
	e.Exception = f.thrown
	if len(f.details) > 0 {
		e.Contexts = map[string]sentry.Context{contextName: f.details}
	}
	r.client.CaptureEvent(e, nil, nil)
}

// replayLink leads to the moment of a tick.
func (r *Reporter) replayLink(id town.TownID, tick town.TickNo) string {
	return fmt.Sprintf("%s/towns/%s/replay?fromTick=%d&toTick=%d", r.opts.PublicURL, id, tick, tick)
}
