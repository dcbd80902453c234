package udp

// SendAll writes all messages to conn. If conn refuses a datagram, SendAll calls unsent with the
// index of its message, its index within the message, and the error, and continues with the next
// datagram. If conn refuses segments, SendAll first tries to send them one by one.
//
// On a connected socket, a write can fail because an earlier datagram caused a port unreachable
// message. The system then has not sent the datagram of this write (on Linux, see udp(7), ERRORS).
// SendAll counts such errors and tries once more. If the second try fails in the same way, the
// datagram is unsent. SendAll returns the number of datagrams sent and the number of such errors.
func SendAll(conn Conn, ms []Message, unsent func(message, datagram int, err error)) (
	sent, unreachable int,
) {
	retried := -1 // index of the last message that was tried once more
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

// sendSegments sends the segments of m one by one. at is the index of m for unsent.
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
