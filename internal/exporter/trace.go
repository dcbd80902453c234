package exporter

import (
	"net/netip"
	"strconv"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/internal/sequence"
)

// trace returns a trace that draws the exchange number turn of a request.
func (r *Result) trace(request, turn int) *ohce.ClientTrace {
	draw := func(a ohce.TraceAttempt, e sequence.Event) {
		e.Time, e.Attempt, e.Attempts, e.Wait = a.Elapsed, a.Attempt, a.Attempts, a.Wait
		r.draw(sequence.Exchange{
			Number: uint64((request-1)*r.Module.UDP.turns + turn), Client: clientAddr(a.Local), Server: a.Remote.String(),
		}, e)
	}
	return &ohce.ClientTrace{
		AttemptSent: func(a ohce.TraceAttempt) {
			e := sequence.Event{Kind: sequence.Sent, Payload: sequence.Sample(a.Request)}
			if a.Err != nil {
				e.Kind, e.Reason = sequence.Refused, rootCause(a.Err).Error()
			}
			draw(a, e)
		},
		AttemptTimedOut: func(a ohce.TraceAttempt) { draw(a, sequence.Event{Kind: sequence.TimedOut}) },
		PortUnreachable: func(a ohce.TraceAttempt) { draw(a, sequence.Event{Kind: sequence.Unreachable}) },
		ResponseAccepted: func(a ohce.TraceAttempt, response *ohce.Response) {
			draw(a, sequence.Event{
				Kind: sequence.Accepted, RoundTrip: response.RTT, Payload: sequence.Sample(response.Data),
			})
		},
		DatagramIgnored: func(a ohce.TraceAttempt, why ohce.IgnoreReason, data []byte) {
			draw(a, sequence.Event{Kind: sequence.Ignored, Reason: why.String(), Payload: sequence.Sample(data)})
		},
	}
}

// clientAddr formats the address of a socket. If the socket is not connected, it has only a port.
func clientAddr(a netip.AddrPort) string {
	if a.Addr().IsUnspecified() {
		return "port " + strconv.Itoa(int(a.Port()))
	}
	return a.String()
}
