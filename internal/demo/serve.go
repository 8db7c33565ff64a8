package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"gastown/internal/auth"
	"gastown/internal/client"
	"gastown/internal/server"
	"gastown/internal/wire"
)

// Process is a server that runs in a process of its own.
type Process struct {
	Home string
	Info wire.ServerInfo
	cmd  *exec.Cmd
	gone chan struct{} // closed when the process has ended
}

// Serve starts program as a server with its data in home, away from this process's terminal, and
// returns when it answers.
func Serve(ctx context.Context, program, home, listen string) (*Process, error) {
	if err := os.MkdirAll(home, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the data folder: %w", err)
	}
	log, err := os.OpenFile(filepath.Join(home, "server.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot make the server's log: %w", err)
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(program, "--home", home, "up", "--no-town", "--listen", listen, "--sentry-dsn", "")
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, home
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start the server: %w", err)
	}
	p := &Process{Home: home, cmd: cmd, gone: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it ended is in its log
		close(p.gone)
	}()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if data, err := os.ReadFile(filepath.Join(home, server.InfoFile)); err == nil && json.Unmarshal(data, &p.Info) == nil &&
			p.Info.PID == cmd.Process.Pid && p.Client().Health(ctx) == nil {
			return p, nil
		}
		select {
		case <-p.gone:
			text, _ := os.ReadFile(log.Name())
			return nil, fmt.Errorf("the server did not start:\n%s", text)
		case <-ctx.Done():
			p.Kill()
			return nil, ctx.Err()
		case <-tick.C:
		}
	}
}

// Client speaks to whatever server runs with the data folder, as the admin.
func (p *Process) Client() *client.Client {
	return client.New(client.Config{Patience: 30 * time.Second, Find: func() (string, string, error) {
		token, err := auth.ReadAdmin(p.Home)
		if err != nil {
			return "", "", err
		}
		var info wire.ServerInfo
		data, err := os.ReadFile(filepath.Join(p.Home, server.InfoFile))
		if err == nil {
			err = json.Unmarshal(data, &info)
		}
		if err != nil {
			info = p.Info
		}
		return info.URL, token, nil
	}})
}

// Kill ends the process without warning and waits until it is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // it may be gone already
	<-p.gone
}

// Stop ends the process in order and waits until it is gone.
func (p *Process) Stop(ctx context.Context) error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("cannot stop the server: %w", err)
	}
	select {
	case <-p.gone:
		return nil
	case <-ctx.Done():
		p.Kill()
		return ctx.Err()
	}
}
