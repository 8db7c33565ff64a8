package effect

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"gastown/internal/town"
)

const (
	// hookTimeout bounds one webhook: a town has better things to do than to wait for a chat.
	hookTimeout = 10 * time.Second
	// hookAnswer is how much of a webhook's answer is read, in bytes; nothing in it matters.
	hookAnswer = 4 << 10
)

// notify tells every webhook. If one does not take it, the outcome says which; all are told again
// then, under the same key, by which they can tell a repeat.
func (r *Runner) notify(ctx context.Context, e *town.Effect) (town.Payload, error) {
	told := &town.PeopleNotified{Notice: e.Notify.Notice}
	body, err := json.Marshal(e.Notify)
	if err != nil {
		return nil, fmt.Errorf("cannot write the notice: %w", err)
	}
	for i, hook := range e.Notify.Webhooks {
		if hookErr := r.post(ctx, hook, e.Notify.Key, body); hookErr != nil {
			err = errors.Join(err, fmt.Errorf("webhook %d: %w", i+1, hookErr))
		}
	}
	if err != nil {
		told.Error = err.Error()
	}
	return told, err
}

// post tells one webhook. Its address may hold a secret and appears in no error.
func (r *Runner) post(ctx context.Context, hook, key string, body []byte) error {
	address, err := readSecret(hook)
	if err != nil {
		return err
	}
	if why := town.BadWebhook(address); why != "" {
		return errors.New("its address " + why)
	}
	ctx, cancel := context.WithTimeout(ctx, hookTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return errors.New("its address makes no request")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", key)
	req.Header.Set("User-Agent", "gastown")
	client := http.Client{Transport: r.hooks, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return withoutAddress(err)
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.CopyN(io.Discard, resp.Body, hookAnswer) // so that the connection can be used again
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("%s answered with status %d", req.URL.Hostname(), resp.StatusCode)
	}
	return nil
}

// withoutAddress takes the URL out of a client's error.
func withoutAddress(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// webhookTransport connects to where a name leads at the moment of the connection: to this machine or
// a private network only if the webhook names an address there, so that no name of somebody else's can
// point a town at its own insides. No proxy is asked, since that would resolve the name itself.
func webhookTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: hookTimeout}
	return &http.Transport{
		MaxIdleConns: 10, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: hookTimeout, ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			host, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			addrs, err := reachable(ctx, host)
			if err != nil {
				return nil, err
			}
			for _, a := range addrs {
				var conn net.Conn
				if conn, err = dialer.DialContext(ctx, network, net.JoinHostPort(a.String(), port)); err == nil {
					return conn, nil
				}
			}
			return nil, err
		},
	}
}

// reachable lists the addresses of a host that a webhook may lead to. A literal address, and
// localhost, mean what they say.
func reachable(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	return allowed(host, found)
}

// allowed leaves out what is inside.
func allowed(host string, found []netip.Addr) ([]netip.Addr, error) {
	if host == "localhost" {
		return found, nil
	}
	var out []netip.Addr
	for _, a := range found {
		if a = a.Unmap(); !inside(a) {
			out = append(out, a)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s leads to this machine or a private network: name its address if that is meant", host)
	}
	return out, nil
}

// shared is the address space between a provider and its customers: as private as the others.
var shared = netip.MustParsePrefix("100.64.0.0/10")

// inside reports whether an address is of this machine or a network that is not public.
func inside(a netip.Addr) bool {
	return a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || a.IsLinkLocalMulticast() || a.IsMulticast() || a.IsUnspecified() ||
		shared.Contains(a)
}
