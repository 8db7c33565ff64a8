// Package client speaks the HTTP API for programs in Go, the command line above all. Whatever
// changes a town carries a key of its own, so that a request can be repeated safely when its answer
// was lost.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"
)

// Config says how to reach a server.
type Config struct {
	// Find returns the server's URL and the token. It is called before every try, since a server
	// that was started again may be elsewhere.
	Find func() (address, token string, err error)
	// Patience is how long a request is repeated while no server answers, or its disk is full; zero tries once.
	// Agents are patient: the server may be being restarted.
	Patience time.Duration
	// HTTP is the client below; http.DefaultClient if nil.
	HTTP *http.Client
}

// Client speaks to one server.
type Client struct{ cfg Config }

// New returns a client.
func New(cfg Config) *Client {
	if cfg.HTTP == nil {
		cfg.HTTP = http.DefaultClient
	}
	return &Client{cfg: cfg}
}

// Problem is the server's refusal (RFC 9457).
type Problem struct {
	Status int      `json:"status"`
	Title  string   `json:"title"`
	Detail string   `json:"detail"`
	Errors []Detail `json:"errors"`
}

// Detail names a field that is wrong.
type Detail struct {
	Location string `json:"location"`
	Message  string `json:"message"`
	Value    any    `json:"value"`
}

// Error says what the server said.
func (p *Problem) Error() string {
	text := p.Detail
	if text == "" {
		text = p.Title
	}
	for _, d := range p.Errors {
		if d.Message != "" && !strings.Contains(text, d.Message) {
			text += fmt.Sprintf("; %s: %s", d.Location, d.Message)
		}
	}
	return text
}

// NoServerError says that nobody answers.
type NoServerError struct {
	URL string
	Err error
}

// Error names the remedy.
func (e *NoServerError) Error() string {
	return fmt.Sprintf("no gastown server answers at %s: start one with gastown up (%v)", e.URL, e.Err)
}

// Unwrap returns the cause.
func (e *NoServerError) Unwrap() error { return e.Err }

// between is the pause between tries.
const between = 200 * time.Millisecond

// call makes a request and reads its answer into out, if that is not nil.
func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	resp, err := c.open(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if out == nil || resp.StatusCode == http.StatusNoContent {
		return nil
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return fmt.Errorf("cannot read the server's answer: %w", err)
	}
	return nil
}

// open makes a request, again while it may succeed later and patience lasts, and returns the answer
// if it is no refusal.
func (c *Client) open(ctx context.Context, method, path string, in any) (*http.Response, error) {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return nil, fmt.Errorf("cannot write the request: %w", err)
		}
	}
	key, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("cannot make a key for the request: %w", err)
	}
	deadline := time.Now().Add(c.cfg.Patience)
	for {
		resp, err := c.try(ctx, method, path, body, key.String())
		if !again(err) || time.Now().Add(between).After(deadline) {
			return resp, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(between):
		}
	}
}

// again reports whether the request may succeed later, unchanged.
func again(err error) bool {
	var none *NoServerError
	var p *Problem
	return errors.As(err, &none) ||
		(errors.As(err, &p) && (p.Status == http.StatusServiceUnavailable || p.Status == http.StatusInsufficientStorage))
}

func (c *Client) try(ctx context.Context, method, path string, body []byte, key string) (*http.Response, error) {
	address, token, err := c.cfg.Find()
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(address, "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("cannot make the request: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if method != http.MethodGet {
		req.Header.Set("Idempotency-Key", key)
	}
	if len(body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.cfg.HTTP.Do(req)
	if err != nil {
		var refused *url.Error
		if errors.As(err, &refused) && (errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF)) {
			return nil, &NoServerError{URL: address, Err: refused.Err}
		}
		return nil, fmt.Errorf("cannot reach the server: %w", err)
	}
	if resp.StatusCode < http.StatusBadRequest {
		return resp, nil
	}
	defer func() { _ = resp.Body.Close() }()
	p := &Problem{}
	data, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil || json.Unmarshal(data, p) != nil || p.Status == 0 {
		p = &Problem{Title: resp.Status, Detail: strings.TrimSpace(string(data))}
	}
	p.Status = resp.StatusCode
	return nil, p
}
