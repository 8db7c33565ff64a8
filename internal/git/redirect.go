package git

import (
	"context"
	"errors"
	"net/http"
	"strings"
)

// redirected completes the error of a remote that sends its callers elsewhere: with the new address, if the remote tells
// it without being given any credential. Nothing follows by itself: the credential of one address is none of another's.
func redirected(ctx context.Context, err error, address string) error {
	var e *Error
	if !errors.As(err, &e) || e.Class != ClassRedirected {
		return err
	}
	to := "NEW-ADDRESS"
	if next := locationOf(ctx, address); next != "" {
		to = next
		e.Stderr = "it has moved to " + mask(next)
	}
	e.advice = "if that is right: gastown rig set NAME --url " + mask(to)
	return err
}

// locationOf asks where an address sends its callers to; empty if it does not say.
func locationOf(ctx context.Context, address string) string {
	const asked = "/info/refs?service=git-upload-pack"
	limited, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(limited, http.MethodGet, strings.TrimSuffix(address, "/")+asked, nil)
	if err != nil {
		return ""
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(req)
	if err != nil {
		return ""
	}
	_ = answer.Body.Close()
	to, err := answer.Location()
	if err != nil {
		return ""
	}
	next, whole := strings.CutSuffix(to.String(), asked)
	if !whole {
		return ""
	}
	return next
}
