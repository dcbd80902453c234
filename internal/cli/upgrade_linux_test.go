package cli

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	metricspb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"golang.org/x/sys/unix"
)

// An upgradable is a server with a PID file. Its executable is a link that a test can replace.
type upgradable struct {
	*process
	t            *testing.T
	dir, exe     string
	conn         *net.UDPConn // a client
	pidFile, pid string
}

// servingUpgradable starts a server that echoes.
func servingUpgradable(t *testing.T, args ...string) *upgradable {
	t.Helper()
	dir := t.TempDir()
	u := &upgradable{t: t, dir: dir, exe: filepath.Join(dir, "ohce"),
		pidFile: filepath.Join(dir, "ohce.pid")}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	u.install(self)
	cmd := command(append([]string{"serve", "--listen", "127.0.0.1:0", "--transform", "echo",
		"--log", "none", "--pid-file", u.pidFile}, args...)...)
	// testscript.Main replaces the path in os.Args by "ohce", which the server looks up in PATH.
	cmd.Path, cmd.Env = u.exe, append(cmd.Env, "PATH="+dir+":"+os.Getenv("PATH"))
	u.process = &process{cmd: cmd}
	if err := u.start(1); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(u.killAll)
	u.conn = connect(t, u.addrs[0])
	u.pid = u.awaitPID("")
	return u
}

// install makes the executable of the server a link to target.
func (u *upgradable) install(target string) {
	u.t.Helper()
	next := u.exe + ".next"
	if err := errors.Join(os.Symlink(target, next), os.Rename(next, u.exe)); err != nil {
		u.t.Fatal(err)
	}
}

// killAll kills the current process, which need not be a child of the test.
func (u *upgradable) killAll() {
	if text, err := os.ReadFile(u.pidFile); err == nil {
		if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	u.process.kill()
}

// signal sends a signal to the current process.
func (u *upgradable) signal(sig syscall.Signal) {
	u.t.Helper()
	pid, err := strconv.Atoi(u.pid)
	if err == nil {
		err = syscall.Kill(pid, sig)
	}
	if err != nil {
		u.t.Fatal(err)
	}
}

// awaitPID waits until the PID file names another process than old.
func (u *upgradable) awaitPID(old string) string {
	u.t.Helper()
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		text, err := os.ReadFile(u.pidFile)
		if err != nil && old != "" {
			u.t.Fatal("an upgrade removed the PID file:", err)
		}
		if pid := strings.TrimSpace(string(text)); pid != "" && pid != old {
			return pid
		}
		time.Sleep(time.Millisecond)
	}
	u.t.Fatalf("no new process after %s: %s", old, u.stderr())
	return ""
}

// upgrade replaces the process and waits until the old one has printed its summary.
func (u *upgradable) upgrade(sig syscall.Signal) {
	u.t.Helper()
	before := strings.Count(u.stderr(), "received ")
	u.signal(sig)
	u.pid = u.awaitPID(u.pid)
	deadline := time.Now().Add(patience)
	for strings.Count(u.stderr(), "received ") == before {
		if time.Now().After(deadline) {
			u.t.Fatal("the old process does not end:", u.stderr())
		}
		time.Sleep(time.Millisecond)
	}
}

// finish ends the server and returns the sum of the received requests of all processes.
func (u *upgradable) finish() (received int) {
	u.t.Helper()
	u.signal(syscall.SIGTERM)
	text, err := u.wait()
	if err != nil {
		u.t.Errorf("the first process ended with %v", err)
	}
	for _, m := range regexp.MustCompile(`(?m)^received (\d+), answered (\d+), dropped 0, `).
		FindAllStringSubmatch(text, -1) {
		n, _ := strconv.Atoi(m[1])
		received += n
		if m[1] != m[2] {
			u.t.Error("not all requests are answered:", m[0])
		}
	}
	if left, _ := filepath.Glob(u.pidFile + "*"); len(left) > 0 {
		u.t.Errorf("files are left: %v", left)
	}
	return received
}

// A numberedLoad sends numbered requests and counts the responses to each.
type numberedLoad struct {
	conn     *net.UDPConn
	counts   []uint8       // responses by number, until received is closed
	stop     chan struct{} // closed to stop sending
	sent     chan int      // receives the number of requests
	total    atomic.Int64  // the number of requests, after the last one
	received chan struct{} // closed when the receiver has ended
}

// maxNumbered is the maximum number of requests of a numberedLoad.
const maxNumbered = 5_000_000

