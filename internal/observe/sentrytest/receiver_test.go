package sentrytest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func post(t *testing.T, r *Receiver, body string, packed bool) int {
	t.Helper()
	var buf bytes.Buffer
	buf.WriteString(body)
	if packed {
		buf.Reset()
		z := gzip.NewWriter(&buf)
		_, _ = z.Write([]byte(body))
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
	}
	req := httptest.NewRequest(http.MethodPost, "/api/"+Project+"/envelope/", &buf)
	req.Header.Set("X-Sentry-Auth", "Sentry sentry_version=7, sentry_key="+Key)
	if packed {
		req.Header.Set("Content-Encoding", "gzip")
	}
	rec := httptest.NewRecorder()
	r.ServeHTTP(rec, req)
	return rec.Code
}

func TestEnvelopesAreTakenApart(t *testing.T) {
	t.Parallel()
	const event = `{"message":"one\ntwo","fingerprint":["a","b"]}`
	good := `{"event_id":"1"}` + "\n" + fmt.Sprintf(`{"type":"event","length":%d}`, len(event)) + "\n" + event + "\n" +
		`{"type":"check_in"}` + "\n" + `{"monitor_slug":"m","status":"ok"}` + "\n"
	for _, packed := range []bool{false, true} {
		r := New()
		if code := post(t, r, good, packed); code != http.StatusOK {
			t.Fatalf("packed %v: %d, %v", packed, code, r.Faults())
		}
		if e := r.Events(); len(e) != 1 || e[0].Message != "one\ntwo" || e[0].Class() != "a/b" {
			t.Errorf("packed %v: %+v", packed, e)
		}
		if c := r.CheckIns(); len(c) != 1 || c[0].Monitor != "m" || c[0].Status != "ok" {
			t.Errorf("packed %v: %+v", packed, c)
		}
		if !strings.Contains(r.Raw(), good) {
			t.Errorf("packed %v: the bytes were not kept", packed)
		}
	}
}

func TestWhatIsMalformedIsRefused(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		"", "no json\n", `{}` + "\n",
		`{}` + "\n" + `{"type":"event","length":99}` + "\n{}\n",
		`{}` + "\n" + `{"type":"event","length":1}` + "\n{}\n",
		`{}` + "\n" + `{"type":"transaction","length":2}` + "\n{}\n",
	} {
		r := New()
		if code := post(t, r, body, false); code != http.StatusBadRequest || len(r.Faults()) != 1 || len(r.Events()) != 0 {
			t.Errorf("%q: %d, %v", body, code, r.Faults())
		}
	}
}
