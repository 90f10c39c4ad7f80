package rediscache

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// stampSize is how many bytes of an entry come before the packed part.
const stampSize = 16

// stamp is the digest of an epoch and of marks. Two are equal if nothing was
// dropped in between.
type stamp [stampSize]byte

// stampOf digests what the scripts join with the same comma.
func stampOf(joined string) stamp {
	sum := sha256.Sum256([]byte(joined))
	return stamp(sum[:stampSize])
}

func join(epoch string, marks []string) string {
	return strings.Join(append([]string{epoch}, marks...), ",")
}

// packer compresses parts: they are JSON with long repetitions, and shrink to
// a tenth. A frame carries its checksum.
type packer struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}

func newPacker() (*packer, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(true))
	if err != nil {
		return nil, err
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxPart), zstd.WithDecoderConcurrency(0))
	return &packer{enc: enc, dec: dec}, err
}

// pack returns an entry: a stamp, then the part.
func (p *packer) pack(s stamp, data []byte) []byte {
	return p.enc.EncodeAll(data, append(make([]byte, 0, stampSize+len(data)/4), s[:]...))
}

var errGarbage = errors.New("not a packed part")

// unpack returns the part of an entry, and whether it has that stamp.
func (p *packer) unpack(s stamp, entry []byte) (data []byte, ok bool, err error) {
	if len(entry) <= stampSize {
		return nil, false, errGarbage
	}
	if !bytes.Equal(entry[:stampSize], s[:]) {
		return nil, false, nil
	}
	data, err = p.dec.DecodeAll(entry[stampSize:], nil)
	if err != nil {
		return nil, false, fmt.Errorf("%w: %w", errGarbage, err)
	}
	return data, true, nil
}
