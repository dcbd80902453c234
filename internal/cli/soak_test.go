//go:build linux

package cli

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/flip"
	"github.com/ohce/ohce/internal/testsize"
)

// soakEnv is the variable with the number of datagrams that TestSoak sends. "make soak" sets it to a
// million.
const soakEnv = "OHCE_SOAK"

// TestSoak floods a running server with random datagrams. The server keeps running, uses little
// memory and counts every datagram.
func TestSoak(t *testing.T) {
	count := testsize.Pick(50_000, 5_000)
	if s := os.Getenv(soakEnv); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("%s: %v", soakEnv, err)
		}
		count = n
	}
	p := serving(t)
	flood := connect(t, p.addrs[0])
	// The flood can push a sample out, so the client retransmits it; Match checks the response.
	sample := &ohce.Client{
		Addr: p.addrs[0], Match: ohce.MatchExact(flip.Append), Retry: ohce.RetryAfter(slices.Repeat(
			[]time.Duration{time.Second}, 20)...),
	}
	defer sample.Close()
	rnd := rand.New(rand.NewPCG(1, 2))
	buf := make([]byte, 2000)
	sent, sampled := 0, 0
	for sent < count {
		data := buf[:rnd.IntN(len(buf)+1)]
		fill(rnd, data)
		if sent%1000 == 0 {
			// The deadline limits one step, not all of them.
			flood.SetDeadline(time.Now().Add(patience))
			resp, err := sample.Exchange(t.Context(), data)
			if err != nil {
				t.Fatal(err)
			}
			sent += resp.Attempts
			sampled++
			continue
		}
		if _, err := flood.Write(data); err != nil {
			t.Fatal(err)
		}
		sent++
	}
	peak := memory(t, p.cmd.Process.Pid, "VmHWM")
	text, err := p.stop()
	if err != nil {
		t.Fatalf("serve ended with %v\n%s", err, text)
	}
	var received, answered, dropped, kernel int
	parseSummary(t, text, &received, &answered, &dropped, &kernel)
	t.Logf("sent %d: received %d, answered %d, dropped %d, dropped by the kernel %d; %d answers "+
		"checked; peak memory %d KiB", sent, received, answered, dropped, kernel, sampled, peak)
	// Short datagrams repeat without a pause, as in a loop. The server drops few, and nothing else.
	onlyLoops := dropped == 0 || strings.Contains(text, fmt.Sprintf("dropped %d (loop %[1]d)", dropped))
	if received+kernel != sent || received != answered+dropped || !onlyLoops || dropped > sent/1000 {
		t.Errorf("sent %d, but the server printed %s", sent, text)
	}
	if peak > memoryLimit() {
		t.Errorf("peak memory %d KiB, want at most %d", peak, memoryLimit())
	}
}

// fill makes data random: bytes, or letters of ASCII.
func fill(rnd *rand.Rand, data []byte) {
	mask := uint64(0xff)
	if rnd.IntN(2) == 0 {
		mask = 0x7f
	}
	mask *= 0x0101010101010101
	for len(data) >= 8 {
		binary.LittleEndian.PutUint64(data, rnd.Uint64()&mask)
		data = data[8:]
	}
	for i := range data {
		data[i] = byte(rnd.Uint32() & uint32(mask))
	}
}
