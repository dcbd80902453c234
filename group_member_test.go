package ohce

import "testing"

// TestMemberStreamForgetsWhatOthersAnswered: a slow member of a race does not collect the requests that
// faster members have answered.
func TestMemberStreamForgetsWhatOthersAnswered(t *testing.T) {
	m := newMemberStream(0)
	for range 50 * maxGroupRequests {
		r := &groupRequest{}
		m.put(r)
		r.end(&Response{}, nil)
	}
	if got := len(m.waiting); got > 2*maxGroupRequests {
		t.Errorf("%d requests are waiting, want at most %d", got, 2*maxGroupRequests)
	}
	last := &groupRequest{data: []byte("last")}
	m.put(last)
	if got := m.take(); got != last {
		t.Errorf("took %v, want the one request without a response", got)
	}
}
