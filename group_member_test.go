package ohce

import "testing"

// TestMemberStreamDropsAnsweredRequests checks that a slow member of a race does not accumulate the
// requests that faster members have answered.
func TestMemberStreamDropsAnsweredRequests(t *testing.T) {
	m := newMemberStream(0)
	for range 50 * maxGroupRequests {
		r := &groupRequest{}
		m.put(r)
		r.done.Store(true)
	}
	if got := len(m.waiting); got > 2*maxGroupRequests {
		t.Errorf("%d requests are waiting, want at most %d", got, 2*maxGroupRequests)
	}
	last, data := &groupRequest{}, []byte("last")
	last.data.Store(&data)
	m.put(last)
	if got, ok := m.take(); !ok || string(got) != "last" || m.finished() != last {
		t.Errorf("took %q, want the only unanswered request", got)
	}
}
