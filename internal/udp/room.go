package udp

import "time"

// maxRoomWait and maxRoomWaitConnected limit the time that one batch waits for room in a full send
// buffer.
//
// If a device is slower than the sender, room becomes free all the time. But datagrams to a peer
// that does not answer ARP or neighbour discovery occupy the buffer for three seconds (arp(7):
// retrans_time_ms, mcast_solicit). An unconnected socket would delay all other peers for this time.
// It therefore waits only as long as its receive buffer can hold requests at the highest rate. A
// connected socket has no other peer, and waiting adapts the sender to the speed of the network.
const (
	maxRoomWait          = 5 * time.Millisecond
	maxRoomWaitConnected = 100 * time.Millisecond
)

// roomShare limits the time that a socket waits for room while its send buffer remains full, to
// 1/roomShare of the time.
const roomShare = 16

// A roomWait limits the waits of a socket for room. The zero value is for an unconnected socket.
type roomWait struct {
	connected bool
	next      time.Time // the earliest time of the next wait
}

// limit returns the time that a batch may wait if the buffer is full at now. It is 0 if another
// batch timed out recently.
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

// timedOut records that a batch waited for d until now and the buffer is still full. The argument
// progress reports whether part of the batch was sent during the wait. In this case, the device of
// a connected socket is merely slow, and the next batch may wait immediately.
func (r *roomWait) timedOut(now time.Time, d time.Duration, progress bool) {
	if !progress || !r.connected {
		r.next = now.Add(d * (roomShare - 1))
	}
}
