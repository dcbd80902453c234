package ohce

import "github.com/ohce/ohce/internal/udp"

// maxResponses is the number of bytes from which on responses are sent although the batch of
// requests is not answered completely, so that a shard's memory does not grow with the size of
// responses.
const maxResponses = 1 << 20

// responses are what a shard has written and not sent yet, in one buffer.
type responses struct {
	buf   []byte
	sizes []int // of the responses to the current message, the last ones of buf
	sum   int   // of sizes
	out   udp.Batch
}

// add keeps the response that was appended to buf.
func (r *responses) add(buf []byte) {
	n := len(buf) - len(r.buf)
	r.buf, r.sizes, r.sum = buf, append(r.sizes, n), r.sum+n
}

// collect adds the responses to message m to the batch. Those of equal size become segments; the
// responses to different messages stay apart.
func (r *responses) collect(m *udp.Message) {
	end := len(r.buf)
	r.out.AppendAll(r.buf[end-r.sum:end:end], r.sizes, m)
	r.sizes, r.sum = r.sizes[:0], 0
}

// full reports whether the responses are to be sent before there are more.
func (r *responses) full() bool { return len(r.buf) >= maxResponses }

// reset forgets the responses, and gives their memory back if it is large. The responses to one
// message can take more than maxResponses; twice as much is more than a batch of ordinary messages
// needs.
func (r *responses) reset() {
	r.out.Reset()
	if r.buf = r.buf[:0]; cap(r.buf) > 2*maxResponses {
		r.buf = nil
	}
}
