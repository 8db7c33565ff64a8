package replay

import (
	"archive/tar"
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"gastown/internal/journal"
	"gastown/internal/town"
)

// BundleFormat is the version of the files in a bundle.
const BundleFormat = 1

// maxBundle bounds what is read of one file of a bundle, in bytes: a small file may expand without end.
const maxBundle = 1 << 30

// The files of a bundle, in their order.
const (
	fileManifest = "manifest.json"
	fileSnapshot = "snapshot.bin" // the town before the first tick, as the journal keeps it
	fileEvents   = "events.jsonl" // an event on a line
	fileTicks    = "ticks.bin"    // encoded ticks, each behind its length
)

// Manifest says what is in a bundle.
type Manifest struct {
	Format  int         `json:"format"`
	Version string      `json:"gastown"` // of the program that took it
	Town    town.TownID `json:"town"`
	RuleSet int         `json:"ruleSet"` // of that program
	First   town.TickNo `json:"firstTick"`
	Last    town.TickNo `json:"lastTick"`
	From    town.Time   `json:"from"` // the moment before the first tick
	To      town.Time   `json:"to"`
	Events  int         `json:"events"`
	// Removed says that prompts, secrets and other texts have been replaced by placeholders.
	Removed bool `json:"textsRemoved"`
	// Altered are ticks that come out otherwise without the texts: what they show is not what happened.
	Altered []town.TickNo `json:"altered,omitempty"`
}

// Bundle is a part of a town's history that can be replayed elsewhere. It is a journal.Reader.
type Bundle struct {
	Manifest Manifest
	before   []byte
	ticks    []*town.Tick
	events   []journal.EventRecord // those that the ticks took, in their order
}

// NewBundle begins a bundle with the town as it is before the first tick.
func NewBundle(s *town.State, version string) *Bundle {
	return &Bundle{before: s.Snapshot(), Manifest: Manifest{
		Format: BundleFormat, Version: version, Town: s.Town().ID, RuleSet: town.RuleSet, First: s.Tick() + 1, Last: s.Tick(), From: s.At(), To: s.At(),
	}}
}

// Add puts the next tick into the bundle, with the events that it took.
func (b *Bundle) Add(t *town.Tick, events []town.Event) {
	b.ticks = append(b.ticks, t)
	for i := range events {
		b.events = append(b.events, journal.EventRecord{Event: events[i], Processed: journal.Processed{Tick: t.No, At: t.At, Outcome: &t.Events[i]}})
	}
	b.Manifest.Last, b.Manifest.To = t.No, t.At
	b.Manifest.Events += len(events)
}

// settle enters which tick took which event.
func (b *Bundle) settle() {
	taken := map[town.Seq]journal.Processed{}
	for _, t := range b.ticks {
		for i := range t.Events {
			taken[t.Events[i].Seq] = journal.Processed{Tick: t.No, At: t.At, Outcome: &t.Events[i]}
		}
	}
	for i := range b.events {
		b.events[i].Processed = taken[b.events[i].Seq]
	}
}

// Write writes the bundle as a tar file, compressed with zstd.
func (b *Bundle) Write(w io.Writer) error {
	z, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return fmt.Errorf("cannot write the bundle: %w", err)
	}
	tw := tar.NewWriter(z)
	for _, f := range []struct {
		name  string
		write func(io.Writer) error
	}{{fileManifest, b.writeManifest}, {fileSnapshot, b.writeSnapshot}, {fileEvents, b.writeEvents}, {fileTicks, b.writeTicks}} {
		var data bytes.Buffer
		if err := f.write(&data); err != nil {
			return fmt.Errorf("cannot write %s of the bundle: %w", f.name, err)
		}
		// No time of its own: the same history gives the same file.
		if err := tw.WriteHeader(&tar.Header{Name: f.name, Mode: 0o644, Size: int64(data.Len())}); err != nil {
			return fmt.Errorf("cannot write the bundle: %w", err)
		}
		if _, err := data.WriteTo(tw); err != nil {
			return fmt.Errorf("cannot write the bundle: %w", err)
		}
	}
	if err := errors.Join(tw.Close(), z.Close()); err != nil {
		return fmt.Errorf("cannot write the bundle: %w", err)
	}
	return nil
}

