// Package deploy holds what watches a gastown server: dashboard, alert rules and their provisioning, as files that
// are used where they lie, and inside the program for gastown dash export.
package deploy

import (
	"embed"
	"fmt"
	"regexp"
	"strings"
)

// Files are the dashboard, the rules and the configuration around them, by their paths below deploy.
//
//go:embed alertmanager grafana prometheus
var Files embed.FS

// Addresses are what the files name. Grafana's alerts take no variable from their surroundings, so that what is true
// for one installation is written into the files.
type Addresses struct {
	Gastown  string // where people reach the server
	Runbooks string // where the pages for alerts are; below Gastown if empty
	Page     string // a webhook for what is critical
	Chat     string // a webhook for the rest, of Grafana's; Alertmanager's is in a file of secrets
	Watchdog string // a webhook that misses what does not come any more
}

// Here is what the files name as they are. Nothing listens to the webhooks.
var Here = Addresses{
	Gastown:  "http://localhost:7333",
	Runbooks: "http://localhost:7333/docs/runbooks",
	Page:     "https://pager.example.org/gastown",
	Chat:     "https://chat.example.org/gastown",
	Watchdog: "https://watchdog.example.org/gastown",
}

// plain are addresses that mean themselves in YAML, JSON and both kinds of templates.
var plain = regexp.MustCompile(`^https?://[A-Za-z0-9.:\[\]_-]+(/[A-Za-z0-9.,:;@%&=+!*()~?/_-]*)?$`)

// Check returns an error that names an address which cannot be written into the files.
func (a Addresses) Check() error {
	for _, x := range []struct{ name, address string }{
		{"url", a.Gastown}, {"runbooks-url", a.Runbooks},
		{"page-url", a.Page}, {"chat-url", a.Chat}, {"watchdog-url", a.Watchdog},
	} {
		if !plain.MatchString(x.address) {
			return fmt.Errorf("%s is %q, must be an address such as https://gastown.example.org, "+
				"without quotes, spaces, dollars or braces", x.name, x.address)
		}
	}
	return nil
}

// File returns a file with these addresses in the place of those of Here.
func (a Addresses) File(name string) ([]byte, error) {
	text, err := Files.ReadFile(name)
	if err != nil {
		return nil, err
	}
	// The first that fits is taken, so that the address of the pages comes before the one that it begins with.
	return []byte(strings.NewReplacer(
		Here.Runbooks, a.Runbooks, Here.Gastown, a.Gastown, Here.Page, a.Page, Here.Chat, a.Chat, Here.Watchdog, a.Watchdog,
	).Replace(string(text))), nil
}
