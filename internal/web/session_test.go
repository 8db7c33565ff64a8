package web

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// However often somebody logs in, the sessions are bounded: the one that was used least recently gives
// way.
func TestSessionsAreBounded(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_790_000_000, 0)
	s := newSessions(func() time.Time { return now })
	begin := func() *http.Request {
		now = now.Add(time.Second)
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		s.begin(w, r)
		for _, c := range w.Result().Cookies() {
			r.AddCookie(c)
		}
		return r
	}
	first, second := begin(), begin()
	for range maxSessions - 2 {
		begin()
	}
	now = now.Add(time.Second)
	if s.of(first) == nil || len(s.byKey) != maxSessions {
		t.Fatalf("%d sessions", len(s.byKey))
	}
	begin()
	if s.of(first) == nil || s.of(second) != nil || len(s.byKey) != maxSessions {
		t.Errorf("the first is there: %t, the second: %t, of %d", s.of(first) != nil, s.of(second) != nil, len(s.byKey))
	}
}
