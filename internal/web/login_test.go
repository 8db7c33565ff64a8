package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gastown/internal/auth"
)

// Who is not logged in gets the form, and is led back to what was asked for.
func TestPagesNeedALogin(t *testing.T) {
	t.Parallel()
	s, _ := stuck(t)
	w := open(t, s)
	for _, path := range []string{"/", "/towns/main", "/towns/main/replay?tick=3", "/towns/main/beads/gt-2a"} {
		want := "/login"
		if path != "/" {
			want += "?next=" + url.QueryEscape(path)
		}
		if a := w.get(path); a.code != http.StatusSeeOther || a.head.Get("Location") != want || strings.Contains(a.text, "Greet") {
			t.Errorf("%s: %d to %q, want %q", path, a.code, a.head.Get("Location"), want)
		}
	}
	for _, path := range []string{"/towns/main/parts", "/towns/main/changes", "/towns/main/replay/moment?tick=3"} {
		if a := w.get(path); a.code != http.StatusUnauthorized || strings.Contains(a.text, "gt-2a") {
			t.Errorf("%s: %d", path, a.code)
		}
	}
	if a := w.post("/towns/main/pause", url.Values{"key": {"x"}}); a.code != http.StatusSeeOther || a.head.Get("Location") != "/login" {
		t.Errorf("a command: %d to %q", a.code, a.head.Get("Location"))
	}
	form := w.page("/login?next=" + url.QueryEscape("/towns/main/replay?tick=3"))
	if got := attr(form.one("input[name=next]"), "value"); got != "/towns/main/replay?tick=3" {
		t.Errorf("the form leads to %q", got)
	}
	form.one("label[for=token]")
}

func TestLogin(t *testing.T) {
	t.Parallel()
	s, _ := stuck(t)
	w := open(t, s)
	agent := w.keys.AgentToken(auth.Claims{Town: "main", Agent: "toast", Run: 1})
	for _, token := range []string{"", "gt_0000", w.token + "x", w.token[:len(w.token)-1], agent} {
		a := w.post("/login", url.Values{"token": {token}})
		if a.code != http.StatusForbidden || a.head.Get("Set-Cookie") != "" {
			t.Errorf("the token %.8q: %d, cookie %q", token, a.code, a.head.Get("Set-Cookie"))
		}
		if token != "" && strings.Contains(a.text, token) {
			t.Error("the page shows the token that was tried")
		}
	}
	a := w.post("/login", url.Values{"token": {" " + w.token + "\n"}, "next": {"/towns/main"}})
	cookie := a.head.Get("Set-Cookie")
	if a.code != http.StatusSeeOther || a.head.Get("Location") != "/towns/main" {
		t.Fatalf("logging in: %d to %q", a.code, a.head.Get("Location"))
	}
	for _, want := range []string{"HttpOnly", "SameSite=Lax", "Path=/"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("the cookie is %q, without %s", cookie, want)
		}
	}
	if strings.Contains(cookie, "Secure") || strings.Contains(cookie, w.token[3:]) {
		t.Errorf("the cookie is %q", cookie)
	}
	w.page("/towns/main")
	if a := w.get("/login?next=/towns/main"); a.head.Get("Location") != "/towns/main" {
		t.Errorf("who is logged in and asks for the form gets to %q", a.head.Get("Location"))
	}

	out := w.page("/towns/main").form("/logout")
	if a := w.post("/logout", out); a.code != http.StatusSeeOther {
		t.Errorf("logging out: %d", a.code)
	}
	secret := strings.TrimSuffix(strings.SplitN(cookie, ";", 2)[0], ";")
	if a := w.get("/towns/main", "Cookie", secret); a.code != http.StatusSeeOther {
		t.Errorf("the cookie is good for something after logging out: %d", a.code)
	}
}

func TestTheCookieBehindTLS(t *testing.T) {
	t.Parallel()
	w := open(t, newStory(t))
	a := w.post("/login", url.Values{"token": {w.token}}, "X-Forwarded-Proto", "https")
	if cookie := a.head.Get("Set-Cookie"); !strings.Contains(cookie, "Secure") {
		t.Errorf("the cookie is %q", cookie)
	}
}

// A session ends when nobody uses it for a day, and after a week in any case.
func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	w := open(t, newStory(t))
	w.login()
	w.later(23 * time.Hour)
	w.page("/towns/main")
	w.later(25 * time.Hour)
	if a := w.get("/towns/main"); a.code != http.StatusSeeOther {
		t.Errorf("after a day: %d", a.code)
	}
	w.login()
	for range 14 {
		w.page("/towns/main")
		w.later(12 * time.Hour)
	}
	w.later(time.Second)
	if a := w.get("/towns/main"); a.code != http.StatusSeeOther {
		t.Errorf("after a week: %d", a.code)
	}
}

