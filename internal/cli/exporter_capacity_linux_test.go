//go:build !ohce_portable

package cli

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/internal/testsize"
)

const (
	capacityInterval = 15 * time.Second // in which Prometheus probes all targets once
	capacityTargets  = 10_000
	capacityMemory   = 256 << 10 // resident, in KiB
)

// TestExporterCapacity probes many targets in one scrape interval, each at a time of its own, as
// Prometheus does. Some of them do not answer. OHCE_TARGETS is the number of targets; with fewer than
// 10,000, the interval is shorter.
func TestExporterCapacity(t *testing.T) {
	testsize.RequireFull(t, "OHCE_TARGETS")
	targets := 1000
	if text := os.Getenv("OHCE_TARGETS"); text != "" {
		var err error
		if targets, err = strconv.Atoi(text); err != nil || targets < 1 || targets > 60_000 {
			t.Fatalf("OHCE_TARGETS is %q", text)
		}
	}
	for _, silent := range []int{10, 100} {
		t.Run(fmt.Sprintf("%d %% silent", silent), func(t *testing.T) {
			testExporterCapacity(t, targets, silent)
		})
	}
}

func testExporterCapacity(t *testing.T, targets, silentPercent int) {
	interval, limit := capacityInterval*time.Duration(targets)/capacityTargets, "10"
	if targets < capacityTargets {
		limit = "1.5" // the test takes less time
	}
	server, silent := capacityServers(t)
	p, err := startProcess(1, []string{"exporter", "--listen", "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	// Prometheus keeps idle connections.
	transport := &http.Transport{MaxIdleConnsPerHost: targets}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 30 * time.Second}
	times := make([]time.Duration, targets)
	var probes sync.WaitGroup
	begun := time.Now()
	for i := range targets {
		time.Sleep(time.Until(begun.Add(interval * time.Duration(i) / time.Duration(targets))))
		port, want := server, 1
		if i%100 < silentPercent {
			port, want = silent, 0
		}
		target := fmt.Sprintf("127.1.%d.%d:%d", i/250, 1+i%250, port)
		probes.Go(func() { // ends with the time limit of the client
			sent := time.Now()
			if err := probeOnce(client, p.addrs[0], target, limit, want); err != nil {
				t.Errorf("%s: %v", target, err)
			}
			times[i] = time.Since(sent)
		})
	}
	probes.Wait()
	peak := residentPeak(t, p.cmd.Process.Pid)
	slices.Sort(times)
	t.Logf("%d targets in %v, %d %% silent: at most %d MiB resident; response to Prometheus: median %v, p99 %v, max %v",
		targets, interval, silentPercent, peak>>10, times[targets/2].Round(time.Microsecond),
		times[targets*99/100].Round(time.Millisecond), times[targets-1].Round(time.Millisecond))
	if peak >= capacityMemory {
		t.Errorf("%d KiB are resident, want less than %d", peak, capacityMemory)
	}
}

// capacityServers starts a server and a socket that does not answer, on all addresses of this machine,
// and returns their ports.
func capacityServers(t *testing.T) (server, silent int) {
	t.Helper()
	srv := &ohce.Server{Addr: "0.0.0.0:0", Handler: ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
		w.Write(r.Data)
	})}
	if err := srv.Listen(srv.Addr); err != nil {
		t.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- srv.Serve() }() // ends with Close
	t.Cleanup(func() { srv.Close(); <-served })
	pc, err := net.ListenPacket("udp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	return int(srv.Addrs()[0].Port()), pc.LocalAddr().(*net.UDPAddr).Port
}

// probeOnce asks an exporter for a probe, within a time limit in seconds. Its success must be want.
func probeOnce(client *http.Client, exporter, target, limit string, want int) error {
	request, err := http.NewRequest(http.MethodGet, "http://"+exporter+"/probe?"+
		url.Values{"module": {"echo"}, "target": {target}}.Encode(), nil)
	if err != nil {
		return err
	}
	request.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", limit)
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || !strings.Contains(string(body), fmt.Sprintf("\nprobe_success %d\n", want)) {
		return fmt.Errorf("status %d, error %v, want probe_success %d in %.300q", response.StatusCode, err, want, body)
	}
	return nil
}

var peakLine = regexp.MustCompile(`(?m)^VmHWM:\s+(\d+) kB$`)

// residentPeak returns the largest resident memory that a process has had, in KiB.
func residentPeak(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	m := peakLine.FindSubmatch(status)
	if m == nil {
		t.Fatalf("no VmHWM in\n%s", status)
	}
	n, err := strconv.Atoi(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	return n
}
