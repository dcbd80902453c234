package ohcetest_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ohce/ohce/ohcetest"
)

// TestSameInstantKeepsOrder sends from one goroutine while another's datagrams and the clock's come in
// between: what one socket sends to another arrives in the order of sending.
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
					c.Write([]byte(fmt.Sprint(i, " ", k))) // what fails is missed below
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
				t.Fatalf("sender %d: number %d arrived, want %d", i, number, next[i])
			}
			next[i]++
		}
	})
}

// TestOrderUnderConcurrency is the same without a delay, where every sender delivers.
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
					c.Write([]byte(fmt.Sprint(k))) // what fails is missed below
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

// TestStepsRunInOrder: a step that takes its time holds up what was sent later.
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
		wg.Wait() // one that is not woken is a deadlock of the bubble
	})
}

// TestManyGoroutines uses everything at once; the race detector and the counts judge.
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
						t.Errorf("answer %q, %v, want %q", buf[:size], err, data)
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
			t.Errorf("the peer got %d requests, want %d", got, all)
		}
	})
}

// TestPeersAnswerEachOther: two peers answer each other for as long as the link lets them, which must
// not grow the stack.
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
