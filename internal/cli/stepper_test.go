package cli

import (
	"bufio"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

// What a terminal sends becomes the words that the steps go by, however many keys come in one piece.
func TestKeys(t *testing.T) {
	t.Parallel()
	k := keyboard{bufio.NewReader(strings.NewReader("n\x1b[C\x1b[D \rg42\rg7\nds?\x1bp"))}
	var got []string
	for {
		word, err := k.word()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, word)
	}
	want := []string{"n", "n", "p", "n", "n", "g 42", "g 7", "d", "s", "?", "q", "p"}
	if !slices.Equal(got, want) {
		t.Errorf("the words are %q, want %q", got, want)
	}
}
