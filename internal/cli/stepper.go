package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/term"

	"gastown/internal/wire"
)

// stepper walks through the ticks of a replay. At a terminal it goes by keys, else by lines with the same words.
type stepper struct {
	*app
	ask   asking
	query wire.ReplayQuery
	doc   *wire.Replay
	at    int
}

const stepHelp = "n next, p previous, d next that differs, s the town then, g TICK go to, q quit"

// keys are what a terminal sends, as words.
var keys = map[string]string{
	"\x1b[C": "n", "\x1b[B": "n", " ": "n", "\r": "n", "\n": "n", "\x1b[D": "p", "\x1b[A": "p", "\x03": "q", "\x04": "q", "\x1b": "q",
}

func (s *stepper) run(ctx context.Context) error {
	if len(s.doc.Ticks) == 0 {
		fmt.Fprintln(s.out, "there is no tick in this part")
		return nil
	}
	next, done, err := s.reader()
	if err != nil {
		return err
	}
	defer done()
	s.show()
	for {
		word, err := next()
		if errors.Is(err, io.EOF) || word == "q" {
			return nil
		}
		if err != nil {
			return fmt.Errorf("cannot read the next step: %w", err)
		}
		if err := s.step(ctx, word); err != nil {
			return err
		}
	}
}

// step carries one word out.
func (s *stepper) step(ctx context.Context, word string) error {
	to := s.at
	switch verb, arg, _ := strings.Cut(word, " "); {
	case word == "n":
		to++
	case word == "p":
		to--
	case word == "d":
		to = slices.IndexFunc(s.doc.Ticks[s.at+1:], func(t wire.ReplayTick) bool { return !t.Agree })
		if to += s.at + 1; to == s.at {
			s.note("no later tick comes out otherwise")
			return nil
		}
	case word == "s":
		return s.state(ctx)
	case verb == "g":
		no, err := strconv.ParseInt(arg, 10, 64)
		to = slices.IndexFunc(s.doc.Ticks, func(t wire.ReplayTick) bool { return int64(t.Tick) == no })
		if err != nil || to < 0 {
			s.note(fmt.Sprintf("there is no tick %s in this part: it has %d to %d", arg, s.doc.Ticks[0].Tick, s.doc.Ticks[len(s.doc.Ticks)-1].Tick))
			return nil
		}
	default:
		s.note(stepHelp)
		return nil
	}
	if to < 0 || to >= len(s.doc.Ticks) {
		s.note("there is no more")
		return nil
	}
	s.at = to
	s.show()
	return nil
}

// show prints where we are.
func (s *stepper) show() {
	s.page(func(w io.Writer) {
		printReplayTick(w, &s.doc.Ticks[s.at])
		fmt.Fprintf(w, "%d of %d\n", s.at+1, len(s.doc.Ticks))
	})
}

func (s *stepper) note(text string) { s.lines(func(w io.Writer) { fmt.Fprintln(w, text) }) }

// state prints the town as it was after the tick.
func (s *stepper) state(ctx context.Context) error {
	q := s.query
	q.From, q.To, q.FromSeq, q.ToSeq, q.State = 0, 0, 0, 0, "final"
	q.FromTick, q.ToTick = s.doc.Ticks[0].Tick, s.doc.Ticks[s.at].Tick
	r, err := s.ask(ctx, q)
	if err != nil {
		return err
	}
	s.lines(func(w io.Writer) {
		printAgents(w, r.StateSnapshot.Agents)
		printBeads(w, r.StateSnapshot.NonTerminalBeads)
	})
	return nil
}

// page prints on an empty screen, if there is one.
func (s *stepper) page(print func(io.Writer)) {
	s.lines(func(w io.Writer) {
		if terminal(s.out) {
			_, _ = io.WriteString(w, clearScreen)
		}
		print(w)
		if terminal(s.out) {
			fmt.Fprintln(w, stepHelp)
		}
	})
}

// lines prints at once, with the line ends that a terminal in raw mode needs.
func (s *stepper) lines(print func(io.Writer)) {
	var text strings.Builder
	print(&text)
	out := text.String()
	if terminal(s.out) {
		out = strings.ReplaceAll(out, "\n", "\r\n")
	}
	_, _ = io.WriteString(s.out, out) // the terminal may be gone
}

// reader returns what gives the next word, and what puts the terminal back.
func (s *stepper) reader() (next func() (string, error), done func(), err error) {
	f, ok := s.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		lines := bufio.NewScanner(s.in)
		return func() (string, error) {
			if !lines.Scan() {
				return "", errors.Join(lines.Err(), io.EOF)
			}
			return strings.TrimSpace(lines.Text()), nil
		}, func() {}, nil
	}
	old, err := term.MakeRaw(int(f.Fd()))
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read keys: %w", err)
	}
	k := keyboard{bufio.NewReader(f)}
	return k.word, func() { _ = term.Restore(int(f.Fd()), old) }, nil
}

// keyboard makes words of what a terminal sends in raw mode.
type keyboard struct{ *bufio.Reader }

// word is the next step: a key, or g with the digits after it.
func (k keyboard) word() (string, error) {
	word, err := k.key()
	if word != "g" || err != nil {
		return word, err
	}
	for digits := ""; ; {
		d, err := k.key()
		if err != nil || d == "n" || d == "q" { // the end of the line, or enough of it
			return "g " + digits, err
		}
		digits += d
	}
}

// key is one key as a word, if it has one. What an arrow sends comes in one piece; a lone escape does not.
func (k keyboard) key() (string, error) {
	b, err := k.ReadByte()
	if err != nil {
		return "", err
	}
	key := string(b)
	if b == '\x1b' && k.Buffered() >= 2 {
		rest, err := k.Peek(2)
		if err != nil {
			return "", err
		}
		if key += string(rest); keys[key] != "" {
			_, err = k.Discard(2)
			return keys[key], err
		}
		key = string(b)
	}
	if word, known := keys[key]; known {
		return word, nil
	}
	return key, nil
}
