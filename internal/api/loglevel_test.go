package api_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gastown/internal/api"
	"gastown/internal/auth"
	"gastown/internal/observe/report"
	"gastown/internal/observe/sentrytest"
	"gastown/internal/wire"
)

func TestLogLevel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var got wire.LogLevel
	if w.must(http.StatusOK, http.MethodGet, "/api/log-level", nil).into(&got); got.Level != "info" {
		t.Errorf("it begins as %q", got.Level)
	}
	w.must(http.StatusOK, http.MethodPatch, "/api/log-level", wire.LogLevel{Level: "debug"})
	if w.must(http.StatusOK, http.MethodGet, "/api/log-level", nil).into(&got); got.Level != "debug" {
		t.Errorf("it is %q after the change", got.Level)
	}
	w.do(w.admin, http.MethodPatch, "/api/log-level", wire.LogLevel{Level: "loud"}).problem(http.StatusUnprocessableEntity, "level")
	if w.must(http.StatusOK, http.MethodGet, "/api/log-level", nil).into(&got); got.Level != "debug" {
		t.Errorf("a refused change has made it %q", got.Level)
	}
}

// A panic in a request is answered with a problem, logged, and reported without what was thrown.
func TestDefectsInRequestsAreReported(t *testing.T) {
	t.Parallel()
	keys, err := auth.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	in := sentrytest.New()
	reports, err := report.New(report.Options{DSN: sentrytest.DSN("http://sentry.example"), Transport: in})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	h := api.New(api.Config{
		Keys: keys, Log: slog.New(slog.NewTextHandler(&log, nil)), Reports: reports,
		Served:  func(string, string, int, time.Duration) {},
		Metrics: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(errors.New("hunter2")) }),
	})
	req := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	req.Header.Set("Authorization", "Bearer "+keys.Admin())
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, req)
	reports.Close()
	if rec.Code != http.StatusInternalServerError || !strings.Contains(log.String(), "hunter2") {
		t.Errorf("got %d, logged %s", rec.Code, log.String())
	}
	got := in.Events()
	if len(got) != 1 || got[0].Tags["place"] != "request" || !strings.Contains(got[0].Class(), "TestDefectsInRequestsAreReported") || strings.Contains(in.Raw(), "hunter2") {
		t.Errorf("arrived: %+v", got)
	}
}
