// Package web serves the pages for people: the overview of a town, the life of a bead, and the replay
// of its history. They are written on the server, from the state and the journal, and work without
// script; a little script saves reloads.
//
//	browser ── GET ──► route ──► session? ──► view (plain data) ──► template ──► page
//	        ── POST ─► route ──► same origin, session, form token ──► event ──► controller
//	        ── stream ► "tick 7" ──► fetches the parts of the page anew
//
// A page has a folder below pages with its template, style and script. Whoever is logged in has a
// session, which the server keeps in memory: the cookie names it and is worth nothing elsewhere or
// after a restart. Whatever a page changes goes in as the same event that the API would send.
//
// Texts of agents are hostile until proved otherwise: html/template escapes all of it, the policy of
// the pages allows no inline script or style, and nothing is loaded from elsewhere.
package web
