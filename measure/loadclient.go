package measure

import (
	"time"

	"github.com/ohce/ohce/internal/exchange"
	"github.com/ohce/ohce/internal/udp"
)

// A loadClient is a socket of a load, with its requests.
type loadClient struct {
	socket   udp.Socket
	attempts *exchange.SingleAttempts
	numbered bool     // the caller knows which request a response answers
	requests [][]byte // by number modulo their length, a power of two; nil unless they are checked

	batch  udp.Batch
	data   []byte   // of the requests in batch
	queued []queued // in batch
	first  []int    // for each message of batch: index in queued of its first request
	drops  int      // latest value of KernelDropped
}

// A queued is a request that will be sent with the next batch.
type queued struct {
	number uint64
	due    time.Duration
	unsent bool // the system refused to send it
}

func newLoadClient(l *Load, socket udp.Socket) *loadClient {
	remembered := l.MaxInFlight
	if remembered <= 0 {
		remembered = defaultMaxInFlight
	}
	var match *exchange.Matcher
	if l.Number == nil {
		match = &exchange.Matcher{RequestKey: l.Match.RequestKey, ResponseKey: l.Match.ResponseKey}
	}
	c := &loadClient{
		socket: socket, numbered: l.Number != nil,
		attempts: exchange.NewSingleAttempts(match, l.timeout(), remembered),
		data:     make([]byte, 0, maxBatchBytes),
	}
	if l.Segments {
		c.batch.MaxSegments = socket.MaxSegments
	}
	if l.keepsRequests() {
		c.requests = make([][]byte, c.attempts.Remembered())
	}
	return c
}

// toPeer has the addresses of a datagram on a connected socket: none.
var toPeer udp.Message

// The largest batch. The requests of a batch have one time of transmission, so a batch must not take
// long: 16 datagrams take the kernel some 20 us. Segments take it less.
const (
	maxBatch      = 16
	maxSegments   = 64
	maxBatchBytes = 1 << 17
)

// add queues a request. It returns false if there is no room for it in flight.
func (c *loadClient) add(due time.Duration, request func(dst []byte) []byte) bool {
	if c.attempts.Full() {
		c.skip()
		return false
	}
	begin := len(c.data)
	c.data = request(c.data)
	data := c.data[begin:]
	number := c.attempts.Add(due, data)
	if c.requests != nil {
		kept := &c.requests[number&uint64(len(c.requests)-1)]
		*kept = append((*kept)[:0], data...)
	}
	c.batch.Append(data, &toPeer)
	if len(c.batch.Messages) > len(c.first) {
		c.first = append(c.first, len(c.queued))
	}
	c.queued = append(c.queued, queued{number: number, due: due})
	return true
}

// skip leaves out a request.
func (c *loadClient) skip() {
	if c.numbered {
		c.attempts.Skip()
	}
}

// full reports that the batch should be sent.
func (c *loadClient) full() bool {
	limit := maxBatch
	if c.batch.MaxSegments != nil {
		limit = maxSegments
	}
	return len(c.queued) >= limit || len(c.data) > maxBatchBytes/2
}

// send sends the batch at a given time and returns the number of ICMP port unreachable messages that
// the system reported. The caller reads queued and then calls reset.
func (c *loadClient) send(at time.Duration) (unreachable int) {
	_, unreachable = udp.SendAll(c.socket, c.batch.Messages, func(message, datagram int, _ error) {
		q := &c.queued[c.first[message]+datagram]
		q.unsent = true
		c.attempts.NotSent(q.number)
	})
	c.attempts.Sent(at, c.queued[len(c.queued)-1].number+1)
	return unreachable
}

// reset empties the batch.
func (c *loadClient) reset() {
	c.batch.Reset()
	c.data, c.queued, c.first = c.data[:0], c.queued[:0], c.first[:0]
}

// request returns the bytes of a remembered request.
func (c *loadClient) request(number uint64) []byte {
	return c.requests[number&uint64(len(c.requests)-1)]
}

// dropped returns how many datagrams the kernel dropped since the last call.
func (c *loadClient) dropped() int {
	now := int(c.socket.KernelDropped())
	n := now - c.drops
	c.drops = now
	return n
}