// startLoad begins to send rate requests a second.
func startLoad(conn *net.UDPConn, rate int) *numberedLoad {
	l := &numberedLoad{conn: conn, counts: make([]uint8, maxNumbered), stop: make(chan struct{}),
		sent: make(chan int, 1), received: make(chan struct{})}
	conn.SetReadBuffer(8 << 20)
	conn.SetDeadline(time.Time{})
	go l.send(rate) // ends when finish closes stop
	go l.receive()  // ends at the deadline that finish sets
	return l
}

// send sends the requests that are due each millisecond. After a delay of the process, it sends at
// most those of 10 ms at once, so that the queues of the kernel do not overflow.
func (l *numberedLoad) send(rate int) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	last, sent := time.Now(), 0
	for {
		now := time.Now()
		due := int(min(now.Sub(last), 10*time.Millisecond).Seconds() * float64(rate))
		last = now
		for range min(due, maxNumbered-sent) {
			l.conn.Write(binary.BigEndian.AppendUint32(nil, uint32(sent)))
			sent++
		}
		select {
		case <-tick.C:
		case <-l.stop:
			l.total.Store(int64(sent))
			l.sent <- sent
			return
		}
	}
}

// receive counts the responses until the deadline. When there are as many as requests, it sets a
// deadline for further ones.
func (l *numberedLoad) receive() {
	defer close(l.received)
	buf := make([]byte, 100)
	for responses := int64(1); ; responses++ {
		n, err := l.conn.Read(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed) {
			return
		}
		if i := binary.BigEndian.Uint32(buf); n == 4 && i < maxNumbered {
			l.counts[i]++
		}
		if responses == l.total.Load() {
			l.conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		}
	}
}

// finish stops the load, and reports requests that were not answered exactly once. It returns their
// number.
func (l *numberedLoad) finish(t *testing.T) int {
	t.Helper()
	close(l.stop)
	sent := <-l.sent
	l.conn.SetReadDeadline(time.Now().Add(2 * time.Second))
	<-l.received
	lost, twice := 0, 0
	for _, n := range l.counts[:sent] {
		if n == 0 {
			lost++
		}
		if n > 1 {
			twice++
		}
	}
	if t.Logf("%d requests", sent); lost > 0 || twice > 0 {
		t.Errorf("of %d requests, %d were lost and %d answered twice", sent, lost, twice)
	}
	return sent
}

// TestUpgradeUnderLoad replaces a server several times while a client sends numbered requests.
// OHCE_UPGRADES is the number of upgrades, and OHCE_RATE that of requests a second.
func TestUpgradeUnderLoad(t *testing.T) {
	upgrades, rate := numberFrom("OHCE_UPGRADES", 3), numberFrom("OHCE_RATE", 20_000)
	for _, tt := range []struct {
		name string
		sig  syscall.Signal
		args []string
	}{
		{"USR2", syscall.SIGUSR2, nil},
		{"HUP", syscall.SIGHUP, []string{"--upgrade-on", "HUP"}},
		{"shards", syscall.SIGUSR2, []string{"--shards", "3"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u := servingUpgradable(t, tt.args...)
			load := startLoad(u.conn, rate)
			for range upgrades {
				u.upgrade(tt.sig)
			}
			sent := load.finish(t)
			if received := u.finish(); received != sent {
				t.Errorf("the processes received %d requests, want %d", received, sent)
			}
		})
	}
}

// numberFrom returns the number in an environment variable, or standard.
func numberFrom(name string, standard int) int {
	n, _ := strconv.Atoi(os.Getenv(name))
	return cmp.Or(n, standard)
}

