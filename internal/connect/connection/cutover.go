package connection

import (
	"math"
	"time"
)

// Cutover tells how long visitors of a name met no valid certificate while it moved to us: from the first answer of a name server that led them here to
// the first certificate. A certificate that was there before comes to 0.
type Cutover struct {
	RoutedAt           time.Time // when a check first saw a name server lead visitors to us
	SecuredAt          time.Time // when there was a certificate
	TlsDowntimeSeconds int32     // rounded up; 0 where the certificate was there first
}

// Cutover is nil until both have happened.
func (c *Connection) Cutover() *Cutover {
	routed, secured := c.Facets.DNS.First, c.Facets.TLS.First
	if routed == nil || secured == nil {
		return nil
	}
	gap := max(0, secured.Sub(*routed))
	return &Cutover{*routed, *secured, int32(min(math.Ceil(gap.Seconds()), math.MaxInt32))}
}
