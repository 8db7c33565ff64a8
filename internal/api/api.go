package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"runtime/debug"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"gastown/internal/auth"
	"gastown/internal/controller"
	"gastown/internal/journal"
	"gastown/internal/observe/report"
	"gastown/internal/observe/tracing"
	"gastown/internal/town"
)

// Config is what the API needs.
type Config struct {
	Controller *controller.Controller
	Journal    journal.Journal
	Keys       *auth.Keys
	// CheckRepo looks at a repository before it becomes a rig's: now is the rig that is to have it, nil for a new one. It
	// returns the branch that was asked for, or the default one, and what people should know of the repository.
	CheckRepo func(ctx context.Context, id town.TownID, now *town.Rig, next town.RepoSpec) (branch string, notes []string, err error)
	// Logs reads what a run has written.
	Logs func(ctx context.Context, id town.TownID, agent town.AgentID, run town.Run, tail int, follow bool) (io.ReadCloser, error)
	// Heartbeat notes that an agent was heard.
	Heartbeat func(town.TownID, town.AgentID, town.Run)
	// Presets are the names that agents.*.preset may have.
	Presets []string
	// Shutdown has the server stop, soon.
	Shutdown func()
	// AnyHost takes requests whatever they call this server. Otherwise those that come over loopback must name that,
	// or the host of PublicURL, which a proxy passes on.
	AnyHost   bool
	PublicURL string
	// Metrics serves /metrics.
	Metrics http.Handler
	// Pages enters the pages for people, if there are to be any.
	Pages func(*http.ServeMux)
	// Served is told of every request.
	Served  func(route, method string, code int, took time.Duration)
	Version string
	Log     *slog.Logger
	// Level is the level of the log, which can be changed.
	Level *slog.LevelVar
	// Reports tells people outside of defects; nil tells nobody.
	Reports *report.Reporter
	// Traces has spans of requests; nil has none.
	Traces *tracing.Tracer
	// Done ends when the server stops, and the streams with it.
	Done <-chan struct{}
}

type server struct {
	Config
	api huma.API
}

// maxBody bounds a request's body: a batch of beads with their texts.
const maxBody = 8 << 20

// New returns the handler of everything.
func New(cfg Config) http.Handler {
	s := &server{Config: cfg}
	mux := http.NewServeMux()
	hc := huma.DefaultConfig("gastown", cfg.Version)
	hc.OpenAPI.Info.Description = "A town of coding agents: see the README for what it is."
	hc.DocsPath, hc.SchemasPath, hc.OpenAPIPath, hc.CreateHooks = "", "", "", nil
	hc.Transformers = append(hc.Transformers, withoutValues, explained)
	hc.RejectUnknownQueryParameters = true
	hc.Formats = formats()
	hc.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token": {Type: "http", Scheme: "bearer", Description: "The admin token, or the token of an agent's run."},
	}
	hc.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
	s.api = humago.New(mux, hc)
	s.api.UseMiddleware(s.authorize)
	for i := range routes {
		r := &routes[i]
		op := huma.Operation{
			OperationID: r.id, Method: r.method, Path: r.path, Summary: r.summary, Tags: []string{r.tag()},
			MaxBodyBytes: maxBody, Metadata: map[string]any{whoKey: r.who}, Errors: []int{401, 403, 404, 409, 422},
		}
		if r.who != anybody {
			op.Security = []map[string][]string{{"token": {}}}
		}
		if r.method == http.MethodPost && strings.HasPrefix(r.id, "create-") {
			op.DefaultStatus = http.StatusCreated
		}
		r.bind(s, op)
	}
	withoutNull(s.api.OpenAPI())
	mux.HandleFunc("GET /openapi.json", s.document())
	mux.Handle("GET /metrics", s.adminOnly(cfg.Metrics))
	mux.HandleFunc("GET /docs", s.docs)
	if cfg.Pages != nil {
		cfg.Pages(mux)
	}
	mux.HandleFunc("GET /docs/{page...}", s.page)
	return s.outer(mux)
}

// withoutValues keeps what was sent out of problems: it may hold secrets, and the sender knows it.
func withoutValues(_ huma.Context, _ string, v any) (any, error) {
	if p, ok := v.(*huma.ErrorModel); ok {
		for _, d := range p.Errors {
			d.Value = nil
		}
	}
	return v, nil
}

