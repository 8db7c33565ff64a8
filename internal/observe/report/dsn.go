package report

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/getsentry/sentry-go"
)

// EnvDSN is the variable that holds the DSN, or a reference to it.
const EnvDSN = "GASTOWN_SENTRY_DSN"

// ReadDSN resolves a reference to a DSN: env:NAME or file:PATH. The variable may itself hold file:PATH.
// No reference, and a variable that is not set or empty, mean that nothing is to be sent. A DSN itself is
// refused: command lines can be read by everybody on the machine.
func ReadDSN(reference string) (string, error) {
	if reference == "" {
		return "", nil
	}
	name, isEnv := strings.CutPrefix(reference, "env:")
	if isEnv {
		reference = os.Getenv(name)
		if reference == "" {
			return "", nil
		}
	}
	dsn := reference
	if path, ok := strings.CutPrefix(reference, "file:"); ok {
		data, err := os.ReadFile(path)
		if err != nil {
			return "", fmt.Errorf("cannot read the DSN for Sentry: %w", err)
		}
		dsn = strings.TrimSpace(string(data))
	} else if !isEnv {
		return "", errors.New("the DSN for Sentry must be a reference, env:NAME or file:PATH, and not the value")
	}
	if _, err := Where(dsn); err != nil {
		return "", err
	}
	return dsn, nil
}

// Where says in words where a DSN leads, without the key in it.
func Where(dsn string) (string, error) {
	d, err := sentry.NewDsn(dsn)
	if err != nil {
		return "", fmt.Errorf("the DSN for Sentry is none: %w: copy it from the project's settings, such as https://KEY@HOST/NUMBER", withoutDSN(err))
	}
	return fmt.Sprintf("project %s at %s", d.GetProjectID(), d.GetHost()), nil
}

// withoutDSN keeps the reason of a parser's error and not the value that it was about.
func withoutDSN(err error) error {
	var wrong *sentry.DsnParseError
	if errors.As(err, &wrong) {
		reason, _, _ := strings.Cut(wrong.Message, ":") // what follows may quote the value
		return errors.New(strings.ToLower(reason))
	}
	return errors.New("it cannot be read")
}
