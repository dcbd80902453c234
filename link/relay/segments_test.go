package relay

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/ohce/ohce/internal/udp"
)

// A taker is a socket that takes runs of so many datagrams.
type taker struct {
	udp.Conn
	most int
}

func (t taker) Run(int) int { return t.most }

// TestRunsStayRuns lets datagrams of a run that was read be appended, but for some that were lost,
// and looks at the messages that come of it.
func TestRunsStayRuns(t *testing.T) {
	for _, tt := range []struct {
		name string
		run  string // datagrams of 3 bytes, the last one may be shorter
		lost string // those that do not arrive
		most int
		want string // messages with their segments
	}{
		{"all", "aaabbbccc", "", 64, "aaabbbccc/3"},
		{"a shorter end", "aaabbbc", "", 64, "aaabbbc/3"},
		{"one lost", "aaabbbcccddd", "bbb", 64, "aaa/0 cccddd/3"},
		{"behind a shorter one", "aaabbb", "", 64, "aaabbb/3"},
		{"no more than the kernel takes", "aaabbbccc", "", 2, "aaabbb/3 ccc/0"},
		{"none where it takes none", "aaabbbccc", "", 1, "aaa/0 bbb/0 ccc/0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := udp.Message{Buf: []byte(tt.run), Segment: 3}
			var stats DirectionStats
			var out []udp.Message
			for data := range datagrams(&m, &stats) {
				if !bytes.Equal(data, []byte(tt.lost)) {
					out = appendTo(out, udp.Message{Buf: data}, taker{most: tt.most})
				}
			}
			got := ""
			for _, m := range out {
				got += fmt.Sprintf(" %s/%d", m.Buf, m.Segment)
			}
			if got != " "+tt.want {
				t.Errorf("sent as%s, want %s", got, tt.want)
			}
			if int(stats.Received) != (len(tt.run)+2)/3 {
				t.Errorf("%d received", stats.Received)
			}
		})
	}
	// What stands apart does not become a run, nor does what is empty or longer.
	var out []udp.Message
	for _, data := range []string{"aaa", "bbb", "", "c", "dd"} {
		out = appendTo(out, udp.Message{Buf: []byte(data)}, taker{most: 64})
	}
	whole := []byte("eefff")
	for _, data := range [][]byte{whole[:2], whole[2:]} {
		out = appendTo(out, udp.Message{Buf: data}, taker{most: 64})
	}
	if len(out) != 7 {
		t.Errorf("%d messages of 7 datagrams", len(out))
	}
}
