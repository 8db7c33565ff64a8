package githttptest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// lfsBatch is what a client of the batch interface of LFS asks about, and what it is told.
type lfsBatch struct {
	Operation string      `json:"operation,omitempty"`
	Transfer  string      `json:"transfer,omitempty"`
	Objects   []lfsObject `json:"objects"`
}

type lfsObject struct {
	OID     string             `json:"oid"`
	Size    int64              `json:"size"`
	Actions map[string]lfsLink `json:"actions,omitempty"`
	Error   *lfsError          `json:"error,omitempty"`
}

type lfsLink struct {
	Href   string            `json:"href"`
	Header map[string]string `json:"header,omitempty"`
}

type lfsError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// LFSObject is the file of an LFS object that was uploaded for the repository root/name.
func (s *Server) LFSObject(name, oid string) string {
	return filepath.Join(s.root, name, "lfs", "objects", oid[:2], oid[2:4], oid)
}

// serveLFS answers a client of LFS, if it is one: its questions about objects, and their transfer.
func (s *Server) serveLFS(w http.ResponseWriter, r *http.Request) bool {
	name, action, found := strings.Cut(r.URL.Path, "/info/lfs/")
	if !found {
		return false
	}
	name = strings.TrimPrefix(name, "/")
	if action == "objects/batch" {
		s.lfsBatch(w, r, name)
		return true
	}
	oid, found := strings.CutPrefix(action, "objects/")
	if !found || len(oid) != 64 || strings.Trim(oid, "0123456789abcdef") != "" {
		http.NotFound(w, r)
		return true
	}
	file := s.LFSObject(name, oid)
	switch r.Method {
	case http.MethodGet:
		http.ServeFile(w, r, file)
	case http.MethodPut:
		data, err := io.ReadAll(r.Body)
		if err == nil && fmt.Sprintf("%x", sha256.Sum256(data)) != oid {
			http.Error(w, "that is another object", http.StatusUnprocessableEntity)
			return true
		}
		if err == nil {
			err = os.MkdirAll(filepath.Dir(file), 0o700)
		}
		if err == nil {
			err = os.WriteFile(file, data, 0o600)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	default:
		http.Error(w, "", http.StatusMethodNotAllowed)
	}
	return true
}

// lfsBatch says of each object where it goes or comes from, or that there is none.
func (s *Server) lfsBatch(w http.ResponseWriter, r *http.Request, name string) {
	var batch lfsBatch
	if err := json.NewDecoder(r.Body).Decode(&batch); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	for i := range batch.Objects {
		o := &batch.Objects[i]
		_, err := os.Stat(s.LFSObject(name, o.OID))
		switch upload := batch.Operation == "upload"; {
		case upload && err == nil: // It is there already.
		case !upload && err != nil:
			o.Error = &lfsError{http.StatusNotFound, "Object does not exist"}
		default:
			link := lfsLink{Href: s.Address(name) + "/info/lfs/objects/" + o.OID}
			if auth := r.Header.Get("Authorization"); auth != "" {
				link.Header = map[string]string{"Authorization": auth}
			}
			o.Actions = map[string]lfsLink{batch.Operation: link}
		}
	}
	batch.Operation, batch.Transfer = "", "basic"
	w.Header().Set("Content-Type", "application/vnd.git-lfs+json")
	_ = json.NewEncoder(w).Encode(batch)
}
