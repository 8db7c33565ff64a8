package api

import (
	"errors"
	"io/fs"
	"net/http"
	"strings"

	"gastown/docs"
)

// page shows a document, the page of an alert for example, for whoever was woken by it and may not be logged in yet. It
// says nothing of this server.
func (s *server) page(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("page")
	if base, ok := strings.CutSuffix(name, ".md"); ok { // as the links of earlier alerts have it
		w.Header().Set("Location", "/docs/"+base+".html")
		w.WriteHeader(http.StatusMovedPermanently)
		return
	}
	text, err := docs.Page(name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
		writeProblem(w, http.StatusNotFound,
			"there is no such page; those of alerts are called as the alerts are, with .html behind")
		return
	}
	if err != nil {
		writeProblem(w, http.StatusInternalServerError, "the page cannot be read")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	_, _ = w.Write(text) // who has gone away does not read it
}
