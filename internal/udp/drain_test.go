package udp

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"
)

func TestDrainReadsQueued(t *testing.T) {
	const queued = 100
	forEachAddress(t, func(t *testing.T, c Socket, to netip.AddrPort) {
		sendNumbers(t, client(t, to), 0, queued)
		if err := c.Drain(); err != nil {
			t.Fatal(err)
		}
		got, err := readUntilError(c)
		if !slices.Equal(got, numbers(0, queued)) {
			t.Errorf("Read after Drain returned %d datagrams, want the %d queued: %q", len(got),
				queued, got)
		}
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("then Read = %v, want net.ErrClosed", err)
		}
		if _, err := c.Read(makeMessages(1, 16)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("next Read = %v, want net.ErrClosed", err)
		}
	})
}

func TestDrainAfterSomeReads(t *testing.T) {
	c := open4(t)
	cl := client(t, c.LocalAddr())
	sendNumbers(t, cl, 0, 30)
	got := readN(t, c, 10)
	c.Drain()
	rest, err := readUntilError(c)
	if got = append(got, rest...); !slices.Equal(got, numbers(0, 30)) {
		t.Errorf("read %q before and after Drain, want all 30", got)
	}
	if !errors.Is(err, net.ErrClosed) {
		t.Errorf("then Read = %v, want net.ErrClosed", err)
	}
}

func TestDrainWakesRead(t *testing.T) {
	forEachSocket(t, func(t *testing.T, s socket) {
		conns, _ := s.open(t)
		for _, c := range conns {
			started, result := make(chan struct{}), make(chan error, 1)
			go func() {
				close(started)
				_, err := c.Read(makeMessages(4, 16))
				result <- err
			}()
			<-started // Drain must unblock Read, whether Read has blocked yet or not
			if err := c.Drain(); err != nil {
				t.Errorf("Drain: %v", err)
			}
			if err := <-result; !errors.Is(err, net.ErrClosed) {
				t.Errorf("Read = %v, want net.ErrClosed", err)
			}
		}
	})
}

func TestDrainAllowsWrites(t *testing.T) {
	c := open4(t)
	cl := client(t, c.LocalAddr())
	send(t, cl, "before Drain")
	c.Drain()
	ms := makeMessages(1, 64)
	if _, err := c.Read(ms); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(ms); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, cl); got != "before Drain" {
		t.Errorf("response %q after Drain, want before Drain", got)
	}
}

func TestDrainTwice(t *testing.T) {
	c := open4(t)
	sendNumbers(t, client(t, c.LocalAddr()), 0, 5)
	for range 2 {
		if err := c.Drain(); err != nil {
			t.Errorf("Drain: %v", err)
		}
	}
	if got, err := readUntilError(c); len(got) != 5 || !errors.Is(err, net.ErrClosed) {
		t.Errorf("read %d datagrams, then %v; want 5, then net.ErrClosed", len(got), err)
	}
}

func TestDrainAfterClose(t *testing.T) {
	c := open4(t)
	c.Close()
	if err := c.Drain(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Drain after Close = %v, want net.ErrClosed", err)
	}
}

func TestDrainDropsLaterDatagrams(t *testing.T) {
	if !reportsDropped {
		t.Skip("the system does not drop datagrams after Drain")
	}
	forEachAddress(t, func(t *testing.T, c Socket, to netip.AddrPort) {
		const before, after = 10, 25
		cl := client(t, to)
		sendNumbers(t, cl, 0, before)
		c.Drain()
		sendNumbers(t, cl, before, before+after)
		got, err := readUntilError(c)
		if !slices.Equal(got, numbers(0, before)) || !errors.Is(err, net.ErrClosed) {
			t.Errorf("read %q (%v), want only the datagrams from before Drain", got, err)
		}
		if got := c.KernelDropped(); got != after {
			t.Errorf("KernelDropped = %d, want %d, all datagrams from after Drain", got, after)
		}
		sendNumbers(t, cl, 0, 1)
		c.Close()
		for range 2 {
			if got := c.KernelDropped(); got != after+1 {
				t.Errorf("KernelDropped after Close = %d, want %d", got, after+1)
			}
		}
	})
}
