package ohce

import "github.com/ohce/ohce/internal/udp"

// maxResponses is the number of bytes of responses above which a shard sends them before it has
// answered the whole batch. It limits the memory of a shard that sends large responses.
const maxResponses = 1 << 20

// responses holds the responses of a shard that have not been sent, in one buffer.
type responses struct {
	buf   []byte
	sizes []int // the sizes of the responses to the current message, at the end of buf
	sum   int   // the sum of sizes
	out   udp.Batch
}

// add adds the response that was appended to buf.
func (r *responses) add(buf []byte) {
	n := len(buf) - len(r.buf)
	r.buf, r.sizes, r.sum = buf, append(r.sizes, n), r.sum+n
}

// collect adds the responses to message m to the batch. Responses of equal size to the same message
// become segments.
func (r *responses) collect(m *udp.Message) {
	end := len(r.buf)
	r.out.AppendAll(r.buf[end-r.sum:end:end], r.sizes, m)
	r.sizes, r.sum = r.sizes[:0], 0
}

// full reports whether the responses must be sent before further ones are added.
func (r *responses) full() bool { return len(r.buf) >= maxResponses }

// reset removes the responses and releases a large buffer. The responses to one message can exceed
// maxResponses. Twice that suffices for a batch of ordinary messages.
func (r *responses) reset() {
	r.out.Reset()
	if r.buf = r.buf[:0]; cap(r.buf) > 2*maxResponses {
		r.buf = nil
	}
}
