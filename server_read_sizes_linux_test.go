package ohce_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/ohce/ohce"
)

// TestShardReadSizes checks that a read of one packet with 40 requests, sent as segments, counts as
// a read of 40 datagrams.
func TestShardReadSizes(t *testing.T) {
	srv := new(ohce.Server)
	if err := srv.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	var requests []string // all different: equal ones look like a loop
	for i := range 40 {
		requests = append(requests, fmt.Sprintf("text %03d", i))
	}
	client := newSegmentClient(t, srv.Addrs()[0])
	if client.conn.MaxSegments(len(requests[0])) < len(requests) {
		t.Skip("the kernel sends no segments (before Linux 4.18)")
	}
	client.send(requests...)
	served := make(chan error, 1)
	go func() { served <- srv.Serve() }() // ends with Shutdown
	// Shutdown answers the queued requests.
	if err := srv.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	<-served
	var want ohce.ReadSizes
	want[6] = 1 // 33 to 64 datagrams
	if got := srv.ShardStats()[0].ReadSizes; got != want {
		t.Errorf("read sizes %v, want %v", got, want)
	}
}
