package monitoring

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/snappy"
	"google.golang.org/protobuf/encoding/protowire"

	"gastown/internal/observe"
)

// recording is what a real Prometheus keeps of a server whose time is the test's own, with everything that it exposes
// and what Prometheus adds: whether the server answered, and a mark at the end of each series that is not there any
// more. Files that blocks are made from cannot have such marks, without which a server that is gone has values for five
// minutes more.
type recording struct {
	instance string
	scrapes  []scrape
	before   map[string]string // the series of the newest scrape
}

// scrape is one answer of the server, or none.
type scrape struct {
	at     time.Time
	up     bool
	ofLife int // how many scrapes there were since the server's start, this one included
	values map[string]float64
	series map[string]string // by what it is: its labels, encoded
}

// goneForGood is the value that ends a series.
var goneForGood = math.Float64frombits(0x7ff0000000000002)

func record(p *play) *recording {
	r := &recording{instance: p.seen.instance}
	p.watch = func(m *observe.Metrics) { r.take(p, m) }
	return r
}

// line is one of an exposition.
var line = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$`)

var label = regexp.MustCompile(`([a-zA-Z_]+)=("(?:[^"\\]|\\.)*")`)

// take adds what the server shows now.
func (r *recording) take(p *play, m *observe.Metrics) {
	s := scrape{at: p.now, up: m != nil, values: map[string]float64{}, series: map[string]string{}}
	if m != nil {
		w := httptest.NewRecorder()
		m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		m.Served("GET /metrics", "GET", http.StatusOK, time.Millisecond)
		for text := range strings.Lines(w.Body.String()) {
			if found := line.FindStringSubmatch(strings.TrimSuffix(text, "\n")); found != nil {
				s.add(p.t, r.instance, found[1], found[2], number(p.t, found[3]))
			}
		}
		s.add(p.t, r.instance, "process_start_time_seconds", "", float64(p.started.Unix()))
		s.ofLife = 1
		if n := len(r.scrapes); n > 0 {
			s.ofLife = r.scrapes[n-1].ofLife + 1
		}
	}
	now := 0.0
	if s.up {
		now = 1
	}
	s.add(p.t, r.instance, "up", "", now)
	for key, encoded := range r.before {
		if _, there := s.series[key]; !there {
			s.values[key], s.series[key] = goneForGood, encoded
		}
	}
	r.before = map[string]string{}
	for key, encoded := range s.series {
		if !math.IsNaN(s.values[key]) {
			r.before[key] = encoded
		}
	}
	r.scrapes = append(r.scrapes, s)
}

// add takes a sample in, with the labels that Prometheus gives all of a server.
func (s *scrape) add(t testing.TB, instance, name, labels string, value float64) {
	t.Helper()
	all := [][2]string{{"__name__", name}, {"instance", instance}, {"job", "gastown"}}
	for _, l := range label.FindAllStringSubmatch(labels, -1) {
		v, err := strconv.Unquote(l[2])
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, [2]string{l[1], v})
	}
	slices.SortFunc(all, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	key := fmt.Sprint(all)
	s.values[key] = value
	if _, known := s.series[key]; known {
		return
	}
	var encoded []byte
	for _, l := range all {
		pair := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), l[0])
		pair = protowire.AppendString(protowire.AppendTag(pair, 2, protowire.BytesType), l[1])
		encoded = protowire.AppendBytes(protowire.AppendTag(encoded, 1, protowire.BytesType), pair)
	}
	s.series[key] = string(encoded)
}

// request is the scrape in the form of Prometheus' remote write.
func (s *scrape) request() []byte {
	var out []byte
	for key, encoded := range s.series {
		sample := protowire.AppendFixed64(protowire.AppendTag(nil, 1, protowire.Fixed64Type), math.Float64bits(s.values[key]))
		sample = protowire.AppendVarint(protowire.AppendTag(sample, 2, protowire.VarintType), uint64(s.at.UnixMilli()))
		series := protowire.AppendBytes(protowire.AppendTag([]byte(encoded), 2, protowire.BytesType), sample)
		out = protowire.AppendBytes(protowire.AppendTag(out, 1, protowire.BytesType), series)
	}
	return out
}

// recorded runs a real Prometheus that has seen all that.
func recorded(t testing.TB, all ...*recording) string {
	t.Helper()
	dir := t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(config, []byte("global: {scrape_interval: 15s}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	at := program(t, "prometheus", "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--storage.tsdb.retention.time=10y", "--web.enable-remote-write-receiver")
	var scrapes []*scrape
	for _, r := range all {
		for i := range r.scrapes {
			scrapes = append(scrapes, &r.scrapes[i])
		}
	}
	slices.SortStableFunc(scrapes, func(a, b *scrape) int { return a.at.Compare(b.at) })
	for _, s := range scrapes {
		body := bytes.NewReader(snappy.Encode(nil, s.request()))
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+at+"/api/v1/write", body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Encoding", "snappy")
		r.Header.Set("Content-Type", "application/x-protobuf")
		r.Header.Set("X-Prometheus-Remote-Write-Version", "0.1.0")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close() // it was read
		if err != nil || resp.StatusCode != http.StatusNoContent {
			t.Fatalf("Prometheus does not take what was seen at %s: %s %s (%v)", s.at, resp.Status, text, err)
		}
	}
	return at
}
