package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// The values of the sweeps, and the servers that they measure.
var (
	sweepPorts   = []int{1, 10, 100, 1_000, 10_000, 100_000}
	sweepSizes   = []int{16, 64, 256, 512, 1_200, 4_096, 16_384, 60_000}
	sweepServers = []string{limitBatch, "ohce"}
)

// A sweep measures servers at several values of one quantity.
type sweep struct {
	name    string // name of the picture's file
	title   string
	of      string              // unit of the quantity
	at      []int               // values of the quantity
	results map[string][]result // by server, a result for each value
}

// runSweep measures each of sweepServers at each value. The function generator returns the command
// line of the load generator.
func (s *session) runSweep(g *sweep, h host, generator func(port string, at int) []string) error {
	g.results = make(map[string][]result)
	processes := make(map[string]*process)
	defer func() {
		for _, p := range processes {
			p.end()
		}
	}()
	for _, c := range candidates {
		for _, name := range sweepServers {
			if c.name != name {
				continue
			}
			p, err := c.start(s.dir, h)
			if err != nil {
				return err
			}
			processes[name] = p
			g.results[name] = make([]result, len(g.at))
		}
	}
	for range s.rounds {
		for i, at := range g.at {
			for _, name := range sweepServers {
				p := processes[name]
				got, err := s.measureOnce(p, generator(p.port, at))
				if err != nil {
					return fmt.Errorf("%s at %d %s: %w", name, at, g.of, err)
				}
				r := &g.results[name][i]
				r.samples = append(r.samples, got)
				if r.memory, err = p.memory(); err != nil { // a maximum, so the last round counts
					return err
				}
			}
		}
	}
	return nil
}

// sizes floods with datagrams of increasing size.
func (s *session) sizes() (*sweep, error) {
	g := &sweep{name: "sizes", title: "datagram size, 16 clients that send as fast as they can",
		of: "bytes", at: sweepSizes}
	flood := []string{"flood", "PORT", "SIZE", "16", "SECONDS"}
	return g, s.runSweep(g, loopback, func(port string, at int) []string {
		return generator(s.dir, flood, port, strconv.Itoa(at), s.seconds)
	})
}

// missingForPorts returns the reason why ports cannot run on this machine, or "".
func missingForPorts() string {
	if os.Getuid() != 0 {
		return "needs root"
	}
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		return err.Error()
	}
	return ""
}

// ports floods from increasing numbers of ports. The server runs in a new network namespace, behind
// a simulated network.
func (s *session) ports() (*sweep, error) {
	const device, server, clients = "ohce0", "10.77.0.1", "10.77.1.1"
	ns := fmt.Sprintf("ohce-bench-%d", os.Getpid())
	if err := command("ip", "netns", "add", ns); err != nil {
		return nil, err
	}
	defer exec.Command("ip", "netns", "del", ns).Run()
	for _, args := range []string{
		"tuntap add dev ohce0 mode tun", "addr add 10.77.0.1/16 dev ohce0", "link set ohce0 up",
	} {
		if err := command("ip", append([]string{"-n", ns}, strings.Fields(args)...)...); err != nil {
			return nil, err
		}
	}
	g := &sweep{name: "ports", title: "client ports that send in turn as fast as they can, 64 bytes",
		of: "ports", at: sweepPorts}
	inside := host{prefix: []string{"ip", "netns", "exec", ns}, addr: server}
	return g, s.runSweep(g, inside, func(port string, at int) []string {
		return []string{"ip", "netns", "exec", ns, "taskset", "-c", loadCore, filepath.Join(s.dir, "many"),
			device, server, clients, port, "64", strconv.Itoa(at),
			strconv.FormatFloat(s.seconds, 'f', -1, 64)}
	})
}

// table returns the sweep as a Markdown table.
func (g *sweep) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s | ", g.of)
	for _, name := range sweepServers {
		fmt.Fprintf(&b, "%s: responses/s | CPU per response, ns | relative to %s | MiB | ", name,
			formatInt(g.at[0]))
	}
	b.WriteString("CPU relative to the limit |\n|---:" + strings.Repeat("|---:|---:|---:|---:",
		len(sweepServers)) + "|---:|\n")
	for i, at := range g.at {
		fmt.Fprintf(&b, "| %s |", formatInt(at))
		for _, name := range sweepServers {
			r := g.results[name][i]
			responses, _, _ := r.spread(rate)
			cost, _, _ := r.spread(cpu)
			fmt.Fprintf(&b, " %s | %s | %.2f | %.0f |", formatFigure(responses), formatFigure(cost),
				r.ratio(g.results[name][0], cpu), r.memory)
		}
		fmt.Fprintf(&b, " %.2f |\n", g.results["ohce"][i].ratio(g.results[limitBatch][i], cpu))
	}
	return b.String()
}
