package web

import "gastown/internal/town"

// Span is what the pages' script must say too.
func Span(d town.Duration) string { return span(d) }
