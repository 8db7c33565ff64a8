// Package sentrytest has the other end of Sentry's protocol, for tests: it takes envelopes apart as the
// real one does, refuses what is malformed, and keeps everything that it was sent.
package sentrytest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Key and Project are in the DSN that leads to a Receiver.
const (
	Key     = "0123456789abcdef0123456789abcdef"
	Project = "7"
)

// Event is a report as it arrived. Fields that reports of ours do not have are there so that a test
// can see that they do not.
type Event struct {
	ID          string                    `json:"event_id"`
	Timestamp   time.Time                 `json:"timestamp"`
	Level       string                    `json:"level"`
	Message     string                    `json:"message"`
	Platform    string                    `json:"platform"`
	Release     string                    `json:"release"`
	Environment string                    `json:"environment"`
	ServerName  string                    `json:"server_name"`
	Fingerprint []string                  `json:"fingerprint"`
	Tags        map[string]string         `json:"tags"`
	Contexts    map[string]map[string]any `json:"contexts"`
	User        map[string]any            `json:"user"`
	Modules     map[string]string         `json:"modules"`
	Request     map[string]any            `json:"request"`
	Extra       map[string]any            `json:"extra"`
	Breadcrumbs []any                     `json:"breadcrumbs"`
	Exception   []Exception               `json:"exception"`
}

// Exception is what was thrown.
type Exception struct {
	Type       string `json:"type"`
	Value      string `json:"value"`
	Stacktrace struct {
		Frames []struct {
			Function string         `json:"function"`
			Module   string         `json:"module"`
			Filename string         `json:"filename"`
			AbsPath  string         `json:"abs_path"`
			Line     int            `json:"lineno"`
			Context  string         `json:"context_line"`
			Vars     map[string]any `json:"vars"`
		} `json:"frames"`
	} `json:"stacktrace"`
}

// Class is the fingerprint in one piece.
func (e *Event) Class() string { return strings.Join(e.Fingerprint, "/") }

// CheckIn is a sign of life of a monitor.
type CheckIn struct {
	ID      string         `json:"check_in_id"`
	Monitor string         `json:"monitor_slug"`
	Status  string         `json:"status"`
	Config  map[string]any `json:"monitor_config"`
	At      time.Time      `json:"-"` // when it arrived
}

// Receiver is an HTTP handler that takes envelopes.
type Receiver struct {
	mu       sync.Mutex
	events   []Event
	checkIns []CheckIn
	raw      bytes.Buffer
	faults   []string
	changed  chan struct{} // closed at each arrival
}

// New returns a Receiver that has received nothing.
func New() *Receiver { return &Receiver{changed: make(chan struct{})} }

// DSN leads to a Receiver that answers at a base URL such as http://127.0.0.1:9000.
func DSN(base string) string {
	scheme, host, _ := strings.Cut(base, "://")
	return scheme + "://" + Key + "@" + host + "/" + Project
}

// Serve answers on a port of its own until the test ends, and returns the DSN that leads there.
func (r *Receiver) Serve(cleanup func(func())) string {
	srv := httptest.NewServer(r)
	cleanup(srv.Close)
	return DSN(srv.URL)
}

// RoundTrip implements http.RoundTripper: requests reach the Receiver without a network, which a
// synctest bubble cannot have.
func (r *Receiver) RoundTrip(req *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	r.ServeHTTP(rec, req)
	return rec.Result(), nil
}

// ServeHTTP implements http.Handler.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer func() {
		close(r.changed)
		r.changed = make(chan struct{})
	}()
	if err := r.take(req); err != nil {
		r.faults = append(r.faults, err.Error())
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	fmt.Fprintln(w, "{}")
}

// sentryKey is the part of the authorization that is always there.
var sentryKey = regexp.MustCompile(`\bsentry_key=` + Key + `\b`)

func (r *Receiver) take(req *http.Request) error {
	if want := "/api/" + Project + "/envelope/"; req.Method != http.MethodPost || req.URL.Path != want {
		return fmt.Errorf("%s %s, want POST %s", req.Method, req.URL.Path, want)
	}
	if !sentryKey.MatchString(req.Header.Get("X-Sentry-Auth")) {
		return fmt.Errorf("not authorized: %q", req.Header.Get("X-Sentry-Auth"))
	}
	body := io.Reader(req.Body)
	if req.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(req.Body)
		if err != nil {
			return fmt.Errorf("cannot unpack: %w", err)
		}
		body = z
	}
	data, err := io.ReadAll(body)
	if err != nil {
		return fmt.Errorf("cannot read: %w", err)
	}
	fmt.Fprintf(&r.raw, "%s %s\n", req.Method, req.URL)
	if err := req.Header.Write(&r.raw); err != nil {
		return err
	}
	r.raw.Write(data)
	return r.envelope(bufio.NewReader(bytes.NewReader(data)))
}

