package udp

// The reads that decide how a socket waits.
const (
	// fullRead is the number of datagrams in a read that show, if all buffers offered were filled,
	// that more are queued.
	fullRead = 16
	// heavyReads is the number of full reads in a row that make the load heavy. Changing how the
	// socket waits costs about as much as reading a hundred datagrams.
	heavyReads = 4
	// lightRead is the largest read under light load, and lightReads the number of such reads in a
	// row that make it light again.
	lightRead  = 4
	lightReads = 256
)

// A load tells heavy from light load by the sizes of the reads. Its zero value is light.
type load struct {
	heavy       bool
	consecutive int // reads in a row that speak for a change
}

// observe notes a read of n datagrams into as many buffers as offered.
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