// schemaName tells the documents of the wire from the entities of the core that they are made of.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if strings.HasSuffix(t.PkgPath(), "/wire") {
		name += "Document"
	}
	return name
}

// outer is around everything: headers, recovery, metrics and problem documents for what the mux
// itself refuses.
func (s *server) outer(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		rec := &recorder{ResponseWriter: w}
		_, pattern := mux.Handler(r)
		r, ended := s.Traces.Request(r, pattern)
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				s.Log.Error("defect in a request", "method", r.Method, "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
				s.Reports.Panicked("request", "", p)
				if rec.code == 0 {
					writeProblem(rec, http.StatusInternalServerError, "a defect in the server; its log says more")
				}
			}
			s.Served(pattern, r.Method, rec.code, time.Since(started))
			ended(rec.code)
		}()
		rec.Header().Set("X-Content-Type-Options", "nosniff")
		rec.Header().Set("Cache-Control", "no-store")
		if why := s.foreign(r); why != "" {
			writeProblem(rec, http.StatusForbidden, why)
			return
		}
		if pattern == "" {
			code := http.StatusNotFound
			if allowed := methodsOf(mux, r); len(allowed) > 0 {
				code = http.StatusMethodNotAllowed
				rec.Header().Set("Allow", strings.Join(allowed, ", "))
			}
			writeProblem(rec, code, fmt.Sprintf("there is nothing at %s %s; /docs lists what there is", r.Method, r.URL.Path))
			return
		}
		mux.ServeHTTP(rec, r)
	})
}

func methodsOf(mux *http.ServeMux, r *http.Request) []string {
	var out []string
	for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete} {
		probe := r.Clone(r.Context())
		probe.Method = m
		if _, p := mux.Handler(probe); p != "" {
			out = append(out, m)
		}
	}
	return out
}

