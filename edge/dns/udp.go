package edgedns

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

const (
	udpBuffer  = 4096
	kernelKeep = 4 << 20 // octets of questions that the kernel keeps while we are busy
	pathsMost  = 256
)

// listenUDP opens n sockets at one address, over which the kernel spreads the clients; one where it cannot do that.
func listenUDP(ctx context.Context, address string, n int) (out []*net.UDPConn, err error) {
	lc := net.ListenConfig{Control: shareAddress}
	if shareAddress == nil {
		n = 1
	}
	for range n {
		c, err := lc.ListenPacket(ctx, "udp", address)
		if err != nil {
			for _, c := range out {
				_ = c.Close()
			}
			return nil, err
		}
		u := c.(*net.UDPConn)
		_ = u.SetReadBuffer(kernelKeep) // the kernel may allow less
		out = append(out, u)
	}
	return out, nil
}

// datagrams answers what comes in at a socket, one after the other: nothing here waits for anything. It ends with nil when ctx has ended and reading
// was interrupted.
func (s *Server) datagrams(ctx context.Context, c *net.UDPConn) error {
	d := datagram{server: s}
	everywhere := addrPort(c.LocalAddr()).Addr().IsUnspecified()
	if everywhere { // then an answer must say from which of our addresses it comes: from the one that was asked
		d.paths = map[string][]byte{}
		err4 := ipv4.NewPacketConn(c).SetControlMessage(ipv4.FlagDst|ipv4.FlagInterface, true)
		err6 := ipv6.NewPacketConn(c).SetControlMessage(ipv6.FlagDst|ipv6.FlagInterface, true)
		if err4 != nil && err6 != nil {
			return errors.Join(err4, err6)
		}
	}
	in, control := make([]byte, udpBuffer), make([]byte, 128)
	for {
		var n, m int
		var from netip.AddrPort
		var err error
		if everywhere {
			n, m, _, from, err = c.ReadMsgUDPAddrPort(in, control)
		} else {
			n, from, err = c.ReadFromUDPAddrPort(in)
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed), errors.Is(err, os.ErrDeadlineExceeded):
			return err
		case err != nil: // an ICMP error of some earlier answer, say
			continue
		}
		out := d.answer(in[:n], from.Addr().Unmap())
		switch {
		case len(out) == 0:
		case everywhere:
			_, _, _ = c.WriteMsgUDPAddrPort(out, d.path(control[:m]), from) // the client is gone
		default:
			_, _ = c.WriteToUDPAddrPort(out, from)
		}
	}
}

// datagram is what one socket needs while it answers.
type datagram struct {
	server *Server
	out    [udpBuffer]byte
	paths  map[string][]byte
}

// path makes of where a question came in where its answer leaves. There are as many as we have addresses, so they are made once.
func (d *datagram) path(control []byte) []byte {
	if known, ok := d.paths[string(control)]; ok {
		return known
	}
	if len(d.paths) >= pathsMost {
		clear(d.paths)
	}
	var out []byte
	six, four := new(ipv6.ControlMessage), new(ipv4.ControlMessage)
	switch {
	case four.Parse(control) == nil && four.Dst != nil:
		out = (&ipv4.ControlMessage{Src: four.Dst}).Marshal()
	case six.Parse(control) == nil && six.Dst != nil:
		answer := &ipv6.ControlMessage{Src: six.Dst}
		if six.Dst.IsLinkLocalUnicast() {
			answer.IfIndex = six.IfIndex
		}
		if v4 := six.Dst.To4(); v4 != nil {
			out = (&ipv4.ControlMessage{Src: v4}).Marshal()
			break
		}
		out = answer.Marshal()
	}
	d.paths[string(control)] = out
	return out
}

// answer is what a packet gets; nothing for what is no question. It is valid until the next call.
func (d *datagram) answer(in []byte, client netip.Addr) (out []byte) {
	defer d.server.survive()
	if n, done := d.server.shortcut(d.out[:], in, client); done {
		return d.out[:n]
	}
	const head = 12
	if len(in) < head {
		return nil
	}
	count := func(at int) uint16 { return binary.BigEndian.Uint16(in[at:]) }
	refuse := func(rcode int) []byte {
		d.server.count(dns.TypeNone, rcode)
		m := dns.Msg{MsgHdr: dns.MsgHdr{Id: count(0), Response: true, Opcode: int(in[2]>>3) & 0xf, Rcode: rcode, RecursionDesired: in[2]&1 != 0}}
		packed, _ := m.PackBuffer(d.out[:])
		return packed
	}
	switch accept(dns.Header{Id: count(0), Bits: count(2), Qdcount: count(4), Ancount: count(6), Nscount: count(8), Arcount: count(10)}) {
	case dns.MsgIgnore:
		return nil
	case dns.MsgReject:
		return refuse(dns.RcodeFormatError)
	case dns.MsgRejectNotImplemented:
		return refuse(dns.RcodeNotImplemented)
	}
	req := new(dns.Msg)
	if req.Unpack(in) != nil {
		return refuse(dns.RcodeFormatError)
	}
	m := d.server.reply(req, client, true)
	if m == nil {
		return nil
	}
	packed, err := m.PackBuffer(d.out[:])
	if err != nil {
		d.server.Log.Error("pack an answer of the edge zone", "err", err, "at", time.Now())
		return refuse(dns.RcodeServerFailure)
	}
	return packed
}
