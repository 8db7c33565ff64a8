package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gastown/internal/client"
	"gastown/internal/town"
	"gastown/internal/wire"
)

// patience is enough for every retry of these tests; a test that uses it up has failed.
const patience = 20 * time.Second

// requests keeps what a server was asked.
type requests struct {
	mu   sync.Mutex
	list []*http.Request
}

func (r *requests) add(req *http.Request) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, req)
	return len(r.list)
}

func (r *requests) all() []*http.Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.list)
}

// serve starts a server; answer gets the number of the request, from 1.
func serve(t *testing.T, answer func(n int, w http.ResponseWriter, r *http.Request)) (string, *requests) {
	t.Helper()
	seen := new(requests)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(seen.add(r), w, r) }))
	t.Cleanup(s.Close)
	return s.URL, seen
}

func at(address string, wait time.Duration) *client.Client {
	return client.New(client.Config{Patience: wait, Find: func() (string, string, error) { return address, "gt_secret", nil }})
}

// nobody is an address where nobody listens.
func nobody(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return address
}

func refuse(w http.ResponseWriter, code int, problem string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, problem)
}

func TestARepeatedRequestHasTheSameKeyAndBody(t *testing.T) {
	t.Parallel()
	bodies := make(chan string, 10)
	address, seen := serve(t, func(n int, w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies <- string(body)
		switch n {
		case 1:
			refuse(w, http.StatusServiceUnavailable, `{"status":503,"detail":"the server is stopping"}`)
			return
		case 2:
			refuse(w, http.StatusInsufficientStorage, `{"status":507,"detail":"the disk is full"}`)
			return
		}
		_, _ = io.WriteString(w, `{"id":"gt-1a"}`)
	})
	tn := at(address, patience).Town("main")
	b, err := tn.Sling(t.Context(), town.NewBead{Title: "x"})
	if err != nil || b.ID != "gt-1a" {
		t.Fatalf("%+v, %v", b, err)
	}
	if _, err := tn.Sling(t.Context(), town.NewBead{Title: "x"}); err != nil {
		t.Fatal(err)
	}
	all := seen.all()
	keys := make([]string, len(all))
	for i, r := range all {
		keys[i] = r.Header.Get("Idempotency-Key")
		if r.Header.Get("Authorization") != "Bearer gt_secret" || strings.Contains(r.URL.String(), "secret") {
			t.Errorf("request %d: %s, authorization %q", i, r.URL, r.Header.Get("Authorization"))
		}
		if got := <-bodies; !strings.Contains(got, `"title":"x"`) {
			t.Errorf("request %d has the body %s", i, got)
		}
	}
	if len(keys) != 4 || keys[0] == "" || keys[0] != keys[1] || keys[1] != keys[2] || keys[2] == keys[3] {
		t.Errorf("keys %q: want three equal ones and another", keys)
	}
}

func TestTheAddressIsLookedUpBeforeEveryTry(t *testing.T) {
	t.Parallel()
	address, _ := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"seq":7}`) })
	gone, tries := nobody(t), 0
	c := client.New(client.Config{Patience: patience, Find: func() (string, string, error) {
		if tries++; tries < 3 {
			return gone, "t", nil
		}
		return address, "t", nil
	}})
	got, err := c.Town("main").Verb(t.Context(), "checkpoint", &town.AgentCheckpoint{Text: "half"})
	if err != nil || got.Seq != 7 || tries != 3 {
		t.Errorf("%+v, %v, after %d tries", got, err, tries)
	}
}

func TestWithoutPatienceThereIsOneTry(t *testing.T) {
	t.Parallel()
	address, seen := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusServiceUnavailable, `{"status":503,"detail":"the server is stopping"}`)
	})
	_, err := at(address, 0).Towns(t.Context())
	var p *client.Problem
	if !errors.As(err, &p) || p.Status != http.StatusServiceUnavailable || len(seen.all()) != 1 {
		t.Errorf("%v after %d tries", err, len(seen.all()))
	}
}

func TestWhatIsRefusedIsNotRepeated(t *testing.T) {
	t.Parallel()
	address, seen := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusConflict, `{"status":409,"title":"Conflict","detail":"gt-1a is closed"}`)
	})
	_, err := at(address, patience).Town("main").BeadVerb(t.Context(), "gt-1a", "retry", nil)
	if err == nil || err.Error() != "gt-1a is closed" || len(seen.all()) != 1 {
		t.Errorf("%v after %d tries", err, len(seen.all()))
	}
}

func TestNoServerNamesTheRemedy(t *testing.T) {
	t.Parallel()
	address := nobody(t)
	_, err := at(address, 0).Towns(t.Context())
	var none *client.NoServerError
	if !errors.As(err, &none) || !strings.Contains(err.Error(), address) || !strings.Contains(err.Error(), "gastown up") {
		t.Errorf("%v", err)
	}
}

func TestTheEndOfTheContextEndsTheTries(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	address, seen := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusServiceUnavailable, `{"status":503,"detail":"the server is stopping"}`)
		cancel()
	})
	if _, err := at(address, time.Hour).Towns(ctx); err == nil || len(seen.all()) != 1 {
		t.Errorf("%v after %d tries", err, len(seen.all()))
	}
}

func TestProblemsAreReadable(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ body, want string }{
		"detail":           {`{"status":422,"title":"Unprocessable Entity","detail":"title: is empty","errors":[{"location":"title","message":"is empty"}]}`, "title: is empty"},
		"field not told":   {`{"status":422,"detail":"validation failed","errors":[{"location":"query.limit","message":"expected number <= 1000"}]}`, "validation failed; query.limit: expected number <= 1000"},
		"only a title":     {`{"status":422,"title":"Unprocessable Entity"}`, "Unprocessable Entity"},
		"not of gastown's": {`<html>a proxy`, "<html>a proxy"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, _ := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) { refuse(w, 422, c.body) })
			_, err := at(address, 0).CreateTown(t.Context(), wire.NewTown{ID: "main"})
			var p *client.Problem
			if !errors.As(err, &p) || p.Status != 422 || p.Error() != c.want {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

func TestNamesAndFiltersAreEscaped(t *testing.T) {
	t.Parallel()
	address, seen := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{}`) })
	tn := at(address, 0).Town("main")
	if _, err := tn.Bead(t.Context(), "a/b?c"); err != nil {
		t.Fatal(err)
	}
	if _, err := tn.Beads(t.Context(), url.Values{"q": {"a&b"}}); err != nil {
		t.Fatal(err)
	}
	all := seen.all()
	if got := all[0].URL.EscapedPath(); got != "/api/towns/main/beads/a%2Fb%3Fc" {
		t.Errorf("path %s", got)
	}
	if got := all[1].URL.Query().Get("q"); got != "a&b" {
		t.Errorf("query %q", got)
	}
}

