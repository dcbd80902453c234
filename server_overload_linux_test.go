//go:build linux && !ohce_portable

package ohce_test

import (
	"crypto/sha256"
	"encoding/binary"
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/guard"
	"github.com/ohce/ohce/internal/testsize"
	"github.com/ohce/ohce/internal/udp"
)

// TestOverloadGoodput offers a server up to ten times the requests that it can answer. At ten times,
// the server must answer at 90 % of its highest rate. The handler takes most of the time, so that
// the sender can offer that much. Rates are compared by the second of the server's processor time,
// because other programs can take the processor. The loads take turns, and the median of their ratios
// counts, because the speed of a machine changes. OHCE_OVERLOAD sets the seconds of each load.
func TestOverloadGoodput(t *testing.T) {
	testsize.RequireFull(t, "OHCE_OVERLOAD")
	d, required := time.Second/5, 0.7
	if s := os.Getenv("OHCE_OVERLOAD"); s != "" {
		seconds, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		d, required = time.Duration(seconds*float64(time.Second)), 0.9
	}
	srv := &ohce.Server{Guard: guard.Guards{}, Handler: slowHandler(128 << 10)}
	if err := srv.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	serve(t, srv)
	sender := dial(t, srv.Addrs()[0].String())
	sender.SetDeadline(time.Time{})
	conn, err := udp.Connect(sender)
	if err != nil {
		t.Fatal(err)
	}
	runtime.LockOSThread() // see offer
	defer runtime.UnlockOSThread()
	capacity := offer(t, srv, conn, 100_000, d).perProcessor // more than it can answer
	var ratios []float64
	for range overloadRounds {
		var goodput []float64
		for _, times := range []float64{1, 2, 5, 10} {
			o := offer(t, srv, conn, times*capacity, d/overloadRounds)
			t.Logf("offered %.1f times %.0f requests a second: answered %.0f a second, %.0f by the second "+
				"of processor time", o.offered/capacity, capacity, o.answered, o.perProcessor)
			goodput = append(goodput, o.perProcessor)
		}
		ratios = append(ratios, goodput[len(goodput)-1]/slices.Max(goodput))
	}
	slices.Sort(ratios)
	t.Logf("at ten times the capacity: %.3f of the highest rate in each round", ratios)
	if median := ratios[len(ratios)/2]; median < required {
		t.Errorf("at ten times the capacity: %.3f of the highest rate, want %v", median, required)
	}
}

// overloadRounds is the number of times that each load is offered.
const overloadRounds = 5

// slowHandler returns a handler that hashes size bytes for each request.
func slowHandler(size int) ohce.Handler {
	data := make([]byte, size)
	return ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
		copy(data, r.Data)
		sum := sha256.Sum256(data)
		w.Write(sum[:])
	})
}

// An offered load, and the responses to it.
type offered struct {
	offered, answered float64 // a second
	perProcessor      float64 // answered by the second of the server's processor time
}

// offer sends requests at a rate. It must run on a thread of its own, because the processor time of
// the other threads counts as the server's.
func offer(t *testing.T, srv *ohce.Server, conn udp.Conn, rate float64, d time.Duration) offered {
	t.Helper()
	ms := make([]udp.Message, udp.MaxWidth)
	for i := range ms {
		ms[i].Buf = make([]byte, 64)
	}
	processor := func() time.Duration {
		return processorTime(t, unix.RUSAGE_SELF) - processorTime(t, unix.RUSAGE_THREAD)
	}
	before, used, begun, sent := srv.Stats().Answered, processor(), time.Now(), 0
	for time.Since(begun) < d {
		if float64(sent) > rate*time.Since(begun).Seconds() {
			time.Sleep(100 * time.Microsecond)
			continue
		}
		for i := range ms {
			binary.BigEndian.PutUint64(ms[i].Buf, uint64(sent+i))
		}
		n, err := conn.Write(ms)
		if err != nil {
			t.Fatal(err)
		}
		sent += n
	}
	took, answered := time.Since(begun).Seconds(), float64(srv.Stats().Answered-before)
	return offered{float64(sent) / took, answered / took, answered / (processor() - used).Seconds()}
}

func processorTime(t *testing.T, of int) time.Duration {
	t.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(of, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
