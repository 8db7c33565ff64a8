package api

import (
	"io/fs"
	"net/http"

	"gastown/docs"
)

// runbook shows the page of an alert, for whoever was woken by it and may not be logged in yet. It says nothing of
// this server.
func runbook(w http.ResponseWriter, r *http.Request) {
	text, err := fs.ReadFile(docs.Runbooks, "runbooks/"+r.PathValue("page"))
	if err != nil {
		writeProblem(w, http.StatusNotFound, "there is no such runbook; they are called as the alerts are, with .md behind")
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write(text) // who has gone away does not read it
}
