package git

import (
	"strings"
	"unicode/utf8"
)

// tail is a writer that keeps the end of what is written to it.
type tail struct {
	lines, bytes int
	kept         []byte
}

// Write never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if len(t.kept) > 2*t.bytes {
		t.kept = append(t.kept[:0], t.kept[len(t.kept)-t.bytes:]...)
	}
	return len(p), nil
}

// String returns at most the last t.lines lines and t.bytes bytes, as valid
// UTF-8.
func (t *tail) String() string { return lastLines(string(t.kept), t.lines, t.bytes) }

// lastLines returns the end of a text, cut at both limits. A line or character
// that the byte limit would cut in two is left out.
func lastLines(text string, lines, bytes int) string {
	text = strings.TrimRight(text, "\n")
	if len(text) > bytes {
		text = text[len(text)-bytes:]
		if _, rest, found := strings.Cut(text, "\n"); found {
			text = rest
		}
		for text != "" && !utf8.RuneStart(text[0]) {
			text = text[1:]
		}
	}
	all := strings.Split(text, "\n")
	if len(all) > lines {
		all = all[len(all)-lines:]
	}
	return strings.ToValidUTF8(strings.Join(all, "\n"), "\uFFFD")
}
