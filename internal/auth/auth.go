// Package auth makes and checks tokens. There is one admin token, made at first start and readable
// by its owner only, and a token per run of an agent, which is signed and not stored: it names the
// town and its history, the agent, the bead and the run that it is good for.
package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"gastown/internal/town"
)

// The files in the data folder.
const (
	AdminFile = "admin.token"
	agentFile = "agent.key"
)

// Prefixes tell tokens apart at a glance, also for secret scanners.
const (
	adminPrefix = "gt_"
	agentPrefix = "gta_"
)

// secretBytes is the strength of what is made: 256 bits from the system's generator.
const secretBytes = 32

// ErrBadToken says that a token is not one of this server's.
var ErrBadToken = errors.New("the token is not one of this server's")

// Claims say what an agent's token is good for.
type Claims struct {
	History town.History `json:"h"`
	Town    town.TownID  `json:"t"`
	Agent   town.AgentID `json:"a"`
	Role    town.Role    `json:"r"`
	Bead    town.BeadID  `json:"b"`
	Run     town.Run     `json:"n"`
}

// Identity is who a request comes from: the admin, or an agent with its claims.
type Identity struct {
	Admin bool
	Agent *Claims
}

// Keys make and check tokens.
type Keys struct {
	admin string
	agent []byte
}

// Open reads the keys of a data folder and makes those that are missing. Files that others can
// read are refused.
func Open(dir string) (*Keys, error) {
	admin, err := secret(filepath.Join(dir, AdminFile), adminPrefix)
	if err != nil {
		return nil, err
	}
	agent, err := secret(filepath.Join(dir, agentFile), "")
	if err != nil {
		return nil, err
	}
	return &Keys{admin: admin, agent: []byte(agent)}, nil
}

// ReadAdmin reads the admin token of a data folder, for a client on the same machine.
func ReadAdmin(dir string) (string, error) {
	data, err := os.ReadFile(filepath.Join(dir, AdminFile))
	if err != nil {
		return "", fmt.Errorf("cannot read the admin token: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}

// secret reads a secret or makes it: written in full under another name first, so that a crash
// leaves none or a whole one.
func secret(path, prefix string) (string, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeSecret(path, prefix)
	}
	if err != nil {
		return "", fmt.Errorf("cannot read %s: %w", path, err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%s can be read by others: run chmod 600 %s, and delete it first if somebody may have read it", path, path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("cannot read %s: %w", path, err)
	}
	s := strings.TrimSpace(string(data))
	if !strings.HasPrefix(s, prefix) || len(s) < secretBytes {
		return "", fmt.Errorf("%s holds no token: delete it, and a new one is made", path)
	}
	return s, nil
}

func makeSecret(path, prefix string) (string, error) {
	raw := make([]byte, secretBytes)
	if _, err := rand.Read(raw); err != nil {
		return "", fmt.Errorf("cannot make a secret: %w", err)
	}
	s := prefix + hex.EncodeToString(raw)
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return "", fmt.Errorf("cannot make %s: %w", path, err)
	}
	_, err = f.WriteString(s + "\n")
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return "", fmt.Errorf("cannot make %s: %w", path, err)
	}
	return s, nil
}

// Admin returns the admin token.
func (k *Keys) Admin() string { return k.admin }

// AgentToken makes the token of one run.
func (k *Keys) AgentToken(c Claims) string {
	data, err := json.Marshal(c)
	if err != nil {
		panic(fmt.Sprintf("auth: claims cannot be written: %v", err))
	}
	body := base64.RawURLEncoding.EncodeToString(data)
	return agentPrefix + body + "." + base64.RawURLEncoding.EncodeToString(k.sign(body))
}

func (k *Keys) sign(body string) []byte {
	m := hmac.New(sha256.New, k.agent)
	m.Write([]byte(body))
	return m.Sum(nil)
}

// Verify says whose token it is, or ErrBadToken. Whether an agent's run still goes on is not in the
// token: the town knows.
func (k *Keys) Verify(token string) (Identity, error) {
	if subtle.ConstantTimeCompare([]byte(token), []byte(k.admin)) == 1 {
		return Identity{Admin: true}, nil
	}
	rest, ok := strings.CutPrefix(token, agentPrefix)
	body, mac, found := strings.Cut(rest, ".")
	if !ok || !found {
		return Identity{}, ErrBadToken
	}
	sum, err := base64.RawURLEncoding.DecodeString(mac)
	if err != nil || !hmac.Equal(sum, k.sign(body)) {
		return Identity{}, ErrBadToken
	}
	data, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil {
		return Identity{}, ErrBadToken
	}
	var c Claims
	if err := json.Unmarshal(data, &c); err != nil {
		return Identity{}, ErrBadToken
	}
	return Identity{Agent: &c}, nil
}
