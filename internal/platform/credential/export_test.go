package credential

import "context"

// What only tests may see.
var (
	Parse  = parse
	Verify = verify
	Hash   = hash
)

// Fill takes every place for hashing until the answered function is called.
func Fill() (leave func()) {
	for range atSameTime {
		room <- struct{}{}
	}
	return func() {
		for range atSameTime {
			<-room
		}
	}
}

func Stretch(ctx context.Context) error {
	_, err := stretch(ctx, "x", []byte("12345678"), 8, 1, 1, 16)
	return err
}