// The way back leads to this server only.
func TestTheWayBackIsLocal(t *testing.T) {
	t.Parallel()
	w := open(t, newStory(t))
	for _, next := range []string{
		"https://evil.example/", "//evil.example/", `/\evil.example/`, `\\evil.example`, "javascript:alert(1)", "evil", "",
		"/\t/evil.example", "http:/evil.example", "///evil.example",
	} {
		if a := w.post("/login", url.Values{"token": {w.token}, "next": {next}}); a.head.Get("Location") != "/" {
			t.Errorf("%q leads to %q", next, a.head.Get("Location"))
		}
	}
}

// A command that another site has a browser send does nothing, whichever way it is recognised.
func TestForgedCommands(t *testing.T) {
	t.Parallel()
	w := open(t, newStory(t))
	w.login()
	form := w.page("/towns/main").form("/towns/main/pause")
	forged := func(change func(url.Values), headers ...string) {
		t.Helper()
		f := url.Values{}
		for k, v := range form {
			f[k] = v
		}
		change(f)
		if a := w.post("/towns/main/pause", f, headers...); a.code != http.StatusForbidden {
			t.Errorf("%v %v: %d %s", f, headers, a.code, a.text)
		}
	}
	same := func(url.Values) {}
	forged(same, "Sec-Fetch-Site", "cross-site")
	forged(same, "Sec-Fetch-Site", "same-site")
	forged(same, "Origin", "https://evil.example")
	forged(same, "Origin", "null")
	forged(func(f url.Values) { f.Del("form") })
	forged(func(f url.Values) { f.Set("form", "guess") })
	if a := w.post("/logout", url.Values{}); a.code != http.StatusForbidden {
		t.Errorf("another site can log people out: %d", a.code)
	}
	if a := w.post("/login", url.Values{"token": {w.token}}, "Sec-Fetch-Site", "cross-site"); a.code != http.StatusForbidden {
		t.Errorf("another site can log people in: %d", a.code)
	}
	w.page("/towns/main").form("/towns/main/pause") // it is not paused
	if a := w.post("/towns/main/pause", form, "Sec-Fetch-Site", "same-origin", "Origin", w.url); a.code != http.StatusSeeOther {
		t.Errorf("the page's own command: %d %s", a.code, a.text)
	}
	w.page("/towns/main").says(".now", "paused")
}

// Nothing is loaded from elsewhere, nothing runs that is written into a page, and nothing is kept.
func TestHeaders(t *testing.T) {
	t.Parallel()
	s, at := stuck(t)
	w := open(t, s)
	w.get("/login").guarded()
	w.login()
	for _, path := range []string{"/towns/main", tickAddress(at), "/towns/main/beads/gt-2a"} {
		a := w.page(path)
		a.guarded()
		if strings.Contains(a.text, w.token) || strings.Contains(a.text, "hunter2") {
			t.Errorf("%s shows a secret", path)
		}
		for _, n := range append(a.all("link"), a.all("script")...) {
			src := attr(n, "href") + attr(n, "src")
			if asset := w.page(src); !strings.HasPrefix(src, "/assets/") || !strings.Contains(asset.head.Get("Cache-Control"), "immutable") {
				t.Errorf("%s loads %s, kept %q", path, src, asset.head.Get("Cache-Control"))
			}
		}
	}
	w.get("/towns/other").guarded()
}

// guarded fails unless the headers of a page allow nothing but what it needs, and the page needs no
// more.
func (a *answer) guarded() {
	a.t.Helper()
	csp := a.head.Get("Content-Security-Policy")
	for _, want := range []string{
		"default-src 'none'", "script-src 'self'", "style-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'",
	} {
		if !strings.Contains(csp, want) || strings.Contains(csp, "unsafe") {
			a.t.Errorf("the policy is %q, without %s", csp, want)
		}
	}
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cache-Control": "no-store", "Cross-Origin-Opener-Policy": "same-origin",
	} {
		if got := a.head.Get(name); got != want {
			a.t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for _, n := range a.all("script") {
		if attr(n, "src") == "" {
			a.t.Errorf("a script is written into the page: %s", text(n))
		}
	}
	for _, n := range append(a.all("style"), a.all("[style]")...) {
		a.t.Errorf("a style is written into the page: %v", n)
	}
}
