package ohce

import (
	"bytes"
	"slices"
	"testing"

	"github.com/ohce/ohce/internal/udp"
)

// TestResponsesSegments checks that responses of equal size to one message become segments of one
// message, and that responses to different messages do not.
func TestResponsesSegments(t *testing.T) {
	type message struct{ length, segment int }
	var r responses
	r.out.MaxSegments = func(int) int { return 4 }
	write := func(sizes ...int) {
		for i, n := range sizes {
			r.add(append(r.buf, bytes.Repeat([]byte{byte('a' + i)}, n)...))
		}
		r.collect(&udp.Message{Peer: fakePeer})
	}
	for range 2 { // the second time with reused memory
		write(5, 5, 5)
		write(5, 5, 3, 3)
		write()
		write(0, 2, 2)
		var got []message
		var data []byte
		for _, m := range r.out.Messages {
			got = append(got, message{len(m.Buf), m.Segment})
			data = append(data, m.Buf...)
		}
		want := []message{{15, 5}, {13, 5}, {3, 0}, {0, 0}, {4, 2}}
		if !slices.Equal(got, want) {
			t.Errorf("messages are %v, want %v", got, want)
		}
		if want := "aaaaabbbbbccccc" + "aaaaabbbbbcccddd" + "bbcc"; string(data) != want {
			t.Errorf("the responses are %q, want %q", data, want)
		}
		r.reset()
	}
}
