package udp

// SendAll hands all messages to conn. A datagram that the system refuses is lost; unsent receives
// its message, its place in the message and the error, and the datagrams behind it are sent all the
// same. Segments that are refused together are sent one by one.
//
// A connected socket reports that the port of an earlier datagram was unreachable in place of
// sending the next one (Linux: udp(7), ERRORS). SendAll counts such reports and sends the datagram
// again, once; a second report in a row loses it. It returns how many datagrams the kernel took and
// how many reports there were.
func SendAll(conn Conn, ms []Message, unsent func(message, datagram int, err error)) (
	sent, unreachable int,
) {
	retried := -1 // the message that is being sent again
	for at := 0; at < len(ms); {
		n, err := conn.Write(ms[at:])
		for i := range ms[at : at+n] {
			sent += ms[at+i].Count()
		}
		if at += n; err == nil {
			break
		}
		refused := Refused(err)
		if refused {
			unreachable++
			if retried != at {
				retried = at
				continue
			}
		}
		if ms[at].Segment > 0 && !refused {
			s, u := sendSegments(conn, ms[at], at, unsent)
			sent, unreachable = sent+s, unreachable+u
		} else {
			for i := range ms[at].Count() {
				unsent(at, i, err)
			}
		}
		at++
	}
	return sent, unreachable
}

// sendSegments sends the segments of message m, the at-th, one by one.
func sendSegments(conn Conn, m Message, at int, unsent func(message, datagram int, err error)) (
	sent, unreachable int,
) {
	one := []Message{m}
	one[0].Segment = 0
	i := 0
	for one[0].Buf = range m.Datagrams() {
		_, err := conn.Write(one)
		if Refused(err) {
			unreachable++
			if _, err = conn.Write(one); Refused(err) {
				unreachable++
			}
		}
		if err == nil {
			sent++
		} else {
			unsent(at, i, err)
		}
		i++
	}
	return sent, unreachable
}
