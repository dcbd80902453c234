package main

import (
	"fmt"
	"slices"
)

// fortioVersion is the version of fortio. Later ones, from 1.69.5 at the latest, need a module that
// the Go module proxy does not have.
const fortioVersion = "v1.66.5"

// palindrome is a text of 64 bytes that a server returns unchanged when it reverses it and swaps
// its case. It serves tools that expect an echo.
const palindrome = "0123456789012345678901234567890110987654321098765432109876543210"

// bufferBytes is the size of socket buffers, for tools that do not choose one themselves.
const bufferBytes = "4194304"

// otherTools returns the load generators of other projects.
func otherTools(batch, dns candidate) []*tool {
	const limit = limitPace + lateAllowed
	sockperf := candidate{name: "sockperf server", args: []string{"sockperf", "server", "-i", "ADDR",
		"-p", "PORT", "--buffer-size", bufferBytes}}
	irtt := candidate{name: "irtt server", args: []string{"irtt", "server", "-i", "0",
		"-b", "ADDR:PORT"}}
	irttArgs := []string{"irtt", "client", "-q", "-i", "INTERVAL", "-d", "SECONDSs", "--wait=300ms",
		"--stats=none", "--tstamp=none", "-l", "64", "ADDR:PORT"}
	return []*tool{
		{
			name: "sockperf under-load", server: sockperf, parse: parseSockperf, start: 20_000,
			wholeSeconds: true, limit: limit,
			args: []string{"sockperf", "under-load", "-i", "ADDR", "-p", "PORT", "-m", "64", "--buffer-size",
				bufferBytes, "--reply-every=1", "--mps=RATE", "-t", "SECONDS"},
		},
		{name: "irtt", server: irtt, parse: parseIRTT, start: 200, limit: limit, args: irttArgs},
		{
			name: "irtt --timer=busy", server: irtt, parse: parseIRTT, start: 200, limit: limit,
			args: slices.Insert(slices.Clone(irttArgs), 2, "--timer=busy"),
		},
		{
			name: "fortio -c 16", server: batch, parse: parseFortio, start: 2000, limit: limit,
			args: []string{"DIR/fortio", "load", "-loglevel", "error", "-c", fmt.Sprint(fortioConnections),
				"-qps", "RATE", "-t", "SECONDSs", "-payload", palindrome, "udp://ADDR:PORT/"},
		},
		{
			name: "dnsperf", server: dns, parse: parseDNSPerf, start: 20_000, limit: limit,
			args: []string{"dnsperf", "-s", "ADDR", "-p", "PORT", "-d", "DIR/queries", "-Q", "RATE", "-l",
				"SECONDS", "-b", "4096", "-q", "65000", "-c", "1", "-T", "1", "-t", "1"},
		},
		{
			name: "flamethrower", server: dns, limit: limit,
			missing: "no package; Debian's flamethrower is another program",
		},
	}
}
