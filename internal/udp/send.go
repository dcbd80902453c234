package udp

// Resend handles err, the error of a write on a connected socket. Such a write can fail without sending,
// to report that the port of an earlier datagram was unreachable (Linux: udp(7), ERRORS). Resend then
// calls write, which repeats it, once. It returns the number of reports and the last error: after a
// second report the datagram is lost.
func Resend(err error, write func() error) (reports int, last error) {
	if !Refused(err) {
		return 0, err
	}
	if err = write(); Refused(err) {
		return 2, err
	}
	return 1, err
}

// SendAll hands all messages to conn. A datagram that the system refuses is lost; unsent receives
// its message, its place in the message and the error, and the datagrams behind it are sent all the
// same. Segments that are refused together are sent one by one.
//
// SendAll sends a datagram again as Resend does. It returns how many datagrams the kernel took and how
// many reports of unreachable ports there were.
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

// sendSegments sends the segments of message m, the at-th, one by one.
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
