package web_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"gastown/internal/auth"
	"gastown/internal/client"
	"gastown/internal/demo"
	"gastown/internal/server"
	"gastown/internal/town"
	"gastown/internal/wire"
)

// A bead that somebody slings while the page is open appears on it and moves to closed, with a real
// server, a real agent and a real merge, and the page is never loaded anew.
func TestTheOverviewIsLive(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 5*patience)
	defer cancel()
	dir := t.TempDir()
	out, err := demo.NewWorld(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	home := dir + "/home"
	srv, err := server.Start(ctx, server.Options{Home: home, Listen: "127.0.0.1:0", Version: "test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Stop(context.Background()) })
	token, err := auth.ReadAdmin(home)
	if err != nil {
		t.Fatal(err)
	}
	c := client.New(client.Config{Find: func() (string, string, error) { return srv.URL(), token, nil }})
	if _, err := c.CreateTown(ctx, wire.NewTown{ID: "main", Name: "Main Street"}); err != nil {
		t.Fatal(err)
	}
	main := c.Town("main")
	if _, err := main.Configure(ctx, wire.TownPatch{Settings: out.Settings()}); err != nil {
		t.Fatal(err)
	}
	if _, err := main.AddRig(ctx, wire.NewRig{Name: "greet", URL: out.Repo}); err != nil {
		t.Fatal(err)
	}

	b := newTab(t)
	b.login(srv.URL()+"/", token)
	b.until(`document.querySelector("#live")?.innerText.startsWith("Live")`)
	began := eval[float64](b, "performance.timeOrigin")
	bead, err := main.Sling(ctx, town.NewBead{Title: "Write a README"})
	if err != nil {
		t.Fatal(err)
	}
	in := func(column string) string {
		return fmt.Sprintf(`document.querySelector("[data-column='%s'] [data-bead='%s']")`, column, bead.ID)
	}
	b.until(in("open") + "||" + in("in progress") + "||" + in("in review") + "||" + in("closed"))
	b.until(in("closed") + `?.innerText.includes("merged")`)
	b.until(`document.querySelector("#queue").innerText.includes("Nothing waits to be merged")`)
	if now := eval[float64](b, "performance.timeOrigin"); now != began {
		t.Error("the page was loaded anew")
	}
	rest(ctx, t, main)
}

// rest waits until no process of an agent is left.
func rest(ctx context.Context, t *testing.T, main *client.Town) {
	t.Helper()
	if err := main.Until(ctx, func() (bool, error) {
		agents, err := main.Agents(ctx)
		running := false
		for _, a := range agents {
			running = running || a.Process()
		}
		return !running, err
	}); err != nil {
		t.Fatal(err)
	}
}
