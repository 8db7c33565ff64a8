package monitoring

import (
	"bufio"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"gastown/internal/observe"
)

// metricName finds the names of series in an expression.
var metricName = regexp.MustCompile(`\b(?:gastown|go|process)_[a-z0-9_]+\b|\bup\b`)

// samples are what a Prometheus would have scraped of a server whose time is the test's own.
type samples struct {
	instance string
	wanted   map[string]bool // names without the endings of histograms
	names    map[*prometheus.Desc]string
	series   map[string][]point
}

type point struct {
	at    time.Time
	value float64
}

// newSamples takes down what the alerts ask for.
func newSamples(t testing.TB, instance string) *samples {
	s := &samples{instance: instance, wanted: map[string]bool{}, names: map[*prometheus.Desc]string{}, series: map[string][]point{}}
	for _, a := range alerts(t) {
		for _, name := range metricName.FindAllString(asked(a.Expr), -1) {
			for _, ending := range []string{"_bucket", "_count", "_sum"} {
				name = strings.TrimSuffix(name, ending)
			}
			s.wanted[name] = true
		}
	}
	return s
}

func (s *samples) add(name string, labels []*dto.LabelPair, extra string, at time.Time, value float64) {
	var b strings.Builder
	fmt.Fprintf(&b, `%s{job="gastown",instance=%q`, name, s.instance)
	for _, l := range labels {
		fmt.Fprintf(&b, ",%s=%q", l.GetName(), l.GetValue())
	}
	b.WriteString(extra + "}")
	s.series[b.String()] = append(s.series[b.String()], point{at, value})
}

// scrape takes down what the server shows now; nil is a server that does not answer.
func (s *samples) scrape(t testing.TB, m *observe.Metrics, at time.Time) {
	t.Helper()
	if m == nil {
		s.add("up", nil, "", at, 0)
		return
	}
	s.add("up", nil, "", at, 1)
	ch := make(chan prometheus.Metric, 1000)
	go func() {
		m.Collect(ch)
		close(ch)
	}()
	for x := range ch {
		name, known := s.names[x.Desc()]
		if !known {
			name = regexp.MustCompile(`fqName: "([^"]*)"`).FindStringSubmatch(x.Desc().String())[1]
			s.names[x.Desc()] = name
		}
		if !s.wanted[name] {
			continue
		}
		var d dto.Metric
		if err := x.Write(&d); err != nil {
			t.Fatal(err)
		}
		switch {
		case d.Counter != nil:
			s.add(name, d.Label, "", at, d.Counter.GetValue())
		case d.Gauge != nil:
			s.add(name, d.Label, "", at, d.Gauge.GetValue())
		case d.Histogram != nil:
			for _, b := range d.Histogram.Bucket {
				s.add(name+"_bucket", d.Label, fmt.Sprintf(`,le="%v"`, b.GetUpperBound()), at, float64(b.GetCumulativeCount()))
			}
			s.add(name+"_bucket", d.Label, `,le="+Inf"`, at, float64(d.Histogram.GetSampleCount()))
			s.add(name+"_count", d.Label, "", at, float64(d.Histogram.GetSampleCount()))
		}
	}
}

// write appends the series in the format that promtool makes blocks of. Counters that stay at zero add nothing to
// any sum, and are most of all, so they are left out.
func (s *samples) write(t testing.TB, w *bufio.Writer) {
	t.Helper()
	for name, points := range s.series {
		if strings.Contains(name, "_total{") && points[len(points)-1].value == 0 && !everPositive(points) {
			continue
		}
		for _, p := range points {
			line := append([]byte(name+" "), strconv.AppendFloat(nil, p.value, 'g', -1, 64)...)
			line = append(line, ' ')
			line = strconv.AppendInt(line, p.at.Unix(), 10)
			if _, err := w.Write(append(line, '\n')); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func everPositive(points []point) bool {
	for _, p := range points {
		if p.value > 0 {
			return true
		}
	}
	return false
}

// openMetrics writes the series of several servers into a file.
func openMetrics(t testing.TB, path string, all ...*samples) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	for _, s := range all {
		s.write(t, w)
	}
	_, err = w.WriteString("# EOF\n")
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}