func TestLogsStreamAndTellWhatIsWanted(t *testing.T) {
	t.Parallel()
	address, seen := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "one\ntwo\n") })
	log, err := at(address, 0).Town("main").Logs(t.Context(), "toast", 3, 2, true)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(log)
	if err := errors.Join(err, log.Close()); err != nil || string(text) != "one\ntwo\n" {
		t.Errorf("%q, %v", text, err)
	}
	if q := seen.all()[0].URL.Query(); q.Get("run") != "3" || q.Get("tail") != "2" || q.Get("follow") != "true" {
		t.Errorf("query %v", q)
	}
}

func TestWatchTellsTicksUntilItHasHeardEnough(t *testing.T) {
	t.Parallel()
	address, _ := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "event: hello\ndata: {\"lastTick\":4}\n\n: alive\n\n")
		for n := 5; n < 9; n++ {
			_, _ = fmt.Fprintf(w, "event: tick\ndata: {\"tick\":%d}\n\n", n)
		}
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done() // the server goes on; the client ends it
	})
	var got []town.TickNo
	err := at(address, 0).Town("main").Watch(t.Context(), func(tick *town.Tick) bool {
		got = append(got, tick.No)
		return tick.No < 6
	})
	// The first call, of the hello, has an empty tick: whoever watches looks at the town then.
	if want := []town.TickNo{0, 5, 6}; err != nil || !slices.Equal(got, want) {
		t.Errorf("ticks %v, want %v; %v", got, want, err)
	}
}

// What is there before the first tick is seen, what a tick brings is seen, and a stream that ends is opened again.
func TestUntilMissesNothing(t *testing.T) {
	t.Parallel()
	const hello, tick = "event: hello\ndata: {}\n\n", "event: tick\ndata: {\"tick\":1}\n\n"
	for name, x := range map[string]struct {
		streams []string // what each stream says before it ends
		looks   int      // the look that finds it
	}{
		"at once":                {[]string{hello}, 1},
		"with a tick":            {[]string{hello + tick}, 2},
		"after the stream ended": {[]string{hello + tick, hello}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, seen := serve(t, func(n int, w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, x.streams[n-1]) })
			looks := 0
			err := at(address, 0).Town("main").Until(t.Context(), func() (bool, error) { looks++; return looks == x.looks, nil })
			if err != nil || looks != x.looks || len(seen.all()) != len(x.streams) {
				t.Errorf("%v after %d looks and %d streams, want %d and %d", err, looks, len(seen.all()), x.looks, len(x.streams))
			}
		})
	}
}

func TestUntilEndsWithAnError(t *testing.T) {
	t.Parallel()
	address, _ := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "event: hello\ndata: {}\n\n")
	})
	tn, sad := at(address, 0).Town("main"), errors.New("sad")
	if err := tn.Until(t.Context(), func() (bool, error) { return true, sad }); !errors.Is(err, sad) {
		t.Errorf("the look failed, and it says %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := tn.Until(ctx, func() (bool, error) { cancel(); return false, nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("it was called off, and it says %v", err)
	}
	var none *client.NoServerError
	if err := at(nobody(t), 0).Town("main").Until(t.Context(), func() (bool, error) { return true, nil }); !errors.As(err, &none) {
		t.Errorf("nobody is there, and it says %v", err)
	}
}
