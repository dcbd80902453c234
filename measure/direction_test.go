package measure

import "testing"

// others is the end of a text about datagrams that cannot be explained.
const others = "; unless the network duplicates datagrams, the server has other clients, or is another server"

func TestDirectionReport(t *testing.T) {
	before := ServerCounts{Received: 1000, Responded: 900, Dropped: 100, KernelDropped: 5}
	for _, tt := range []struct {
		text          string
		sent, arrived int
		server        ServerCounts // what it counts in between
		want          DirectionReport
	}{
		{"no loss", 10, 10, ServerCounts{10, 10, 0, 0}, DirectionReport{}},
		{"7 requests lost on the way, 8 requests dropped by the system of the server, 15 requests dropped by the server, 10 responses lost on the way", 100, 60, ServerCounts{85, 70, 15, 8},
			DirectionReport{RequestsLost: 7, ServerOverflow: 8, ServerDropped: 15, ResponsesLost: 10}},
		{"1 response lost on the way, 3 requests duplicated or of others" + others, 10, 12, ServerCounts{13, 13, 0, 0},
			DirectionReport{OtherRequests: 3, ResponsesLost: 1}},
		{"1 request lost on the way, 3 responses duplicated or of others" + others, 10, 12, ServerCounts{9, 9, 0, 0},
			DirectionReport{RequestsLost: 1, OtherResponses: 3}},
	} {
		after := ServerCounts{before.Received + tt.server.Received, before.Responded + tt.server.Responded,
			before.Dropped + tt.server.Dropped, before.KernelDropped + tt.server.KernelDropped}
		got, ok := NewDirectionReport(tt.sent, tt.arrived, before, after)
		if !ok || *got != tt.want || got.String() != tt.text {
			t.Errorf("%+v, %v, want %+v and %q", *got, ok, tt.want, tt.text)
		}
	}
	if got, ok := NewDirectionReport(1, 1, before, ServerCounts{Received: 1}); ok {
		t.Errorf("after a restart: %v", got)
	}
}
