package tracing

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// uploadTimeout bounds one request to the collector.
const uploadTimeout = 10 * time.Second

// answerRead is how much of a collector's answer is read, in bytes; nothing in it matters.
const answerRead = 4 << 10

// uploader speaks OTLP over HTTP. The usual client of that links the whole of gRPC into the program,
// for the sake of a message that is the same on the wire as one without.
type uploader struct {
	url    string
	client http.Client
	log    *slog.Logger
	failed atomic.Bool
}

// Start implements otlptrace.Client.
func (u *uploader) Start(context.Context) error { return nil }

// Stop implements otlptrace.Client.
func (u *uploader) Stop(context.Context) error {
	u.client.CloseIdleConnections()
	return nil
}

// UploadTraces implements otlptrace.Client. What cannot be sent is dropped, and the log says so when that
// begins and when it ends; the SDK would write to standard error each time.
func (u *uploader) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	err := u.upload(ctx, spans)
	switch {
	case err != nil && !u.failed.Swap(true):
		u.log.Warn("traces are not sent", "err", err)
	case err == nil && u.failed.Swap(false):
		u.log.Info("traces are sent again")
	}
	return nil
}

func (u *uploader) upload(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	data, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil {
		return fmt.Errorf("cannot write the spans: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.url, bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("cannot ask the collector: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("User-Agent", "gastown")
	resp, err := u.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.CopyN(io.Discard, resp.Body, answerRead) // so that the connection can be used again
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("the collector answered with status %d", resp.StatusCode)
	}
	return nil
}
