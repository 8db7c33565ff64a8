package journal

import (
	"context"
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

func TestFailing(t *testing.T) {
	t.Parallel()
	for want, errs := range map[bool][]error{
		true:  {ErrFull, ErrDamaged, errors.New("x")},
		false: {nil, ErrInvalid, ErrNotFound, ErrTownExists, ErrConflict, ErrClosed, context.Canceled, context.DeadlineExceeded},
	} {
		for _, err := range errs {
			if err != nil {
				err = fmt.Errorf("cannot write: %w", err)
			}
			if Failing(err) != want {
				t.Errorf("%v: %v", err, !want)
			}
		}
	}
}
