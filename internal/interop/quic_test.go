package interop

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
)

// patience is the time limit of a command.
const patience = time.Minute

// ohce is the path of the command, which TestMain builds.
var ohce string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "interop")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	ohce = filepath.Join(dir, "ohce")
	if runtime.GOOS == "windows" {
		ohce += ".exe"
	}
	build := exec.Command("go", "build", "-o", ohce, "./cmd/ohce")
	build.Dir = filepath.Join("..", "..") // the module of the command
	if out, err := build.CombinedOutput(); err != nil {
		panic(string(out))
	}
	return m.Run()
}

// ping returns the output and the exit code of "ohce ping --probe quic ARGS...".
func ping(t *testing.T, args ...string) (out string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, ohce, append([]string{"ping", "--probe", "quic"}, args...)...)
	text, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil || ctx.Err() != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return string(text), cmd.ProcessState.ExitCode()
}

// serve starts a quic-go server on a free port of ip and returns its address. The test fails if a
// client completes a handshake with the server.
func serve(t *testing.T, ip string, change func(*quic.Transport)) string {
	t.Helper()
	pc, err := net.ListenPacket("udp", net.JoinHostPort(ip, "0"))
	if err != nil && ip == "::1" && os.Getenv("CI") == "" {
		t.Skip("there is no IPv6")
	}
	if err != nil {
		t.Fatal(err)
	}
	transport := &quic.Transport{Conn: pc}
	if change != nil {
		change(transport)
	}
	config := &tls.Config{Certificates: []tls.Certificate{certificate(t)}, NextProtos: []string{"interop"}}
	listener, err := transport.Listen(config, nil)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { // ends with listener.Close; Cleanup waits for it
		for {
			conn, err := listener.Accept(context.Background())
			if err != nil {
				return
			}
			t.Errorf("a probe made a connection from %v", conn.RemoteAddr())
			conn.CloseWithError(0, "")
		}
	})
	t.Cleanup(func() {
		listener.Close()
		wg.Wait()
		transport.Close()
		pc.Close()
	})
	return pc.LocalAddr().String()
}

// certificate returns a certificate that is its own authority.
func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// TestQUIC checks that the probe asks a server for its versions. quic-go adds a reserved version at
// a random place of the list, which the probe leaves out. With more requests in flight, quic-go may
// drop some of them.
func TestQUIC(t *testing.T) {
	for _, ip := range []string{"127.0.0.1", "::1"} {
		t.Run(ip, func(t *testing.T) {
			out, code := ping(t, "-c", "30", "-i", "0", serve(t, ip, nil))
			want := regexp.MustCompile(`(?m)^30: versions 1, 2, [0-9]+ bytes, [0-9.]+ ms\n\n30 sent, 30 answered`)
			if code != 0 || !want.MatchString(out) {
				t.Errorf("exit code %d\n%s\nwant %s", code, out, want)
			}
		})
	}
}

// A server that does not negotiate versions does not answer the probe.
func TestQUICWithoutNegotiation(t *testing.T) {
	addr := serve(t, "127.0.0.1", func(q *quic.Transport) { q.DisableVersionNegotiationPackets = true })
	out, code := ping(t, "-c", "1", "--timeout", "200ms", addr)
	want := regexp.MustCompile(`(?m)^1: TIMEOUT after 200ms$`)
	if code != 1 || !want.MatchString(out) {
		t.Errorf("exit code %d\n%s\nwant %s", code, out, want)
	}
}
