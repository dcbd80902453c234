package link

// Stats counts datagrams of one direction.
// Seen = BlackHoled + TooLong + Lost + Overflow + Delivered.
type Stats struct {
	// Seen counts the datagrams passed to the link. Delivered counts those that arrived at least once.
	Seen, Delivered uint64
	// BlackHoled, TooLong, Lost and Overflow count the datagrams that did not arrive: dropped by the black
	// hole, longer than the MTU, lost at random, or without room in the queue.
	BlackHoled, TooLong, Lost, Overflow uint64
	// Truncated, Corrupted and Duplicated count the delivered datagrams with that damage. Reordered counts
	// arrivals, copies included, that overtook an earlier datagram. Rebound counts changes of the
	// sender's port.
	Truncated, Corrupted, Duplicated, Reordered, Rebound uint64
}
