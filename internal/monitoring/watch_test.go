package monitoring

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// freePort is one that nobody listens on now, and that the system gives to nobody who asks for any port: those begin
// higher up, and one of them might be taken again before the program has it.
func freePort(t testing.TB) string {
	t.Helper()
	const lowest, highest = 15000, 32000
	for range 100 {
		at := fmt.Sprint("127.0.0.1:", lowest+rand.IntN(highest-lowest))
		if l, err := net.Listen("tcp", at); err == nil {
			_ = l.Close() // it was only to see
			return at
		}
	}
	t.Fatal("every port is taken")
	return ""
}

// program runs a real program until the test is over, and returns where it listens when it is ready.
func program(t testing.TB, argv ...string) string {
	t.Helper()
	at := freePort(t)
	programAt(t, at, argv...)
	return at
}

// programAt runs it at an address, which its configuration may need to know.
func programAt(t testing.TB, at string, argv ...string) {
	t.Helper()
	log, err := os.Create(t.TempDir() + "/log")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(argv[0], append(argv[1:], "--web.listen-address="+at)...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v: the Makefile's target watchers installs it", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
		if text, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Logf("%s wrote:\n%s", argv[0], text)
		}
	})
	await(t, argv[0]+" to be ready", func() bool {
		r, err := http.Get("http://" + at + "/-/ready")
		if err != nil {
			return false
		}
		defer r.Body.Close()
		return r.StatusCode == http.StatusOK
	})
}

// patience bounds every wait; a test that needs it has failed.
const patience = 60 * time.Second

func await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	awaitFor(t, patience, what, ok)
}

func awaitFor(t testing.TB, patience time.Duration, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !ok() {
		select {
		case <-late:
			t.Fatalf("waited too long for %s", what)
		case <-tick.C:
		}
	}
}

// found is a series of an answer of Prometheus.
type found struct {
	Metric map[string]string
	Value  [2]any
	Values [][2]any
}

// ask sends a query to a Prometheus; values are those of its API besides the query.
func ask(t testing.TB, at, path, query string, values url.Values) []found {
	t.Helper()
	if values == nil {
		values = url.Values{}
	}
	values.Set("query", query)
	r, err := http.PostForm("http://"+at+path, values)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Status, Error string
		Data          struct{ Result []found }
	}
	if err := json.Unmarshal(text, &doc); err != nil || doc.Status != "success" {
		t.Fatalf("%s: %v %s", query, err, text)
	}
	return doc.Data.Result
}

func number(t testing.TB, v any) float64 {
	t.Helper()
	n, err := strconv.ParseFloat(fmt.Sprint(v), 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// firing is an alert with its labels, from when to when it fires.
type firing struct {
	labels   map[string]string
	from, to time.Time
}

// mostSteps is how many points Prometheus answers with at once.
const mostSteps = 10_000

// firings asks the Prometheus when the alert would have fired for an instance. The expression is evaluated there; how
// long it must hold is looked at here, as the rule engine does: at each step it must be there again.
func firings(t testing.TB, at string, a alert, instance string, from, to time.Time, step time.Duration) []firing {
	t.Helper()
	holds, err := time.ParseDuration("0s" + a.For)
	if err != nil {
		t.Fatal(err)
	}
	newest := map[string]*firing{}
	var spells []*firing
	for ; from.Before(to); from = from.Add(mostSteps * step) {
		end := from.Add((mostSteps - 1) * step)
		if end.After(to) {
			end = to
		}
		for _, f := range ask(t, at, "/api/v1/query_range", a.Expr, url.Values{
			"start": {fmt.Sprint(from.Unix())}, "end": {fmt.Sprint(end.Unix())}, "step": {fmt.Sprint(step.Seconds())},
		}) {
			if f.Metric["instance"] != instance {
				continue
			}
			delete(f.Metric, "__name__")
			f.Metric["alertname"], f.Metric["severity"] = a.Name, a.Labels["severity"]
			key := fmt.Sprint(f.Metric)
			for _, v := range f.Values {
				now := time.Unix(int64(number(t, v[0])), 0)
				s := newest[key]
				if s == nil || now.Sub(s.to) > step {
					s = &firing{labels: f.Metric, from: now}
					newest[key], spells = s, append(spells, s)
				}
				s.to = now
			}
		}
	}
	var out []firing
	for _, s := range spells {
		if s.from = s.from.Add(holds); !s.from.After(s.to) {
			out = append(out, *s)
		}
	}
	return out
}

// get reads a page as the admin.
func get(ctx context.Context, address, token string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", address, resp.Status, text)
	}
	return string(text), err
}
