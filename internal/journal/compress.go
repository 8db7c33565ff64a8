package journal

import (
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// Compress makes a snapshot smaller. Every implementation stores what it returns; it carries a
// checksum. An empty snapshot is ErrInvalid: no state can be restored from it.
func Compress(data []byte) ([]byte, error) {
	if len(data) == 0 {
		return nil, fmt.Errorf("the snapshot is empty: %w", ErrInvalid)
	}
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("cannot compress snapshot: %w", err)
	}
	return enc.EncodeAll(data, nil), enc.Close()
}

// Expand undoes Compress. It fails with ErrDamaged if the data is not what Compress returned.
func Expand(data []byte) ([]byte, error) {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("cannot expand snapshot: %w", err)
	}
	defer dec.Close()
	out, err := dec.DecodeAll(data, nil)
	if err != nil {
		return nil, fmt.Errorf("cannot expand snapshot: %w: %w", ErrDamaged, err)
	}
	return out, nil
}
