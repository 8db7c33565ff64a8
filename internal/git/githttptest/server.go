// Package githttptest is a smart HTTP server of git repositories for tests, with the faults that remotes have: it asks
// for a password, redirects, refuses, stalls, holds pushes in a hook, or refuses commits without a signature.
//
// It speaks the protocol by `git upload-pack` and `git receive-pack`, both without state, so that what a client
// meets is the real program at the other end. It keeps LFS objects by the batch interface of LFS, where git-lfs does at a
// file:// address.
package githttptest

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Request is one request that arrived.
type Request struct {
	Path     string // with its query
	User     string // of basic authentication; empty when there was none
	Protocol string // the Git-Protocol header
}

// Server serves the bare repositories below one folder.
type Server struct {
	t    testing.TB
	root string
	http *httptest.Server
	over chan struct{} // closed at the end of the test

	mu             sync.Mutex
	user, password string
	redirect       string
	status         int
	refusal        string
	stalled        chan struct{} // closed when requests go on; nil when nothing stalls
	requests       []Request
}

// New serves the repositories below root until the test has ended.
func New(t testing.TB, root string) *Server {
	t.Helper()
	s := &Server{t: t, root: root, over: make(chan struct{})}
	s.http = httptest.NewServer(s)
	t.Cleanup(func() {
		close(s.over)
		s.http.CloseClientConnections()
		s.http.Close()
	})
	return s
}

// Address is where clients find the repository in the folder root/name.
func (s *Server) Address(name string) string { return s.http.URL + "/" + name }

// RequireUser asks for this user and password from now on.
func (s *Server) RequireUser(user, password string) {
	s.set(func() { s.user, s.password = user, password })
}

// Redirect sends every request on to the same path at another address; "" ends it.
func (s *Server) Redirect(to string) { s.set(func() { s.redirect = to }) }

// Refuse answers every request with a status and a text; 0 ends it.
func (s *Server) Refuse(status int, text string) {
	s.set(func() { s.status, s.refusal = status, text })
}

// Stall accepts requests from now on and sends nothing. The function returned ends that: requests that wait go on.
func (s *Server) Stall() (goOn func()) {
	stalled := make(chan struct{})
	s.set(func() { s.stalled = stalled })
	return sync.OnceFunc(func() {
		s.set(func() { s.stalled = nil })
		close(stalled)
	})
}

// Requests are those that arrived so far, refused ones included.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

func (s *Server) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// ServeHTTP answers a client of git.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, password, _ := r.BasicAuth()
	s.mu.Lock()
	s.requests = append(s.requests, Request{Path: r.URL.RequestURI(), User: user, Protocol: r.Header.Get("Git-Protocol")})
	stalled, redirect, status, refusal := s.stalled, s.redirect, s.status, s.refusal
	allowed := s.user == "" || user == s.user && password == s.password
	s.mu.Unlock()
	if stalled != nil {
		select {
		case <-stalled:
		case <-r.Context().Done():
			return
		case <-s.over:
			return
		}
	}
	switch {
	case redirect != "":
		http.Redirect(w, r, redirect+r.URL.RequestURI(), http.StatusMovedPermanently)
	case status != 0:
		http.Error(w, refusal, status)
	case !allowed:
		w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
		http.Error(w, "who are you?", http.StatusUnauthorized)
	case s.serveLFS(w, r):
	default:
		s.serveGit(w, r)
	}
}

// serveGit answers the two kinds of requests of the protocol: the list of references, and the exchange.
func (s *Server) serveGit(w http.ResponseWriter, r *http.Request) {
	at, action, found := strings.Cut(r.URL.Path, ".git/")
	dir := filepath.Join(s.root, filepath.FromSlash(at)+".git")
	service := action
	if action == "info/refs" {
		service = r.URL.Query().Get("service")
	}
	if info, err := os.Stat(dir); !found || err != nil || !info.IsDir() {
		http.NotFound(w, r)
		return
	}
	if service != "git-upload-pack" && service != "git-receive-pack" {
		http.Error(w, "only smart clients are served", http.StatusForbidden)
		return
	}
	w.Header().Set("Cache-Control", "no-cache")
	args := []string{strings.TrimPrefix(service, "git-"), "--stateless-rpc"}
	if action == "info/refs" {
		w.Header().Set("Content-Type", "application/x-"+service+"-advertisement")
		if protocol := r.Header.Get("Git-Protocol"); service == "git-receive-pack" || !strings.Contains(protocol, "version=2") {
			line := "# service=" + service + "\n"
			_, _ = fmt.Fprintf(w, "%04x%s0000", len(line)+4, line)
		}
		s.git(w, r, nil, append(args, "--http-backend-info-refs", dir))
		return
	}
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = unzipped
	}
	w.Header().Set("Content-Type", "application/x-"+service+"-result")
	s.git(w, r, body, append(args, dir))
}

// git runs one half of the protocol on a body. What it ends with is the client's to understand.
func (s *Server) git(w http.ResponseWriter, r *http.Request, body io.Reader, args []string) {
	cmd := exec.CommandContext(r.Context(), "git", args...)
	cmd.Env = append(os.Environ(), "GIT_PROTOCOL="+r.Header.Get("Git-Protocol"), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	cmd.Stdin, cmd.Stdout = body, flushing{w}
	_ = cmd.Run()
}

// flushing sends on at once whatever git writes, so that a client sees progress.
type flushing struct{ w http.ResponseWriter }

func (f flushing) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	if flusher, ok := f.w.(http.Flusher); ok {
		flusher.Flush()
	}
	return n, err
}
