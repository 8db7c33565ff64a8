package auth

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTokensAreKeptAndChecked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	k, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Open(dir)
	if err != nil || again.Admin() != k.Admin() {
		t.Fatalf("second Open: %v, the same token: %v", err, again.Admin() == k.Admin())
	}
	for _, name := range []string{AdminFile, agentFile} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, mode %v", name, err, info.Mode())
		}
	}
	if id, err := k.Verify(k.Admin()); err != nil || !id.Admin {
		t.Errorf("admin token: %+v, %v", id, err)
	}
	claims := Claims{Town: "main", Agent: "toast", Role: "polecat", Bead: "gt-1a", Run: 7}
	token := again.AgentToken(claims)
	if id, err := k.Verify(token); err != nil || id.Admin || *id.Agent != claims {
		t.Errorf("agent token: %+v, %v", id, err)
	}
	other, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	body, mac, _ := strings.Cut(strings.TrimPrefix(token, agentPrefix), ".")
	forged, _, _ := strings.Cut(strings.TrimPrefix(k.AgentToken(Claims{Town: "main", Agent: "toast", Bead: "gt-2a", Run: 7}), agentPrefix), ".")
	for name, bad := range map[string]string{
		"empty": "", "another server's": other.Admin(), "no signature": agentPrefix + body,
		"another body": agentPrefix + forged + "." + mac, "another server's agent": other.AgentToken(claims),
		"admin with more": k.Admin() + "x",
	} {
		if _, err := k.Verify(bad); !errors.Is(err, ErrBadToken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSecretsThatOthersCanReadAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := Open(dir); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, AdminFile)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "chmod 600 "+path) {
		t.Errorf("got %v", err)
	}
}
