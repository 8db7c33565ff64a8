package journal

import (
	"errors"
	"fmt"
	"testing"
)

func TestClassOf(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{"full": ErrFull, "damaged": ErrDamaged, "conflict": ErrConflict, "closed": ErrClosed, "other": errors.New("x")} {
		if got := ClassOf(fmt.Errorf("cannot write: %w", err)); got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
}
