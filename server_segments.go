package ohce

import "github.com/ohce/ohce/internal/udp"

// appendRuns appends the responses to a message as few messages: datagrams of equal size that follow
// each other go out as one run, and a shorter one may end it. most tells how many datagrams of a size
// one message may hold.
func appendRuns(out []udp.Message, m *udp.Message, a *responses,
	most func(size int) int) []udp.Message {
	data := a.buf
	for sizes := a.sizes; len(sizes) > 0; {
		n, length := run(sizes, most(sizes[0]))
		next := udp.Message{Buf: data[:length:length], Peer: m.Peer, Local: m.Local, IfIndex: m.IfIndex}
		if n > 1 {
			next.Segment = sizes[0]
		}
		out = append(out, next)
		data, sizes = data[length:], sizes[n:]
	}
	return out
}

// run is how many of the first sizes make one run, of at most most, and their sum.
func run(sizes []int, most int) (n, length int) {
	first := sizes[0]
	n, length = 1, first
	for n < len(sizes) && n < most && sizes[n] > 0 && sizes[n] <= first {
		length += sizes[n]
		n++
		if sizes[n-1] < first {
			break
		}
	}
	return n, length
}
