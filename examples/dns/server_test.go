package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/internal/daemon"
	"github.com/ohce/ohce/link"
)

// A nameServer is a DNS server of another project. It resolves every name below example.test to the
// same addresses, and sends nothing to the network.
type nameServer struct {
	program string
	args    func(config string) []string
	config  string // format of the configuration; %[1]d is the port

	maxInFlight int // Client.MaxInFlight; limited by the receive buffer of the server
	inFlight    int // the number of queries in flight that the test must reach
}

var nameServers = []nameServer{
	{
		program: "dnsmasq",
		args: func(config string) []string {
			return []string{"--keep-in-foreground", "--conf-file=" + config}
		},
		config: `port=%[1]d
listen-address=127.0.0.1
bind-interfaces
no-resolv
no-hosts
user=root
pid-file
address=/example.test/192.0.2.7
address=/example.test/2001:db8::7
`,
		maxInFlight: 100,
		inFlight:    100,
	},
	{
		program: "unbound",
		args:    func(config string) []string { return []string{"-d", "-c", config} },
		config: `server:
  interface: 127.0.0.1
  port: %[1]d
  access-control: 127.0.0.0/8 allow
  do-ip6: no
  do-daemonize: no
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  so-rcvbuf: 4m
  local-zone: "example.test." redirect
  local-data: "example.test. IN A 192.0.2.7"
  local-data: "example.test. IN AAAA 2001:db8::7"
  module-config: "iterator"
remote-control:
  control-enable: no
`,
		inFlight: 500,
	},
}

// start starts the server for a test and returns its address.
func (s nameServer) start(t *testing.T) netip.AddrPort {
	t.Helper()
	path := daemon.Find(t, s.program)
	config := filepath.Join(t.TempDir(), s.program+".conf")
	args := func(port uint16) []string {
		text := fmt.Sprintf(s.config, port)
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return s.args(config)
	}
	return daemon.Start(t, path, args, query(t, 1, "ready.example.test.", dnsmessage.TypeA))
}

var serverAddrs = []netip.Addr{
	netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::7"),
}

func TestLookups(t *testing.T) {
	names := []string{"example.test", "no..name", "a.example.test.", "A.b.EXAMPLE.test"}
	want := []string{"example.test.", "a.example.test.", "A.b.EXAMPLE.test.", "no..name."}
	for _, s := range nameServers {
		t.Run(s.program, func(t *testing.T) {
			client := newClient(s.start(t).String())
			client.Retry = ohce.RetryAfter(20 * time.Second)
			var got []string
			for l := range lookups(t.Context(), client, slices.Values(names)) {
				got = append(got, l.name)
				invalid := l.name == "no..name."
				if invalid != (l.err != nil) || !invalid && !slices.Equal(l.addrs, serverAddrs) {
					t.Errorf("%s: got %v, %v, want %v", l.name, l.addrs, l.err, serverAddrs)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("got results for %q, want %q", got, want)
			}
		})
	}
}

// TestLookupsWithError looks up a name that the servers refuse or fail to resolve.
func TestLookupsWithError(t *testing.T) {
	for _, s := range nameServers {
		t.Run(s.program, func(t *testing.T) {
			client := newClient(s.start(t).String())
			client.Retry = ohce.RetryAfter(20 * time.Second)
			for l := range lookups(t.Context(), client, slices.Values([]string{"other.test"})) {
				var code rcodeError
				if !errors.As(l.err, &code) || len(l.addrs) > 0 {
					t.Errorf("got %v, %v, want an error code", l.addrs, l.err)
				}
			}
		})
	}
}

// queriesEnv is an environment variable that sets the number of queries of TestQueriesThroughLoss.
const queriesEnv = "OHCE_QUERIES"

// queryCount returns the number of queries, and whether it is large enough to check the number of
// queries in flight. A short run on a busy machine ends before the window has grown.
func queryCount(t *testing.T) (count int, measure bool) {
	t.Helper()
	s := os.Getenv(queriesEnv)
	if s == "" {
		return 3_000, false
	}
	count, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("%s: %v", queriesEnv, err)
	}
	return count, count >= 10_000
}