func (b *Bundle) writeManifest(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(&b.Manifest)
}

func (b *Bundle) writeSnapshot(w io.Writer) error {
	_, err := w.Write(b.before)
	return err
}

func (b *Bundle) writeEvents(w io.Writer) error {
	enc := json.NewEncoder(w)
	for i := range b.events {
		if err := enc.Encode(&b.events[i].Event); err != nil {
			return err
		}
	}
	return nil
}

func (b *Bundle) writeTicks(w io.Writer) error {
	for _, t := range b.ticks {
		data := t.Encode()
		if _, err := w.Write(append(binary.AppendUvarint(nil, uint64(len(data))), data...)); err != nil {
			return err
		}
	}
	return nil
}

// ReadBundle reads what Write wrote. Whether the parts fit each other shows when it is replayed.
func ReadBundle(r io.Reader) (*Bundle, error) {
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxBundle))
	if err != nil {
		return nil, fmt.Errorf("cannot read the bundle: %w", err)
	}
	defer z.Close()
	b := new(Bundle)
	tr := tar.NewReader(z)
	for _, f := range []struct {
		name string
		read func(io.Reader) error
	}{{fileManifest, b.readManifest}, {fileSnapshot, b.readSnapshot}, {fileEvents, b.readEvents}, {fileTicks, b.readTicks}} {
		h, err := tr.Next()
		if err != nil {
			return nil, fmt.Errorf("not a bundle of gastown, or a damaged one: there is no %s: %w", f.name, err)
		}
		if h.Name != f.name {
			return nil, fmt.Errorf("not a bundle of gastown: it has %q where %s should be", h.Name, f.name)
		}
		if err := f.read(io.LimitReader(tr, maxBundle)); err != nil {
			return nil, fmt.Errorf("cannot read %s of the bundle: %w", f.name, err)
		}
	}
	b.settle()
	return b, nil
}

func (b *Bundle) readManifest(r io.Reader) error {
	if err := json.NewDecoder(r).Decode(&b.Manifest); err != nil {
		return err
	}
	if b.Manifest.Format != BundleFormat {
		return fmt.Errorf("its format is %d, this gastown reads %d: use the version that wrote it, %s", b.Manifest.Format, BundleFormat, b.Manifest.Version)
	}
	return nil
}

func (b *Bundle) readSnapshot(r io.Reader) (err error) {
	b.before, err = io.ReadAll(r)
	return err
}

// sent is an event whose payload has not been read yet.
type sent struct {
	town.Event
	Payload json.RawMessage `json:"payload"`
}

func (b *Bundle) readEvents(r io.Reader) error {
	dec := json.NewDecoder(r)
	for {
		var s sent
		err := dec.Decode(&s)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			s.Event.Payload, err = town.DecodePayload(s.Type, s.Payload)
		}
		if err != nil {
			return fmt.Errorf("event %d: %w", len(b.events)+1, err)
		}
		b.events = append(b.events, journal.EventRecord{Event: s.Event})
	}
}

func (b *Bundle) readTicks(r io.Reader) error {
	br := bufio.NewReader(r)
	for {
		size, err := binary.ReadUvarint(br)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil || size > maxBundle {
			return fmt.Errorf("after %d ticks: its length makes no sense", len(b.ticks))
		}
		var data bytes.Buffer
		if n, err := io.CopyN(&data, br, int64(size)); err != nil {
			return fmt.Errorf("after %d ticks: %d bytes instead of %d: %w", len(b.ticks), n, size, err)
		}
		t, err := town.DecodeTick(data.Bytes())
		if err != nil {
			return fmt.Errorf("after %d ticks: %w", len(b.ticks), err)
		}
		b.ticks = append(b.ticks, t)
	}
}
