package event

import (
	"crypto/sha256"
	"fmt"
)

// NetworkChain is one of sixteen chains, for facts about a network of which nobody should read off whether there is an account (platform PF-LED-3).
func NetworkChain(network string) string {
	sum := sha256.Sum256([]byte(network))
	return fmt.Sprintf("network:%x", sum[0]>>4)
}