// TestUpgradeFails checks that a server continues if its successor does not become ready, and
// prints one line with the reason.
func TestUpgradeFails(t *testing.T) {
	t.Parallel()                                  // it waits for most of its time
	u := servingUpgradable(t, "--sandbox", "off") // the sandbox allows no shell
	script := func(name, text string) string {
		name = filepath.Join(u.dir, name)
		if err := os.WriteFile(name, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		return name
	}
	load := startLoad(u.conn, 5_000)
	for i, tt := range []struct{ target, want string }{
		{script("exits", "#!/bin/sh\nexit 3\n"), "exited with code 3 before it was ready"},
		{script("old", "#!/bin/sh\necho unknown flag >&2; exit 2\n"), "exited with code 2"},
		{script("bad", "no program"), "cannot be started: exec format error"},
		{filepath.Join(u.dir, "missing"), "cannot be started: no such file or directory"},
		{script("hangs", "#!/bin/sh\nexec sleep 60\n"), "was not ready within"},
	} {
		if os.Getenv("OHCE_UPGRADES") == "" && tt.want == "was not ready within" {
			continue // takes handover.DefaultReadyTimeout; "make upgrade" runs it
		}
		u.install(tt.target)
		u.signal(syscall.SIGUSR2)
		line := fmt.Sprintf("ohce: upgrade failed: %s %s", u.exe, tt.want)
		if err := u.await(line); err != nil {
			t.Error(err)
		}
		if n := strings.Count(u.stderr(), "upgrade failed"); n != i+1 {
			t.Errorf("%d lines after %d upgrades: %s", n, i+1, u.stderr())
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	u.install(self)
	u.upgrade(syscall.SIGUSR2)
	sent := load.finish(t)
	if received := u.finish(); received != sent {
		t.Errorf("the processes received %d requests, want %d", received, sent)
	}
}

// TestUpgradeWithoutDescriptors checks that a server that can open no files answers, reports that it
// can neither be upgraded nor read its prefixes, and can do both later.
func TestUpgradeWithoutDescriptors(t *testing.T) {
	t.Parallel() // it waits for most of its time
	denied := filepath.Join(t.TempDir(), "denied")
	if err := os.WriteFile(denied, []byte("192.0.2.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	u := servingUpgradable(t, "--deny", "@"+denied)
	load := startLoad(u.conn, 5_000)
	pid := u.cmd.Process.Pid
	var limit unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &limit); err != nil {
		t.Fatal(err)
	}
	few := unix.Rlimit{Cur: 3, Max: limit.Max}
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &few, nil); err != nil {
		t.Fatal(err)
	}
	u.signal(syscall.SIGHUP)
	u.expect(`msg="prefixes not changed" error="--deny: ` + denied + `: too many open files"`)
	u.signal(syscall.SIGUSR2)
	u.expect("ohce: upgrade failed: ")
	u.expect("too many open files; this process continues")
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &limit, nil); err != nil {
		t.Fatal(err)
	}
	u.signal(syscall.SIGHUP)
	u.expect("prefixes read again")
	u.upgrade(syscall.SIGUSR2)
	sent := load.finish(t)
	if received := u.finish(); received != sent {
		t.Errorf("the processes received %d requests, want %d", received, sent)
	}
}

// expect waits until standard error contains text.
func (u *upgradable) expect(text string) {
	u.t.Helper()
	if err := u.await(text); err != nil {
		u.t.Error(err)
	}
}

// The new process accepts the connections to --http on the listener of the old one. Meanwhile, each
// request gets its response.
func TestUpgradePassesMetrics(t *testing.T) {
	u := servingUpgradable(t, "--http", "127.0.0.1:0")
	addr := metricsAddress(t, u.process)
	exchange(t, u.conn, 2)
	ctx, cancel := context.WithCancel(t.Context())
	checked := make(chan int, 1)
	go func() { // ends with ctx; the test waits for it below
		n := 0
		client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
		for ; ctx.Err() == nil; n++ {
			resp, err := client.Get("http://" + addr + "/readyz")
			if err != nil {
				t.Errorf("request %d: %v", n, err)
				break
			}
			if resp.Body.Close(); resp.StatusCode != 200 {
				t.Errorf("request %d: status %d", n, resp.StatusCode)
			}
		}
		checked <- n
	}()
	for _, want := range []float64{2, 0, 0} {
		status, text := fetch(t, "http://"+addr+"/metrics")
		if got := sumOf(t, text, "ohce_build_info{"); status != 200 || got != 1 {
			t.Fatalf("status %d: %s", status, text)
		}
		if got := sumOf(t, text, "ohce_requests_total"); got != want {
			t.Errorf("%v requests, want %v", got, want)
		}
		u.upgrade(syscall.SIGUSR2)
	}
	cancel()
	if n := <-checked; n == 0 {
		t.Error("/readyz was not requested")
	}
	// The first process and three successors.
	if err := u.awaitTimes("Metrics: http://"+addr+"/metrics", 4); err != nil {
		t.Error(err)
	}
}

// A successor, which inherits the sandbox, still reads the certificates with which it checks the
// collector, and its own usage.
func TestUpgradeExportsMetrics(t *testing.T) {
	exports := make(chan *metricspb.ExportMetricsServiceRequest, 100)
	collector := httptest.NewTLSServer(collectorOf(t, exports))
	defer collector.Close()
	file := filepath.Join(t.TempDir(), "collector.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: collector.Certificate().Raw})
	if err := os.WriteFile(file, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSL_CERT_FILE", file)
	t.Setenv("OTEL_METRIC_EXPORT_INTERVAL", "50")
	u := servingUpgradable(t, "--otlp", collector.URL)
	exchange(t, u.conn, 3)
	awaitExport(t, exports, 3)
	u.upgrade(syscall.SIGUSR2)
	exchange(t, u.conn, 1)
	awaitExport(t, exports, 1)
	if text := u.stderr(); strings.Contains(text, "cannot send metrics") {
		t.Error(text)
	}
}
