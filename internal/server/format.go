package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// FormatFile says, in a data folder, which layout its files have.
const FormatFile = "format"

// DataFormat is the number of the layout that this build reads and writes. Builds before the file was there have none.
const DataFormat = 1

// ErrFormat says that a data folder is of another build and that this one cannot go on with it.
var ErrFormat = errors.New("the data folder is of another build")

// ofGastown are what a build that wrote no FormatFile left in its data folder.
var ofGastown = []string{"gastown.db", "git", "runs"}

// CheckFormat refuses a data folder of another build, with the remedy. It only reads. A folder that is not there, or
// that no gastown has used, is fine.
func CheckFormat(home string) error {
	data, err := os.ReadFile(filepath.Join(home, FormatFile))
	if absent(err) {
		return unused(home)
	}
	if err != nil {
		return fmt.Errorf("cannot read the format of the data folder: %w", err)
	}
	text := strings.TrimSpace(string(data))
	switch n, err := strconv.Atoi(text); {
	case err != nil || n < 1:
		return fmt.Errorf("%s says %.20q, which is no format: put back the file of your backup, or name another folder with --home",
			filepath.Join(home, FormatFile), text)
	case n > DataFormat:
		return fmt.Errorf("%w: %s has format %d, and this gastown knows format %d: nothing in it was touched; use the gastown that wrote it, or a later one",
			ErrFormat, home, n, DataFormat)
	case n < DataFormat:
		return earlier(home)
	}
	return nil
}

// unused accepts a folder without a format unless a gastown was at work in it.
func unused(home string) error {
	for _, name := range ofGastown {
		if _, err := os.Lstat(filepath.Join(home, name)); err == nil {
			return earlier(home)
		} else if !absent(err) {
			return fmt.Errorf("cannot look into the data folder: %w: give the user that runs gastown access, or name another with --home", err)
		}
	}
	return nil
}

// absent tells whether there is no such file, or nothing at all that could have files in it.
func absent(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) }

func earlier(home string) error {
	return fmt.Errorf("%w: an earlier gastown wrote %s, and its files cannot be taken over: nothing in it was touched; finish or stop its work with that gastown, "+
		"then move the folder away and start anew, or name another with --home", ErrFormat, home)
}

// MarkFormat writes down, in a data folder that CheckFormat has accepted, that this build uses it. It is durable before
// anything else in the folder is: otherwise a power failure could make the folder look like one of an earlier build.
func MarkFormat(home string) error {
	path := filepath.Join(home, FormatFile)
	if _, err := os.Lstat(path); err == nil {
		return nil
	}
	if err := writeDurably(path, []byte(strconv.Itoa(DataFormat)+"\n")); err != nil {
		return fmt.Errorf("cannot mark the data folder: %w: give the user that runs gastown write access, or name another with --home", err)
	}
	return nil
}

// writeDurably writes a whole file or none; it is there after a power failure.
func writeDurably(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes the names in a folder durable.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
