package web

import (
	"net/http"
	"net/url"
	"strings"
)

// login is what the form to log in shows.
type login struct {
	Next  string // where to go then
	Wrong string // what was wrong with the last try
}

// loginAddress is the form to log in, which leads back to what was asked for.
func loginAddress(r *http.Request) string {
	next := "/"
	if r.Method == http.MethodGet {
		next = r.URL.RequestURI()
	}
	if next == "/" {
		return "/login"
	}
	return "/login?" + url.Values{"next": {next}}.Encode()
}

// local returns an address if it leads to a page of this server, and the first page otherwise.
func local(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(next, "/") ||
		strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\t\r\n") {
		return "/"
	}
	return next
}

func (p *Pages) loginForm(v *visit) error {
	next := local(v.r.URL.Query().Get("next"))
	if v.session != nil {
		http.Redirect(v.w, v.r, next, http.StatusSeeOther)
		return nil
	}
	p.render(v, http.StatusOK, view{Page: "login", Title: "Log in", Body: login{Next: next}})
	return nil
}

func (p *Pages) login(v *visit) error {
	next := local(v.r.PostFormValue("next"))
	id, err := p.Keys.Verify(strings.TrimSpace(v.r.PostFormValue("token")))
	wrong := ""
	switch {
	case err != nil:
		wrong = "This is not the admin token of this server."
	case !id.Admin:
		wrong = "The token of an agent is not good for the pages: they are for people."
	}
	if wrong != "" {
		p.Log.Warn("a login was refused", "from", v.r.RemoteAddr)
		p.render(v, http.StatusForbidden, view{Page: "login", Title: "Log in", Body: login{Next: next, Wrong: wrong}})
		return nil
	}
	if v.session != nil {
		p.sessions.end(v.w, v.r, v.session) // one login, one session
	}
	p.sessions.begin(v.w, v.r)
	http.Redirect(v.w, v.r, next, http.StatusSeeOther)
	return nil
}

func (p *Pages) logout(v *visit) error {
	p.sessions.end(v.w, v.r, v.session)
	http.Redirect(v.w, v.r, "/login", http.StatusSeeOther)
	return nil
}
