package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// What grows, and the two servers that are looked at.
var (
	sweepPorts   = []int{1, 10, 100, 1_000, 10_000, 100_000}
	sweepSizes   = []int{16, 64, 256, 512, 1_200, 4_096, 16_384, 60_000}
	sweepServers = []string{limitBatch, "ohce"}
)

// A sweep is what becomes of the figures while one quantity grows.
type sweep struct {
	name    string // in file names
	title   string
	of      string // the quantity, with its unit
	at      []int
	results map[string][]result // a result for each of at
}

// runSweep measures the sweepServers servers while a quantity grows; args are those of the generator.
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
				if r.memory, err = p.memory(); err != nil { // of a process that grows; the last one counts
					return err
				}
			}
		}
	}
	return nil
}

// sizes floods with datagrams of more and more bytes.
func (s *session) sizes() (*sweep, error) {
	g := &sweep{name: "sizes", title: "bytes in a datagram, 16 clients that send as fast as they can",
		of: "bytes", at: sweepSizes}
	flood := []string{"flood", "PORT", "SIZE", "16", "SECONDS"}
	return g, s.runSweep(g, loopback, func(port string, at int) []string {
		return generator(s.dir, flood, port, strconv.Itoa(at), s.seconds)
	})
}

// missingForPorts says what is missing to play a network of many ports, or "".
func missingForPorts() string {
	if os.Getuid() != 0 {
		return "that takes root"
	}
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		return err.Error()
	}
	return ""
}

// ports floods from more and more ports. It plays the network that they are in, in a network
// namespace of its own.
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
	g := &sweep{name: "ports", title: "client ports, each in turn, as fast as they come, 64 bytes",
		of: "ports", at: sweepPorts}
	inside := host{prefix: []string{"ip", "netns", "exec", ns}, addr: server}
	return g, s.runSweep(g, inside, func(port string, at int) []string {
		return []string{"ip", "netns", "exec", ns, "taskset", "-c", loadCore, filepath.Join(s.dir, "many"),
			device, server, clients, port, "64", strconv.Itoa(at),
			strconv.FormatFloat(s.seconds, 'f', -1, 64)}
	})
}

// table is the growth in Markdown.
func (g *sweep) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s | ", g.of)
	for _, name := range sweepServers {
		fmt.Fprintf(&b, "%s: answers a second | CPU an answer, ns | of that at %s | MiB | ", name,
			formatInt(g.at[0]))
	}
	b.WriteString("CPU an answer of the limit's |\n|---:" + strings.Repeat("|---:|---:|---:|---:",
		len(sweepServers)) + "|---:|\n")
	for i, at := range g.at {
		fmt.Fprintf(&b, "| %s |", formatInt(at))
		for _, name := range sweepServers {
			r := g.results[name][i]
			answers, _, _ := r.spread(rate)
			took, _, _ := r.spread(cpu)
			fmt.Fprintf(&b, " %s | %s | %.2f | %.0f |", formatFigure(answers), formatFigure(took),
				r.ratio(g.results[name][0], cpu), r.memory)
		}
		fmt.Fprintf(&b, " %.2f |\n", g.results["ohce"][i].ratio(g.results[limitBatch][i], cpu))
	}
	return b.String()
}
