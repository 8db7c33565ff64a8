package town

import (
	"encoding/base32"
	"strings"
)

// History names one history of a town: 128 random bits, made by whoever makes the town or takes it from a
// backup, as 26 lower-case letters of base32 (RFC 4648, without padding). Two towns have different ones, and so
// have a town and an older copy of it that goes on by itself. It is no secret.
type History string

// tagLength is how much of a history names its town where people read: 40 bits, so that among a million towns
// two with the same tag are not to be expected.
const tagLength = 8

var historyEncoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// HistoryOf writes 128 random bits as a history's name.
func HistoryOf(bits [16]byte) History {
	return History(strings.ToLower(historyEncoding.EncodeToString(bits[:])))
}

// Valid reports whether HistoryOf writes some bits like this.
func (h History) Valid() bool {
	bits, err := historyEncoding.DecodeString(strings.ToUpper(string(h)))
	return err == nil && len(bits) == 16 && HistoryOf([16]byte(bits)) == h
}

// Tag is the beginning of a history's name, which stands in all names that leave the town: of branches, in
// commits, of effects.
func (h History) Tag() string { return string(h[:min(len(h), tagLength)]) }

// tag is the town's.
func (s *State) tag() string { return s.town.History.Tag() }
