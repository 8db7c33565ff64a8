package replay

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"reflect"
	"regexp"
	"strings"

	"gastown/internal/town"
)

// shareTag says on a text of the core's entities, payloads and actions what of it may leave the machine:
//
//	keep       all of it
//	word       one that is a plain word
//	cause      all but a category that is no plain word
//	url        the address without what could be a secret in it
//	branch     the name, with another title in it if it is a convoy's
//	reference  where a secret is to be found
//	webhook    that, or no more than that there is an address
//
// A text without the tag is taken out whole, so a new field is safe until somebody decides otherwise. Names and
// statuses have types of their own and stay.
const shareTag = "share"

// redactor takes out what others must not see: prompts, settings that may hold secrets, and whatever people,
// agents and programs have written. The same text is always replaced by the same placeholder, of the same
// length where that is possible, so that the town decides the same without the texts.
type redactor struct {
	key      []byte            // of the placeholders; nobody has it afterwards
	branches map[string]string // of convoys, which are named after their titles
}

func newRedactor(key []byte) *redactor {
	return &redactor{key: key, branches: map[string]string{}}
}

// town redacts a whole town.
func (r *redactor) town(s *town.State) (*town.State, error) {
	for _, b := range s.Beads() {
		if b.Convoy != nil && b.Convoy.Branch != "" {
			r.branches[b.Convoy.Branch] = town.ConvoyBranch(tagOf(b.Convoy.Branch), r.mask(b.Title), b.ID)
		}
	}
	return s.Rewritten(func(e any) { r.redact(e) })
}

// tagOf is the tag in the branch of a convoy: that of the town when the convoy was made.
func tagOf(branch string) string {
	_, rest, _ := strings.Cut(branch, "/")
	tag, _, _ := strings.Cut(rest, "/")
	return tag
}

// redact changes an entity or a payload in place.
func (r *redactor) redact(e any) { r.walk(reflect.ValueOf(e), "") }

// event returns a redacted copy.
func (r *redactor) event(e *town.Event) (town.Event, error) {
	out := *e
	data, err := town.EncodePayload(e.Payload)
	if err != nil {
		return out, err
	}
	if out.Payload, err = town.DecodePayload(e.Type, data); err != nil {
		return out, err
	}
	r.redact(out.Payload)
	return out, nil
}

// learn takes in how the branches of new convoys are named in both towns.
func (r *redactor) learn(real, redacted *town.State, t *town.Tick) {
	for i := range t.Changes {
		if t.Changes[i].Kind != town.KindBead {
			continue
		}
		id := town.BeadID(t.Changes[i].ID)
		a, b := real.Bead(id), redacted.Bead(id)
		if a != nil && b != nil && a.Convoy != nil && b.Convoy != nil && a.Convoy.Branch != "" {
			r.branches[a.Convoy.Branch] = b.Convoy.Branch
		}
	}
}

func (r *redactor) walk(v reflect.Value, share string) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			r.walk(v.Elem(), share)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				r.walk(v.Field(i), f.Tag.Get(shareTag))
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			r.walk(v.Index(i), share)
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			// What is in a map cannot be changed in place.
			x := reflect.New(v.Type().Elem()).Elem()
			x.Set(v.MapIndex(k))
			r.walk(x, share)
			v.SetMapIndex(k, x)
		}
	case reflect.String:
		if v.Type() == reflect.TypeFor[string]() {
			v.SetString(r.text(share, v.String()))
		}
	}
}

func (r *redactor) text(share, s string) string {
	switch share {
	case "keep":
		return s
	case "word":
		return r.word(s)
	case "cause":
		// Of what an agent has said it ends with the category, which is a text of its own.
		if bead, category, ok := strings.Cut(s, "/"); ok && strings.HasPrefix(bead, "gt-") {
			return bead + "/" + r.word(category)
		}
		return s
	case "url":
		return r.address(s)
	case "branch":
		if to, known := r.branches[s]; known {
			return to
		}
		return s
	case "credential":
		if _, secret := town.SplitCredential(s); s == town.NoCredential || town.SecretReference(secret) {
			return s
		}
	case "reference", "webhook":
		switch {
		case strings.HasPrefix(s, "env:"), strings.HasPrefix(s, "file:"):
			return s
		case share == "webhook":
			return "https://removed.invalid/" + r.hash(s)
		}
	}
	return r.mask(s)
}

var plainWord = regexp.MustCompile(`^[a-z][a-z_-]{0,19}$`)

func (r *redactor) word(s string) string {
	if plainWord.MatchString(s) {
		return s
	}
	return r.mask(s)
}

// address keeps where something is, without user, password and parameters.
func (r *redactor) address(s string) string {
	if !strings.Contains(s, "://") {
		return s // a path, or host:path
	}
	u, err := url.Parse(s)
	if err != nil {
		return r.mask(s)
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

// mask replaces a text. Its length, where it is not short, and its line breaks stay: limits and refusals go
// by them.
func (r *redactor) mask(s string) string {
	if strings.TrimSpace(s) == "" {
		return s
	}
	out := []byte("removed-" + r.hash(s))
	for len(out) < len(s) {
		out = append(out, 'x')
	}
	for i := range len(s) {
		if s[i] < ' ' {
			out[i] = s[i]
		}
	}
	return string(out)
}

func (r *redactor) hash(s string) string {
	h := hmac.New(sha256.New, r.key)
	h.Write([]byte(s))
	return hex.EncodeToString(h.Sum(nil)[:6])
}

// record redacts the record of a tick that does not come out any more, as far as that goes without the town
// that it was about: texts are taken out, and the digest stays that of the town with them.
func (r *redactor) record(t *town.Tick) (*town.Tick, error) {
	out, err := town.DecodeTick(t.Encode())
	if err != nil {
		return nil, err
	}
	for i := range out.Actions {
		r.walk(reflect.ValueOf(&out.Actions[i]), "")
	}
	for i := range out.Violations {
		out.Violations[i].Message = r.mask(out.Violations[i].Message)
	}
	for i := range out.Events {
		out.Events[i].Reason = r.mask(out.Events[i].Reason)
	}
	for i := range out.Changes {
		if err := out.Changes[i].Rewrite(func(e any) { r.redact(e) }); err != nil {
			return nil, fmt.Errorf("cannot take the texts out of tick %d: %w", t.No, err)
		}
	}
	return out, nil
}
