package web

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"sync"
	"time"
)

// The life of a session.
const (
	// sessionIdle is how long a session lasts that nobody uses: a working day and the night after it.
	sessionIdle = 24 * time.Hour
	// sessionLife is how long one lasts at most, used or not.
	sessionLife = 7 * 24 * time.Hour
	// maxSessions bounds them; the one that was used least recently gives way.
	maxSessions = 1000
)

// session is somebody who is logged in.
type session struct {
	key  [sha256.Size]byte
	form string // what every form of this session's pages sends along
	made time.Time

	mu     sync.Mutex
	used   time.Time
	notice *notice
}

// notice says what a command came to. It is shown once, on the next page.
type notice struct {
	Text    string
	Refused bool
}

// sent reports whether the request has the session's form token.
func (s *session) sent(r *http.Request) bool {
	return subtle.ConstantTimeCompare([]byte(r.PostFormValue("form")), []byte(s.form)) == 1
}

// tell keeps a notice for the next page.
func (s *session) tell(n *notice) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notice = n
}

// told returns what there is to show, once.
func (s *session) told() *notice {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.notice
	s.notice = nil
	return n
}

func (s *session) over(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return now.Sub(s.used) > sessionIdle || now.Sub(s.made) > sessionLife
}

// sessions are those who are logged in. They are kept by the hash of their secret, in memory only.
type sessions struct {
	now func() time.Time

	mu    sync.Mutex
	byKey map[[sha256.Size]byte]*session
}

func newSessions(now func() time.Time) *sessions {
	return &sessions{now: now, byKey: map[[sha256.Size]byte]*session{}}
}

// of finds the session of a request, or nil, and notes that it is used.
func (s *sessions) of(r *http.Request) *session {
	c, err := r.Cookie(cookieName(r))
	if err != nil {
		return nil
	}
	key := sha256.Sum256([]byte(c.Value))
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.byKey[key]
	if found == nil {
		return nil
	}
	now := s.now()
	if found.over(now) {
		delete(s.byKey, key)
		return nil
	}
	found.mu.Lock()
	found.used = now
	found.mu.Unlock()
	return found
}

// begin makes a session and gives its cookie to the browser.
func (s *sessions) begin(w http.ResponseWriter, r *http.Request) {
	secret := rand.Text()
	now := s.now()
	made := &session{key: sha256.Sum256([]byte(secret)), form: rand.Text(), made: now, used: now}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.makeRoom(now)
	s.byKey[made.key] = made
	http.SetCookie(w, cookie(r, secret, int(sessionLife.Seconds())))
}

// makeRoom forgets sessions that are over, and the least recently used ones of too many.
func (s *sessions) makeRoom(now time.Time) {
	for key, x := range s.byKey {
		if x.over(now) {
			delete(s.byKey, key)
		}
	}
	for len(s.byKey) >= maxSessions {
		var oldest *session
		for _, x := range s.byKey {
			if oldest == nil || x.used.Before(oldest.used) {
				oldest = x
			}
		}
		delete(s.byKey, oldest.key)
	}
}

// end forgets a session and takes its cookie back.
func (s *sessions) end(w http.ResponseWriter, r *http.Request, x *session) {
	s.mu.Lock()
	delete(s.byKey, x.key)
	s.mu.Unlock()
	http.SetCookie(w, cookie(r, "", -1))
}

// lives reports whether a session has not ended in the meantime.
func (s *sessions) lives(x *session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byKey[x.key] == x && !x.over(s.now())
}

// cookieName tells servers on other ports of the same host apart, which cookies do not.
func cookieName(r *http.Request) string {
	_, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		return "gastown"
	}
	return "gastown-" + port
}

// cookie makes the session's cookie. A proxy in front says whether the browser speaks TLS.
func cookie(r *http.Request, value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: cookieName(r), Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https",
	}
}