// foreign refuses requests that a web page of another origin has a browser make: by a name that
// was made to point at this machine, or with an Origin that is not this server's.
func (s *server) foreign(r *http.Request) string {
	origin := r.Header.Get("Origin")
	if origin != "" {
		u, err := url.Parse(origin)
		if err != nil || u.Host != r.Host {
			return "requests from pages of another origin are refused"
		}
	}
	addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok || s.AnyHost {
		return ""
	}
	local, _, err := net.SplitHostPort(addr.String())
	if err != nil || !net.ParseIP(local).IsLoopback() {
		return ""
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	if ip := net.ParseIP(host); strings.EqualFold(host, "localhost") || (ip != nil && ip.IsLoopback()) {
		return ""
	}
	if u, err := url.Parse(s.PublicURL); err == nil && u.Host != "" && strings.EqualFold(host, u.Hostname()) {
		return ""
	}
	return "this server is for this machine: use localhost or 127.0.0.1, or start it with --public-url if a proxy passes this name on"
}

// recorder remembers the status code.
type recorder struct {
	http.ResponseWriter
	code int
}

func (r *recorder) WriteHeader(code int) {
	if r.code == 0 {
		r.code = code
	}
	r.ResponseWriter.WriteHeader(code)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.code == 0 {
		r.code = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach what is below.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// Flush implements http.Flusher for the streams.
func (r *recorder) Flush() { _ = http.NewResponseController(r.ResponseWriter).Flush() }

// Who may call a route.
type access string

const (
	anybody access = "anybody"
	admin   access = "admin"
	agent   access = "agent"
	either  access = "admin or agent"
)

const whoKey = "who"

type identityKey struct{}

// identity returns who the request is from; authorize has put it there.
func identity(ctx context.Context) auth.Identity {
	id, _ := ctx.Value(identityKey{}).(auth.Identity)
	return id
}

// authorize checks the token of every request that needs one, by the table of routes.
func (s *server) authorize(ctx huma.Context, next func(huma.Context)) {
	who, _ := ctx.Operation().Metadata[whoKey].(access)
	if who == anybody {
		next(ctx)
		return
	}
	id, code, why := s.caller(ctx.Header("Authorization"))
	if code == 0 {
		switch {
		case who == admin && !id.Admin:
			code, why = http.StatusForbidden, "an agent's token is not good for this"
		case who == agent && id.Agent == nil:
			code, why = http.StatusForbidden, "this is for agents: only the token of a run is good for it"
		case id.Agent != nil && ctx.Param("townId") != "" && ctx.Param("townId") != string(id.Agent.Town):
			code, why = http.StatusForbidden, fmt.Sprintf("this token is good for town %s only", id.Agent.Town)
		case id.Agent != nil:
			code, why = s.ofThisHistory(id.Agent)
		}
	}
	if code != 0 {
		if code == http.StatusUnauthorized {
			ctx.SetHeader("WWW-Authenticate", "Bearer")
		}
		_ = huma.WriteErr(s.api, ctx, code, why)
		return
	}
	next(huma.WithValue(ctx, identityKey{}, id))
}

func (s *server) caller(header string) (auth.Identity, int, string) {
	token, ok := strings.CutPrefix(header, "Bearer ")
	if !ok {
		return auth.Identity{}, http.StatusUnauthorized, "a token is needed: Authorization: Bearer TOKEN"
	}
	id, err := s.Keys.Verify(token)
	if err != nil {
		return id, http.StatusUnauthorized, err.Error()
	}
	return id, 0, ""
}

// ofThisHistory refuses a run that was begun in another history of its town: an older copy of the town goes on
// since, and what has the name of the run's bead there may be something else.
func (s *server) ofThisHistory(c *auth.Claims) (code int, why string) {
	history, err := s.Controller.History(c.Town)
	if err != nil || history == c.History {
		return 0, "" // where there is no town, whoever asks is told
	}
	return http.StatusForbidden, fmt.Sprintf("run %d of %s is of another history of town %s (tag %s; its tag is %s now): an older copy of the town was put back, or its history renewed",
		c.Run, c.Agent, c.Town, c.History.Tag(), history.Tag())
}

func (s *server) adminOnly(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, code, why := s.caller(r.Header.Get("Authorization"))
		if code == 0 && !id.Admin {
			code, why = http.StatusForbidden, "an agent's token is not good for this"
		}
		if code != 0 {
			writeProblem(w, code, why)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// fromError turns what the controller or the journal says into a problem.
func (s *server) fromError(err error) error {
	switch {
	case errors.Is(err, controller.ErrNoTown):
		names := make([]string, 0)
		for _, id := range s.Controller.Towns() {
			names = append(names, string(id))
		}
		return huma.Error404NotFound(fmt.Sprintf("%v; there are: %s", err, strings.Join(names, ", ")))
	case errors.Is(err, journal.ErrTownExists):
		return huma.Error409Conflict(err.Error())
	case errors.Is(err, journal.ErrNotFound):
		return huma.Error404NotFound(err.Error())
	case errors.Is(err, journal.ErrFull):
		return huma.NewError(http.StatusInsufficientStorage, err.Error())
	case errors.Is(err, controller.ErrStopping), errors.Is(err, controller.ErrUnapplied),
		errors.Is(err, journal.ErrClosed):
		return huma.ErrorWithHeaders(huma.Error503ServiceUnavailable(err.Error()), http.Header{"Retry-After": {"2"}})
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return huma.NewError(http.StatusServiceUnavailable, "the request ended before its outcome was known: repeat it with the same Idempotency-Key")
	}
	s.Log.Error("request failed", "err", err)
	return huma.Error500InternalServerError("cannot do that now: " + err.Error())
}

// refused turns the outcome of an event that was not applied into a problem.
func refused(o town.EventOutcome) error {
	code := map[string]int{
		town.CodeNotFound: http.StatusNotFound, town.CodeConflict: http.StatusConflict,
		town.CodeInvalid: http.StatusUnprocessableEntity, town.CodeForbidden: http.StatusForbidden,
	}[o.Code]
	detail := o.Reason
	if o.Field == "" {
		return huma.NewError(code, detail)
	}
	if o.Code == town.CodeInvalid {
		detail = o.Field + ": " + o.Reason
	}
	return huma.NewError(code, detail, &huma.ErrorDetail{Location: o.Field, Message: o.Reason})
}
