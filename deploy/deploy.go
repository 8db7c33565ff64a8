// Package deploy holds what watches a gastown server: dashboard, alert rules and their provisioning, as files that
// are used where they lie, and inside the program for gastown dash export.
package deploy

import "embed"

// Files are the dashboard, the rules and the configuration around them, by their paths below deploy.
//
//go:embed alertmanager grafana prometheus
var Files embed.FS
