package udp

// Transmit hands all messages to conn and returns how many datagrams the kernel took. One that the
// system refuses is lost, and refused is told which one of which message, and why; those behind it
// are sent all the same. A run that is refused is sent datagram by datagram.
func Transmit(conn Conn, ms []Message, refused func(message, datagram int, err error)) int {
	sent := 0
	for at := 0; at < len(ms); at++ {
		n, err := conn.Write(ms[at:])
		for i := range ms[at : at+n] {
			sent += ms[at+i].Count()
		}
		if at += n; err == nil {
			break
		}
		if ms[at].Segment == 0 {
			refused(at, 0, err)
			continue
		}
		sent += transmitRun(conn, &ms[at], func(i int, err error) { refused(at, i, err) })
	}
	return sent
}

// transmitRun sends the datagrams of a run one by one.
func transmitRun(conn Conn, run *Message, refused func(datagram int, err error)) int {
	one := [1]Message{*run}
	one[0].Segment = 0
	sent := 0
	for i, data := 0, run.Buf; len(data) > 0; i, data = i+1, data[len(one[0].Buf):] {
		one[0].Buf = data[:min(run.Segment, len(data))]
		if _, err := conn.Write(one[:]); err != nil {
			refused(i, err)
			continue
		}
		sent++
	}
	return sent
}
