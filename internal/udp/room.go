package udp

import "time"

// maxRoomWait and maxRoomWaitConnected bound how long one batch waits for room in the socket's send
// buffer. A device that is slower than the sender makes room all the time. A peer that does not
// answer ARP or neighbour discovery keeps its room for three seconds (arp(7): retrans_time_ms,
// mcast_solicit). An unconnected socket would keep the datagrams of all other peers waiting
// meanwhile, so it waits only as long as its receive buffer can hold requests at the highest rate.
// A connected one has no other peer, and waiting slows the sender down to the speed of the network.
const (
	maxRoomWait          = 5 * time.Millisecond
	maxRoomWaitConnected = 100 * time.Millisecond
)

// roomShare limits the time that a socket waits for room while its send buffer stays full: to one
// part in so many.
const roomShare = 16

// A roomWait bounds the waits of a socket for room. Its zero value is for an unconnected one.
type roomWait struct {
	connected bool
	next      time.Time // the next wait begins no earlier
}

// limit returns how long a batch that finds the buffer full at now may wait: nothing if the buffer
// has been full just before.
func (r *roomWait) limit(now time.Time) time.Duration {
	switch {
	case now.Before(r.next):
		return 0
	case r.connected:
		return maxRoomWaitConnected
	default:
		return maxRoomWait
	}
}

// timedOut notes that at now a batch has waited for d and the buffer is still full. Progress reports
// whether some of the batch was sent after the wait had begun: a connected socket then waits for a
// device that is slow, and may wait again at once.
func (r *roomWait) timedOut(now time.Time, d time.Duration, progress bool) {
	if !progress || !r.connected {
		r.next = now.Add(d * (roomShare - 1))
	}
}
