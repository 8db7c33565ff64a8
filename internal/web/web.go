package web

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"gastown/internal/auth"
	"gastown/internal/controller"
	"gastown/internal/journal"
)

// Config is what the pages need.
type Config struct {
	Controller *controller.Controller
	Journal    journal.Journal
	Keys       *auth.Keys
	// Now is the clock; time.Now if nil.
	Now     func() time.Time
	Version string
	Log     *slog.Logger
	// Done ends when the server stops, and the streams with it.
	Done <-chan struct{}
}

// Pages serves the pages.
type Pages struct {
	Config
	sessions *sessions
	origin   *http.CrossOriginProtection
}

// New returns the pages.
func New(cfg Config) *Pages {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Pages{Config: cfg, sessions: newSessions(cfg.Now), origin: http.NewCrossOriginProtection()}
}

// Who may see a route.
type access int

const (
	loggedIn access = iota
	anybody
	// script is for requests of the pages' script: without a session it gets an error, and no form
	// to log in.
	script
)

// route is a row of the table of pages.
type route struct {
	pattern string
	who     access
	serve   func(*Pages, *visit) error
}

var routes = []route{
	{"GET /assets/{folder}/{file}", anybody, (*Pages).asset},
	{"GET /login", anybody, (*Pages).loginForm},
	{"POST /login", anybody, (*Pages).login},
	{"POST /logout", loggedIn, (*Pages).logout},
	{"GET /{$}", loggedIn, (*Pages).home},
	{"GET /towns/{townId}", loggedIn, (*Pages).overview},
	{"GET /towns/{townId}/parts", script, (*Pages).overviewParts},
	{"GET /towns/{townId}/changes", script, (*Pages).changes},
	{"GET /towns/{townId}/replay", loggedIn, (*Pages).replay},
	{"GET /towns/{townId}/replay/moment", script, (*Pages).moment},
	{"GET /towns/{townId}/beads/{bead}", loggedIn, (*Pages).bead},
	{"POST /towns/{townId}/beads/{bead}/{command}", loggedIn, (*Pages).beadCommand},
	{"POST /towns/{townId}/{command}", loggedIn, (*Pages).townCommand},
}

// Mount enters the pages in a mux.
func (p *Pages) Mount(mux *http.ServeMux) {
	for i := range routes {
		mux.Handle(routes[i].pattern, p.enter(&routes[i]))
	}
}

// visit is one request of a page.
type visit struct {
	w       http.ResponseWriter
	r       *http.Request
	session *session // nil if nobody is logged in
}

// maxForm bounds what a form may bring.
const maxForm = 64 << 10

// policy lets a page load only what this server has, and run only the pages' own files.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// enter is in front of every page.
func (p *Pages) enter(rt *route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		v := &visit{w: w, r: r, session: p.sessions.of(r)}
		if err := p.admit(rt, v); err != nil {
			p.fail(v, err)
			return
		}
		if v.session == nil && rt.who == loggedIn {
			http.Redirect(w, r, loginAddress(r), http.StatusSeeOther)
			return
		}
		if err := rt.serve(p, v); err != nil {
			p.fail(v, err)
		}
	})
}

// admit refuses what another site, or nobody who is logged in, has sent.
func (p *Pages) admit(rt *route, v *visit) error {
	if err := p.origin.Check(v.r); err != nil {
		return &problem{http.StatusForbidden, "the request comes from a page of another site"}
	}
	if rt.who == script && v.session == nil {
		return &problem{http.StatusUnauthorized, "log in first"}
	}
	if v.r.Method != http.MethodPost {
		return nil
	}
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, maxForm)
	if err := v.r.ParseForm(); err != nil {
		return &problem{http.StatusBadRequest, "the form could not be read: " + err.Error()}
	}
	if v.session != nil && rt.who == loggedIn && !v.session.sent(v.r) {
		return &problem{http.StatusForbidden, "the form is not from a page of this session: go back, reload the page and try again"}
	}
	return nil
}

// problem is what a page says instead of what was asked for.
type problem struct {
	code   int
	detail string
}

// Error implements error.
func (e *problem) Error() string { return e.detail }

func missing(what string, id any) error {
	return &problem{http.StatusNotFound, fmt.Sprintf("there is no %s %v in this town", what, id)}
}

// asProblem finds the code and the words for an error.
func asProblem(err error) *problem {
	var known *problem
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, controller.ErrNoTown), errors.Is(err, journal.ErrNotFound):
		return &problem{http.StatusNotFound, err.Error()}
	case errors.Is(err, controller.ErrStopping), errors.Is(err, journal.ErrClosed):
		return &problem{http.StatusServiceUnavailable, err.Error()}
	}
	return &problem{http.StatusInternalServerError, "cannot do that now: " + err.Error()}
}

// fail answers with an error: a page, or its bare text for a script.
func (p *Pages) fail(v *visit, err error) {
	if v.r.Context().Err() != nil {
		return // nobody is there any more
	}
	e := asProblem(err)
	if e.code >= http.StatusInternalServerError {
		p.Log.Error("a page failed", "path", v.r.URL.Path, "err", err)
	}
	p.render(v, e.code, view{Page: "problem", Title: http.StatusText(e.code), Body: e.detail})
}