// envelope reads a line with the header, and then items, each a line with its header and as many bytes
// as that says.
func (r *Receiver) envelope(in *bufio.Reader) error {
	var head struct {
		ID   string    `json:"event_id"`
		Sent time.Time `json:"sent_at"`
	}
	if err := jsonLine(in, &head); err != nil {
		return fmt.Errorf("the envelope's header: %w", err)
	}
	for n := 1; ; n++ {
		if _, err := in.Peek(1); err == io.EOF {
			if n == 1 {
				return fmt.Errorf("an envelope without items")
			}
			return nil
		}
		var item struct {
			Type   string `json:"type"`
			Length *int   `json:"length"`
		}
		if err := jsonLine(in, &item); err != nil {
			return fmt.Errorf("the header of item %d: %w", n, err)
		}
		payload, err := payloadOf(in, item.Length)
		if err != nil {
			return fmt.Errorf("item %d: %w", n, err)
		}
		if err := r.item(item.Type, payload); err != nil {
			return fmt.Errorf("item %d: %w", n, err)
		}
	}
}

// payloadOf reads as many bytes as the header says, or else a line.
func payloadOf(in *bufio.Reader, length *int) ([]byte, error) {
	if length == nil {
		line, err := in.ReadBytes('\n')
		if err == io.EOF {
			err = nil
		}
		return line, err
	}
	payload := make([]byte, *length)
	if _, err := io.ReadFull(in, payload); err != nil {
		return nil, fmt.Errorf("it is shorter than %d bytes: %w", *length, err)
	}
	if b, err := in.ReadByte(); err == nil && b != '\n' {
		return nil, fmt.Errorf("it is longer than %d bytes", *length)
	}
	return payload, nil
}

func (r *Receiver) item(kind string, payload []byte) error {
	switch kind {
	case "event":
		var e Event
		if err := json.Unmarshal(payload, &e); err != nil {
			return fmt.Errorf("an event: %w", err)
		}
		r.events = append(r.events, e)
	case "check_in":
		c := CheckIn{At: time.Now()}
		if err := json.Unmarshal(payload, &c); err != nil {
			return fmt.Errorf("a check-in: %w", err)
		}
		r.checkIns = append(r.checkIns, c)
	default:
		return fmt.Errorf("an item of type %q, which gastown does not send", kind)
	}
	return nil
}

func jsonLine(in *bufio.Reader, v any) error {
	line, err := in.ReadBytes('\n')
	if err != nil && err != io.EOF {
		return err
	}
	return json.Unmarshal(line, v)
}

// Events returns what arrived, in order.
func (r *Receiver) Events() []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

// CheckIns returns the check-ins that arrived, in order.
func (r *Receiver) CheckIns() []CheckIn {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.checkIns)
}

// Raw is every byte that arrived, unpacked, with the headers.
func (r *Receiver) Raw() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.raw.String()
}

// Faults lists what was malformed.
func (r *Receiver) Faults() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.faults)
}

// Await waits until an event that matches has arrived, and returns it; nil if none does in time.
func (r *Receiver) Await(patience time.Duration, match func(*Event) bool) *Event {
	var found *Event
	r.await(patience, func() bool {
		for i := range r.events {
			if match(&r.events[i]) {
				e := r.events[i]
				found = &e
				return true
			}
		}
		return false
	})
	return found
}

// AwaitText waits until the bytes that arrived match, and reports whether they do in time.
func (r *Receiver) AwaitText(patience time.Duration, want *regexp.Regexp) bool {
	return r.await(patience, func() bool { return want.Match(r.raw.Bytes()) })
}

// await asks after each arrival; done is called with the lock held.
func (r *Receiver) await(patience time.Duration, done func() bool) bool {
	deadline := time.After(patience)
	for {
		r.mu.Lock()
		well, changed := done(), r.changed
		r.mu.Unlock()
		if well {
			return true
		}
		select {
		case <-changed:
		case <-deadline:
			return false
		}
	}
}
