package udp

// Resend handles err, the error of a write on a connected socket. Such a write can fail without
// sending, because an earlier datagram caused a port unreachable message (Linux: udp(7), ERRORS).
// Resend then calls write, which repeats it, once. It returns the number of such errors and the last
// error. After a second one, the datagram is unsent.
func Resend(err error, write func() error) (unreachable int, last error) {
	if !Refused(err) {
		return 0, err
	}
	if err = write(); Refused(err) {
		return 2, err
	}
	return 1, err
}

// SendAll writes all messages to conn. If conn refuses a datagram, SendAll calls unsent with the
// index of its message, its index within the message, and the error, and continues with the next
// datagram. If conn refuses segments, SendAll first tries to send them one by one.
//
// SendAll repeats a write as Resend does. It returns the number of datagrams sent and the number of
// port unreachable messages.
func SendAll(conn Conn, ms []Message, unsent func(message, datagram int, err error)) (
	sent, unreachable int,
) {
	for at := 0; at < len(ms); {
		n, err := conn.Write(ms[at:])
		for i := range ms[at : at+n] {
			sent += ms[at+i].Count()
		}
		if at += n; err == nil {
			break
		}
		reports, err := Resend(err, func() error {
			_, err := conn.Write(ms[at : at+1])
			return err
		})
		unreachable += reports
		switch {
		case err == nil:
			sent += ms[at].Count()
		case ms[at].Segment > 0 && !Refused(err):
			s, u := sendSegments(conn, ms[at], at, unsent)
			sent, unreachable = sent+s, unreachable+u
		default:
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
		write := func() error {
			_, err := conn.Write(one)
			return err
		}
		reports, err := Resend(write(), write)
		if unreachable += reports; err == nil {
			sent++
		} else {
			unsent(at, i, err)
		}
		i++
	}
	return sent, unreachable
}
