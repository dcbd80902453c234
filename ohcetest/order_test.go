package ohcetest_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ohce/ohce/ohcetest"
)

// TestSameInstantKeepsOrder sends from several goroutines while the timer delivers, and checks that
// the datagrams of each socket arrive in the order of sending.
func TestSameInstantKeepsOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const senders, each = 8, 100
		var n ohcetest.Network
		n.Link = func(d ohcetest.Datagram) []ohcetest.Arrival {
			return []ohcetest.Arrival{{After: time.Second, Datagram: d}}
		}
		server := listen(t, &n, serverAddr)
		for i := range senders {
			c := dial(t, &n, serverAddr)
			go func() { // ends after its last datagram
				for k := range each {
					c.Write([]byte(fmt.Sprint(i, " ", k))) // the reads below detect a failure
				}
			}()
		}
		next := make(map[int]int)
		for range senders * each {
			buf := make([]byte, 16)
			k, err := server.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			var i, number int
			fmt.Sscan(string(buf[:k]), &i, &number)
			if number != next[i] {
				t.Fatalf("sender %d: datagram %d arrived, want %d", i, number, next[i])
			}
			next[i]++
		}
	})
}

// TestOrderUnderConcurrency checks the same without a delay, so that any sender may deliver.
func TestOrderUnderConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const senders, each = 8, 120
		var n ohcetest.Network
		servers := make([]*ohcetest.Conn, senders)
		for i := range senders {
			servers[i] = listen(t, &n, fmt.Sprintf("192.0.2.%d:3000", 100+i))
			c := dial(t, &n, fmt.Sprintf("192.0.2.%d:3000", 100+i))
			go func() { // ends after its last datagram
				for k := range each {
					c.Write([]byte(fmt.Sprint(k))) // the reads below detect a failure
				}
			}()
		}
		for i := range senders {
			for k := range each {
				want(t, servers[i], fmt.Sprint(k))
			}
		}
	})
}

// TestStepsRunInOrder checks that a datagram is not delivered while the step for an earlier one
// runs.
func TestStepsRunInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ohcetest.Network
		begun, proceed := make(chan struct{}), make(chan struct{})
		slow := func(p *ohcetest.Peer, request ohcetest.Datagram) {
			close(begun)
			<-proceed
			ohcetest.Answer()(p, request)
		}
		n.NewPeer(serverAddr, nil, slow)
		client := dial(t, &n, serverAddr)
		go client.Write([]byte("first")) // ends when the step does
		<-begun
		send(t, client, "second")
		synctest.Wait()
		close(proceed)
		wantAll(t, client, "first", "second")
	})
}

func TestSeveralReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const readers, each = 8, 50
		var n ohcetest.Network
		server, client := listen(t, &n, serverAddr), dial(t, &n, serverAddr)
		var wg sync.WaitGroup
		for range readers {
			wg.Go(func() {
				for range each {
					if _, err := server.Read(nil); err != nil {
						t.Error(err)
					}
				}
			})
		}
		for range readers * each {
			send(t, client, "x")
		}
		wg.Wait() // if a reader is not woken, synctest reports a deadlock
	})
}

// TestManyGoroutines uses sockets, a peer and the counters concurrently. The race detector finds
// unsynchronised accesses.
func TestManyGoroutines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const clients, each = 16, 50
		n := ohcetest.Network{Link: func(d ohcetest.Datagram) []ohcetest.Arrival {
			return []ohcetest.Arrival{{After: time.Duration(len(d.Data)) * time.Millisecond, Datagram: d}}
		}}
		server := n.NewPeer(serverAddr, nil)
		var wg sync.WaitGroup
		for i := range clients {
			wg.Go(func() {
				for k := range each {
					c, err := n.Dial(t.Context(), "udp", serverAddr)
					if err != nil {
						t.Error(err)
						return
					}
					data := fmt.Sprint(i, " ", k)
					c.SetDeadline(time.Now().Add(time.Minute))
					c.Write([]byte(data))
					n.Stats()
					buf := make([]byte, 16)
					if size, err := c.Read(buf); string(buf[:size]) != data || err != nil {
						t.Errorf("response %q, %v, want %q", buf[:size], err, data)
					}
					c.Close()
				}
			})
		}
		wg.Wait()
		const all = clients * each
		if got, want := stats(&n), (ohcetest.NetworkStats{Sent: 2 * all, Delivered: 2 * all}); got != want {
			t.Errorf("stats are %+v, want %+v", got, want)
		}
		if got := len(server.Requests()); got != all {
			t.Errorf("peer received %d requests, want %d", got, all)
		}
	})
}

// TestPeersAnswerEachOther lets two peers answer each other 100,000 times. Delivery must not be
// recursive, or the stack would overflow.
func TestPeersAnswerEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const maxSent = 100_000
		var n ohcetest.Network
		count := 0
		n.Link = func(d ohcetest.Datagram) []ohcetest.Arrival {
			if count++; count > maxSent {
				return nil
			}
			return []ohcetest.Arrival{{Datagram: d}}
		}
		a, b := n.NewPeer("192.0.2.7:3000", nil), n.NewPeer("192.0.2.8:3000", nil)
		n.Inject(ohcetest.Datagram{From: a.Addr(), To: b.Addr(), Data: []byte("ping")})
		got := stats(&n)
		if want := (ohcetest.NetworkStats{Sent: maxSent + 1, Delivered: maxSent, Lost: 1}); got != want {
			t.Errorf("stats are %+v, want %+v", got, want)
		}
	})
}
