package ohce_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/ohcetest"
)

// BenchmarkServerRoundTrip measures the round trip of one client with one request in flight over
// loopback.
func BenchmarkServerRoundTrip(b *testing.B) {
	for _, size := range []int{16, 64, 512, 1200} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			s := ohcetest.NewServer(nil)
			defer s.Close()
			c := dial(b, s.Addr)
			c.SetDeadline(time.Time{})
			request, buf := make([]byte, size), make([]byte, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for i := uint64(0); b.Loop(); i++ {
				binary.LittleEndian.PutUint64(request, i) // equal requests would look like a loop
				if _, err := c.Write(request); err != nil {
					b.Fatal(err)
				}
				if _, err := c.Read(buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkClientExchange measures a whole exchange: opening a socket, a request, a response, and
// handing over the socket.
func BenchmarkClientExchange(b *testing.B) {
	s := ohcetest.NewServer(nil)
	defer s.Close()
	c := s.Client()
	c.Retry = ohce.LinearRetry()
	defer c.Close()
	request := make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Exchange(b.Context(), request); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStream measures a stream. The server runs in the same process and shares its CPU time.
func BenchmarkStream(b *testing.B) {
	s := ohcetest.NewServer(reverser)
	defer s.Close()
	for _, size := range []int{64, 1200} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			c := &ohce.Client{Addr: s.Addr, Match: ohce.MatchExact(reversed)}
			defer c.Close()
			b.ReportAllocs()
			request := bytes.Repeat([]byte{'a'}, size)
			i := 0
			requests := func(yield func([]byte) bool) {
				for ; i < b.N; i++ {
					copy(request, strconv.Itoa(i))
					if !yield(request) {
						return
					}
				}
			}
			for _, err := range outcomes(c.Stream(b.Context(), requests)) {
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
