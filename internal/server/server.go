// Package server puts the parts together: one data folder, one journal, one listener.
package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"gastown/internal/api"
	"gastown/internal/auth"
	"gastown/internal/controller"
	"gastown/internal/effect"
	"gastown/internal/git"
	"gastown/internal/journal"
	"gastown/internal/journal/sqlite"
	"gastown/internal/observe"
	"gastown/internal/observe/report"
	"gastown/internal/observe/tracing"
	"gastown/internal/runtime"
	"gastown/internal/runtime/process"
	"gastown/internal/town"
	"gastown/internal/web"
	"gastown/internal/wire"
)

// InfoFile is where a running server says how to reach it, in the data folder.
const InfoFile = "server.json"

// Options are what a server needs.
type Options struct {
	// Home is the data folder; it is made if it is not there.
	Home string
	// Listen is the address, such as 127.0.0.1:7333; port 0 takes a free one.
	Listen string
	// Public says that other machines may reach the address, by names of their own.
	Public  bool
	Version string
	Log     *slog.Logger
	// LabelledTowns is how many towns have metrics of their own; observe.DefaultLabelled if zero.
	LabelledTowns int
	// Now is the clock of the towns; time.Now if nil.
	Now func() time.Time
	// OpenJournal opens the journal that belongs to a path in the data folder; nil opens a SQLite file there.
	// Tests that are not about files keep it in memory.
	OpenJournal func(ctx context.Context, path string) (journal.Journal, error)
	// Journal and Runtime put something between the server and those, if they are not nil: for seeing how it
	// bears their faults.
	Journal func(journal.Journal) journal.Journal
	Runtime func(runtime.Runtime) runtime.Runtime
	// Level is the level of the log, if it can be changed.
	Level *slog.LevelVar
	// Reports say where reports of what goes wrong are sent. Release and, if it is empty, PublicURL
	// are filled in.
	Reports report.Options
	// Collector is the address of an OpenTelemetry collector that gets traces; empty, none does.
	Collector string
}

// Server is a running server.
type Server struct {
	opts     Options
	keys     *auth.Keys
	journal  journal.Journal
	git      *git.Store
	runtime  runtime.Runtime
	towns    *controller.Controller
	effects  *effect.Runner
	witness  *witness
	observer *controller.Observer
	reports  *report.Reporter
	traces   *tracing.Tracer
	listener net.Listener
	http     *http.Server

	observing context.CancelFunc
	wait      sync.WaitGroup
	stop      chan struct{} // closed when somebody asks for the end
	stopOnce  sync.Once
	done      chan struct{} // closed when streams must end
	doneOnce  sync.Once
}

// Start opens the data folder, recovers the towns, finds agents that run, and serves. On an error
// nothing is left running.
func Start(ctx context.Context, opts Options) (*Server, error) {
	if opts.Level == nil {
		opts.Level = new(slog.LevelVar)
	}
	s := &Server{opts: opts, stop: make(chan struct{}), done: make(chan struct{})}
	if err := s.start(ctx); err != nil {
		s.Stop(context.WithoutCancel(ctx))
		return nil, err
	}
	return s, nil
}

func (s *Server) start(ctx context.Context) error {
	var err error
	home := s.opts.Home
	if err := CheckFormat(home); err != nil {
		return err
	}
	// Then the address: a busy port is the most likely mistake, and nothing is touched yet.
	if s.listener, err = listen(s.opts.Listen); err != nil {
		return err
	}
	if err := s.prepareReports(ctx); err != nil {
		return err
	}
	if err := os.MkdirAll(home, 0o700); err != nil {
		return fmt.Errorf("cannot make the data folder: %w: give the user that runs gastown write access, or name another with --home", err)
	}
	if err := MarkFormat(home); err != nil {
		return err
	}
	open := s.opts.OpenJournal
	if open == nil {
		open = openFile
	}
	j, err := open(ctx, filepath.Join(home, "gastown.db"))
	if err != nil {
		if errors.Is(err, journal.ErrDamaged) { // whoever has started it may be a program
			s.reports.Journal("", journal.ClassOf(err))
		}
		return err
	}
	if s.journal = j; s.opts.Journal != nil {
		s.journal = s.opts.Journal(j)
	}
	if s.keys, err = auth.Open(home); err != nil {
		return err
	}
	if s.git, err = git.Open(filepath.Join(home, "git")); err != nil {
		return err
	}
	self, bin, err := s.installSelf()
	if err != nil {
		return err
	}
	rt, err := process.Open(process.Options{
		Root: filepath.Join(home, "runs"), Supervisor: []string{self, "supervise"}, Prepare: effect.Preparer(s.git),
	})
	if err != nil {
		return err
	}
	if s.runtime = rt; s.opts.Runtime != nil {
		s.runtime = s.opts.Runtime(rt)
	}
	metrics := observe.New(observe.Options{Version: s.opts.Version, Labelled: s.opts.LabelledTowns, Now: s.opts.Now})
	s.effects = effect.New(effect.Options{
		Git: s.git, Runtime: s.runtime, Report: s.report, Token: s.token, URL: s.URL,
		Home: home, BinDir: bin, Self: self, Count: metrics.Effect, Log: s.opts.Log, Reports: s.reports, Traces: s.traces,
	})
	if s.witness, err = openWitness(home, func(err error) { s.opts.Log.Warn("cannot write down how far the towns are", "err", err) }); err != nil {
		return err
	}
	s.witness.next = s.effects
	s.towns = controller.New(controller.Options{
		Journal: s.journal, Effects: s.witness, Meter: metrics, Now: s.opts.Now, Log: s.opts.Log, Reports: s.reports, Traces: s.traces,
	})
	s.observer = controller.NewObserver(s.towns, s.runtime)
	if err := s.towns.Recover(ctx); err != nil {
		return err
	}
	if err := s.renew(ctx); err != nil {
		return err
	}
	if err := s.endForeign(ctx); err != nil {
		return err
	}
	s.towns.Launch()
	observe, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.observing = cancel
	s.wait.Go(func() {
		defer s.reports.Crashing("observer", "")
		s.observer.Run(observe)
	})
	s.wait.Go(func() { s.prune(observe) })
	s.wait.Go(func() { s.reports.Run(observe) })
	s.serve(metrics)
	return s.writeInfo()
}

