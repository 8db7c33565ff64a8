// Package docs holds the pages that a running server shows, so that they are those of its own version.
package docs

import "embed"

// Runbooks has a page for every alert.
//
//go:embed runbooks/*.md
var Runbooks embed.FS
