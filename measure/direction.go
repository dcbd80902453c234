package measure

import (
	"strconv"
	"strings"
)

// ServerCounts are the counters of a server: see ohce.ServerStats.
type ServerCounts struct {
	// Received counts the requests that the server read, and Responded the responses that it sent.
	Received, Responded uint64
	// Dropped counts the requests that the server read and did not answer, and KernelDropped the
	// packets that its system dropped before the server could read them.
	Dropped, KernelDropped uint64
}

// A DirectionReport says where the datagrams of a measurement were lost, as far as the server can
// tell. It has two limits, which make RequestsLost too high:
//
//   - Linux counts the packets that it drops. A packet can hold several requests: the client sends
//     them as segments (Load.Segments), or the server's system merges packets that it receives
//     (UDP GRO). ServerOverflow counts it once, and RequestsLost has its other requests.
//   - Requests that the server has not read when its counters are read count as lost. Read the
//     counters when the server is idle.
type DirectionReport struct {
	// RequestsLost counts the requests that neither the server nor its system has counted, and
	// ResponsesLost the responses that did not reach this system.
	RequestsLost  int `json:"requests_lost"`
	ResponsesLost int `json:"responses_lost"`
	// ServerOverflow counts the packets that the server's system dropped, each as one request.
	// ServerDropped counts the requests that the server read and did not answer.
	ServerOverflow int `json:"server_overflow"`
	ServerDropped  int `json:"server_dropped"`
	// OtherRequests counts the requests that the server received beyond those that were sent, and
	// OtherResponses the responses that arrived beyond those of the server. They are not 0 if the
	// network duplicated datagrams, or if the server had other clients. Losses can then be hidden:
	// the true number is up to this number higher.
	OtherRequests  int `json:"other_requests"`
	OtherResponses int `json:"other_responses"`
}

// String returns the numbers that are not 0 in one line, such as "3 requests lost on the way". If
// all are 0, it returns "no loss".
func (d *DirectionReport) String() string {
	var parts []string
	add := func(n int, one, many string) {
		switch {
		case n == 1:
			parts = append(parts, "1 "+one)
		case n > 1:
			parts = append(parts, strconv.Itoa(n)+" "+many)
		}
	}
	add(d.RequestsLost, "request lost on the way", "requests lost on the way")
	add(d.ServerOverflow, "request dropped by the system of the server",
		"requests dropped by the system of the server")
	add(d.ServerDropped, "request dropped by the server", "requests dropped by the server")
	add(d.ResponsesLost, "response lost on the way", "responses lost on the way")
	add(d.OtherRequests, "request duplicated or of others", "requests duplicated or of others")
	add(d.OtherResponses, "response duplicated or of others", "responses duplicated or of others")
	if len(parts) == 0 {
		return "no loss"
	}
	text := strings.Join(parts, ", ")
	if d.OtherRequests+d.OtherResponses > 0 {
		text += "; unless the network duplicates datagrams, the server has other clients, or is another server"
	}
	return text
}

// NewDirectionReport compares the datagrams of this side with what the server has counted between
// before and after. sent is the number of requests sent, and arrived that of the datagrams which
// arrived in response, whether or not they were right or in time. It returns false if a counter of
// the server has decreased, because the server was started again.
func NewDirectionReport(sent, arrived int, before, after ServerCounts) (*DirectionReport, bool) {
	delta := func(before, after uint64) int { return int(after - before) }
	if after.Received < before.Received || after.Responded < before.Responded ||
		after.Dropped < before.Dropped || after.KernelDropped < before.KernelDropped {
		return nil, false
	}
	overflow := delta(before.KernelDropped, after.KernelDropped)
	requests := sent - delta(before.Received, after.Received) - overflow
	responses := delta(before.Responded, after.Responded) - arrived
	return &DirectionReport{
		RequestsLost: max(requests, 0), OtherRequests: max(-requests, 0),
		ResponsesLost: max(responses, 0), OtherResponses: max(-responses, 0),
		ServerOverflow: overflow, ServerDropped: delta(before.Dropped, after.Dropped),
	}, true
}