// foreignPatience bounds the end of runs of other histories at start: their grace, and time for the machine.
const foreignPatience = time.Minute

func (s *Server) endForeign(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, foreignPatience)
	defer cancel()
	if err := s.observer.EndForeign(ctx); err != nil {
		return fmt.Errorf("cannot end the runs of another history: %w", err)
	}
	return nil
}

func openFile(ctx context.Context, path string) (journal.Journal, error) {
	j, err := sqlite.Open(ctx, path)
	if err != nil {
		return nil, err // and no journal that is a nil *sqlite.Journal
	}
	return j, nil
}

// prepareReports makes what tells people outside, as far as that is wanted.
func (s *Server) prepareReports(ctx context.Context) (err error) {
	if s.traces, err = tracing.New(ctx, tracing.Options{Endpoint: s.opts.Collector, Version: s.opts.Version, Log: s.opts.Log}); err != nil {
		return err
	}
	o := s.opts.Reports
	o.Release, o.Now = "gastown@"+s.opts.Version, s.opts.Now
	if o.PublicURL == "" {
		o.PublicURL = s.URL()
	}
	s.reports, err = report.New(o)
	return err
}

// pruneEvery is how often old logs and files are looked for.
const pruneEvery = time.Hour

// prune removes the logs of runs that ended longer ago than every town's retention, and the files of workspaces that
// nobody has worked in for a while.
func (s *Server) prune(ctx context.Context) {
	tick := time.NewTicker(pruneEvery)
	defer tick.Stop()
	for {
		keep := town.DefaultConfig().Retention
		for _, id := range s.towns.Towns() {
			_ = s.towns.Read(id, func(st *town.State) { keep = max(keep, st.Config("").Retention) }) // it may stop just now
		}
		if err := s.runtime.Prune(ctx, time.Now().Add(-keep.Std())); err != nil && ctx.Err() == nil {
			s.opts.Log.Warn("old logs were not removed", "err", err)
		}
		s.removeWorkspaces(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// serve answers requests from now on.
func (s *Server) serve(metrics *observe.Metrics) {
	pages := web.New(web.Config{
		Controller: s.towns, Journal: s.journal, Keys: s.keys, Version: s.opts.Version, Log: s.opts.Log, Done: s.done,
	})
	s.http = &http.Server{
		Handler: api.New(api.Config{
			Controller: s.towns, Journal: s.journal, Keys: s.keys, CheckRepo: s.effects.LookAt, Logs: s.logs,
			Heartbeat: s.observer.Heartbeat, Presets: effect.Presets(), Shutdown: s.askStop, Metrics: metrics.Handler(), AnyHost: s.opts.Public, PublicURL: s.opts.Reports.PublicURL,
			Pages: pages.Mount, Served: metrics.Served, Version: s.opts.Version, Log: s.opts.Log, Level: s.opts.Level, Reports: s.reports, Traces: s.traces, Done: s.done,
		}),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(s.opts.Log.Handler(), slog.LevelWarn),
	}
	s.wait.Go(func() {
		if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			s.opts.Log.Error("the server does not listen any more", "err", err)
			s.askStop()
		}
	})
}

func listen(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("cannot listen on %s: the address is in use, perhaps by another gastown: stop that (gastown down), or choose another with --listen", address)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w: choose another with --listen", address, err)
	}
	return l, nil
}

// installSelf makes a folder with a link to this program, so that agents find the very gastown that
// started them.
func (s *Server) installSelf() (self, bin string, err error) {
	if self, err = os.Executable(); err != nil {
		return "", "", fmt.Errorf("cannot find this program: %w", err)
	}
	bin = filepath.Join(s.opts.Home, "bin")
	if err := os.MkdirAll(bin, 0o700); err != nil {
		return "", "", fmt.Errorf("cannot make a folder for agents' programs: %w", err)
	}
	link, fresh := filepath.Join(bin, "gastown"), filepath.Join(bin, ".gastown.new")
	_ = os.Remove(fresh) // of a start that was cut off
	if err := os.Symlink(self, fresh); err != nil {
		return "", "", fmt.Errorf("cannot link this program for agents: %w", err)
	}
	if err := os.Rename(fresh, link); err != nil {
		return "", "", fmt.Errorf("cannot link this program for agents: %w", err)
	}
	return self, bin, nil
}

// URL is where the server answers.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() }

// Stopping is closed when somebody has asked the server to stop.
func (s *Server) Stopping() <-chan struct{} { return s.stop }

func (s *Server) askStop() { s.stopOnce.Do(func() { close(s.stop) }) }

func (s *Server) writeInfo() error {
	data, err := json.Marshal(wire.ServerInfo{URL: s.URL(), PID: os.Getpid(), Started: time.Now().UTC(), Version: s.opts.Version})
	if err != nil {
		return fmt.Errorf("cannot say where the server is: %w", err)
	}
	path := filepath.Join(s.opts.Home, InfoFile)
	if err := os.WriteFile(path+".new", append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("cannot say where the server is: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("cannot say where the server is: %w", err)
	}
	return nil
}

// report makes an effect's outcome durable, trying again while the journal has trouble.
func (s *Server) report(ctx context.Context, id town.TownID, events ...town.Event) error {
	for said := false; ; said = true {
		_, err := s.towns.Submit(ctx, id, events...)
		if err == nil || errors.Is(err, controller.ErrNoTown) {
			s.observer.Poke()
			return nil
		}
		if ctx.Err() != nil || errors.Is(err, controller.ErrStopping) {
			return err
		}
		if !said { // the town's problem says that it lasts
			s.opts.Log.Warn("an outcome was not recorded; trying again", "town", id, "err", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

func (s *Server) token(id town.TownID, e *town.Effect) string {
	return s.keys.AgentToken(auth.Claims{History: e.History, Town: id, Agent: e.Agent, Role: e.Dispatch.Role, Bead: e.Bead, Run: e.Run})
}

func (s *Server) logs(ctx context.Context, id town.TownID, agent town.AgentID, run town.Run, tail int, follow bool) (io.ReadCloser, error) {
	history, err := s.towns.History(id)
	if err != nil {
		return nil, err
	}
	key := runtime.Key{History: string(history), Town: string(id), Agent: string(agent), Run: int64(run)}
	log, err := s.runtime.Log(ctx, key, runtime.LogOptions{Tail: tail, Follow: follow})
	if errors.Is(err, runtime.ErrUnknownRun) {
		return nil, fmt.Errorf("there is no log of run %d of %s", run, agent)
	}
	return log, err
}

// graceful is how long requests may take to end at shutdown.
const graceful = 5 * time.Second

// Stop ends the server: no new requests, the ticks under way finished, a snapshot, everything
// closed. Agents go on running and are found again. Stopping twice, or what has only half started,
// is fine.
func (s *Server) Stop(ctx context.Context) {
	s.askStop()
	s.doneOnce.Do(func() { close(s.done) })
	if s.http != nil {
		ctx, cancel := context.WithTimeout(ctx, graceful)
		if err := s.http.Shutdown(ctx); err != nil {
			_ = s.http.Close()
		}
		cancel()
	} else if s.listener != nil {
		_ = s.listener.Close()
	}
	if s.effects != nil {
		s.effects.Stop()
	}
	if s.observing != nil {
		s.observing()
	}
	if s.towns != nil {
		s.towns.Stop()
	}
	if s.runtime != nil {
		if err := s.runtime.Close(); err != nil {
			s.opts.Log.Warn("the runtime did not close well", "err", err)
		}
	}
	s.wait.Wait()
	s.reports.Close()
	s.traces.Close()
	if s.journal != nil {
		if err := s.journal.Close(); err != nil {
			s.opts.Log.Warn("the journal did not close well", "err", err)
		}
	}
	if s.http != nil {
		_ = os.Remove(filepath.Join(s.opts.Home, InfoFile))
	}
}