// idCount is the number of IDs in TestQueriesThroughLoss. Several queries with the same ID are in
// flight at the same time, and differ only in their questions.
const idCount = 100

// numberedQuery returns query i of TestQueriesThroughLoss. Its name is unique, but its ID is not.
func numberedQuery(t *testing.T, i int) []byte {
	return query(t, uint16(i%idCount), fmt.Sprintf("host-%d.example.test.", i), dnsmessage.TypeA)
}

// checkResponse ends the test unless response is the right response to query i.
func checkResponse(t *testing.T, i int, response []byte) {
	t.Helper()
	var m dnsmessage.Message
	if err := m.Unpack(response); err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("host-%d.example.test.", i)
	if m.ID != uint16(i%idCount) || len(m.Questions) != 1 || m.Questions[0].Name.String() != name {
		t.Fatalf("query %d: wrong response: ID %d, questions %v", i, m.ID, m.Questions)
	}
	addrs, err := parseAddrs(response)
	if err != nil || !slices.Equal(addrs, serverAddrs[:1]) {
		t.Fatalf("query %d: got %v, %v, want %v", i, addrs, err, serverAddrs[0])
	}
}

// minWindow is the number of requests that a stream with a Matcher sends initially.
const minWindow = 64

// An inFlight counts the queries in flight.
type inFlight struct{ now, max int }

func (f *inFlight) trace() *ohce.ClientTrace {
	return &ohce.ClientTrace{
		AttemptSent: func(a ohce.TraceAttempt) {
			if a.Attempt == 1 {
				f.now++
				f.max = max(f.max, f.now)
			}
		},
		ResponseAccepted: func(ohce.TraceAttempt, *ohce.Response) { f.now-- },
	}
}

// windowRounds is how often a test tries to fill the window. The window follows the delay, which
// other programs on the machine change, too.
const windowRounds = 3

// TestQueriesThroughLoss sends many queries at the same time on one socket through a network that
// loses datagrams, and checks that each query receives the right response.
func TestQueriesThroughLoss(t *testing.T) {
	impairment := link.Impairment{
		Loss: link.RandomLoss(0.05), Delay: link.Delay{Base: 10 * time.Millisecond},
	}
	count, measure := queryCount(t)
	for _, s := range nameServers {
		t.Run(s.program, func(t *testing.T) {
			addr := daemon.Impair(t, s.start(t), &link.Link{Seed: 1, Up: impairment, Down: impairment})
			want := minWindow
			if measure {
				want = s.inFlight
			}
			most := 0
			for range windowRounds {
				var dialer daemon.Dialer
				var flight inFlight
				client := newClient(addr.String())
				client.Retry = ohce.AdaptiveRetry(5 * time.Second)
				client.MaxInFlight, client.Dial, client.Trace = s.maxInFlight, dialer.Dial, flight.trace()
				streamQueries(t, client, count)
				if n := dialer.Opened.Load(); n != 1 {
					t.Errorf("client opened %d sockets, want 1", n)
				}
				t.Logf("at most %d queries in flight", flight.max)
				if most = max(most, flight.max); most >= want {
					return
				}
			}
			t.Errorf("at most %d queries were in flight, want at least %d", most, want)
		})
	}
}

// streamQueries sends numbered queries and checks their responses.
func streamQueries(t *testing.T, client *ohce.Client, count int) {
	t.Helper()
	queries := func(yield func([]byte) bool) {
		for i := 0; i < count && yield(numberedQuery(t, i)); i++ {
		}
	}
	answered, begun := 0, time.Now()
	for r, err := range client.Stream(t.Context(), queries) {
		if err = errors.Join(err, r.Err); err != nil {
			t.Fatalf("query %d: %v", r.Index, err)
		}
		checkResponse(t, r.Index, r.Response.Data)
		answered++
	}
	took, n := time.Since(begun), float64(count)
	t.Logf("%d queries in %v, %.0f per second, %.3f attempts per query", count,
		took.Round(time.Millisecond), n/took.Seconds(), float64(client.Stats().Attempts)/n)
	if answered != count {
		t.Errorf("%d of %d queries were answered", answered, count)
	}
}
