// Package api is the HTTP API: the only way for people and agents to get at a town. Whatever the
// command line can do, this can.
//
// routes.go is the table of everything there is, with who may call it. Every change becomes an
// event: the answer comes when the event has been applied and is durable, or has been refused.
// Errors are RFC 9457 problem documents; the OpenAPI 3.1 document at /openapi.json is made from
// the Go types.
package api
