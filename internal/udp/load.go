package udp

// The limits between light and heavy load.
const (
	// fullRead is the minimum size of a full read: one that fills all of its buffers, so that more
	// datagrams are likely queued.
	fullRead = 16
	// heavyReads is the number of consecutive full reads after which the load is heavy. A change
	// between light and heavy load costs about as much as reading 100 datagrams.
	heavyReads = 4
	// lightRead is the maximum number of datagrams in a read under light load.
	lightRead = 4
	// lightReads is the number of consecutive reads of at most lightRead datagrams after which the
	// load is light.
	lightReads = 256
)

// A load classifies the load of a socket as heavy or light by the sizes of its reads. The zero
// value is light.
type load struct {
	heavy       bool
	consecutive int // consecutive reads that indicate a change
}

// observe records a read that filled n of the offered buffers.
func (l *load) observe(n, offered int) {
	need, change := heavyReads, n == offered && n >= fullRead
	if l.heavy {
		need, change = lightReads, n <= lightRead
	}
	if !change {
		l.consecutive = 0
		return
	}
	if l.consecutive++; l.consecutive >= need {
		l.heavy, l.consecutive = !l.heavy, 0
	}
}
