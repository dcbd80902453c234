//go:build linux

package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/ohce/ohce/internal/daemon"
	"github.com/ohce/ohce/internal/probe"
)

// A probedServer is a server of another project.
type probedServer struct {
	name, probe, program string
	// args returns the arguments for a port. It can write files to dir.
	args func(t *testing.T, dir string, port uint16) []string
	want string // a regular expression for the description of the response
}

var probedServers = []probedServer{
	{"unbound", "dns", "unbound", func(t *testing.T, dir string, port uint16) []string {
		return []string{"-d", "-c", writeFile(t, dir, "unbound.conf", fmt.Sprintf(
			"server:\n interface: 127.0.0.1@%d\n do-daemonize: no\n username: \"\"\n chroot: \"\"\n"+
				" use-syslog: no\n pidfile: \"\"\n local-zone: \".\" static\nremote-control:\n control-enable: no\n",
			port))}
	}, `(NOERROR|NXDOMAIN), 0 answers`},
	{"nsd", "dns", "nsd", func(t *testing.T, dir string, port uint16) []string {
		return []string{"-d", "-c", writeFile(t, dir, "nsd.conf", fmt.Sprintf(
			"server:\n ip-address: 127.0.0.1\n port: %d\n username: \"\"\n pidfile: \"\"\n zonesdir: %[2]q\n"+
				" xfrdfile: \"\"\n zonelistfile: %[3]q\nremote-control:\n control-enable: no\n",
			port, dir, filepath.Join(dir, "zone.list")))}
	}, `(REFUSED|SERVFAIL), 0 answers`},
	{"chrony", "ntp", "chronyd", func(_ *testing.T, dir string, port uint16) []string {
		return []string{"-d", "-x", "-U", fmt.Sprintf("port %d", port), "local stratum 5", "allow 127.0.0.1",
			"cmdport 0", "pidfile " + filepath.Join(dir, "pid"), "bindaddress 127.0.0.1", "bindcmdaddress /"}
	}, `stratum 5, offset [+-][0-9]\.[0-9]{3} ms`},
	{"coturn", "stun", "turnserver", func(_ *testing.T, dir string, port uint16) []string {
		return []string{"-n", "-S", "--listening-ip=127.0.0.1", fmt.Sprintf("--listening-port=%d", port),
			"--no-cli", "--no-tls", "--no-dtls", "--no-tcp", "--log-file=stdout",
			"--pidfile=" + filepath.Join(dir, "pid"), "--userdb=" + filepath.Join(dir, "db")}
	}, `mapped address 127\.0\.0\.1:[0-9]+`},
	{"libcoap", "coap", "coap-server-notls", func(_ *testing.T, _ string, port uint16) []string {
		return []string{"-A", "127.0.0.1", "-p", fmt.Sprint(port)}
	}, `reset`},
	{"memcached", "memcached", "memcached", func(_ *testing.T, _ string, port uint16) []string {
		return []string{"-l", "127.0.0.1", "-U", fmt.Sprint(port), "-p", fmt.Sprint(port), "-u", "root"}
	}, `version 1\.[0-9.]+`},
	{"snmpd", "snmp", "snmpd", func(t *testing.T, dir string, port uint16) []string {
		return []string{"-f", "-Lo", "-C", "-c", writeFile(t, dir, "snmpd.conf", "rouser probe\n"),
			"-p", filepath.Join(dir, "pid"), "-I", "-smux", fmt.Sprintf("udp:127.0.0.1:%d", port)}
	}, `engine ID 8000[0-9a-f]+, [0-9]+ starts, up [0-9]`},
	{"sipp", "sip", "sipp", func(_ *testing.T, dir string, port uint16) []string {
		return []string{"-sn", "uas", "-i", "127.0.0.1", "-p", fmt.Sprint(port), "-nostdin", "-aa"}
	}, `[2-6][0-9][0-9] `},
	{"openssl", "dtls", "openssl", func(t *testing.T, dir string, port uint16) []string {
		cert, key := certificate(t, dir)
		return []string{"s_server", "-dtls", "-listen", "-4", "-accept", fmt.Sprintf("127.0.0.1:%d", port),
			"-cert", cert, "-key", key}
	}, `HelloVerifyRequest`},
	{"gnutls", "dtls", "gnutls-serv", func(t *testing.T, dir string, port uint16) []string {
		cert, key := certificate(t, dir)
		return []string{"--udp", "-p", fmt.Sprint(port), "--x509certfile", cert, "--x509keyfile", key,
			"--noticket"}
	}, `HelloVerifyRequest`},
}

// TestProbedServers checks that each probe recognizes real servers. The module internal/interop has
// the test for QUIC. The servers of Quilkin, Source and agnhost are not part of Debian.
func TestProbedServers(t *testing.T) {
	for _, s := range probedServers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			path := daemon.Find(t, s.program)
			p, _ := probe.Find(s.probe)
			dir := t.TempDir()
			args := func(port uint16) []string { return s.args(t, dir, port) }
			addr := daemon.Start(t, path, args, p.Request(nil, 1, time.Now()))
			// libcoap answers at most one ping in 250 ms.
			out, err := command("ping", "--probe", s.probe, "-c", "3", "-i", "300ms", addr.String()).CombinedOutput()
			want := regexp.MustCompile(`(?m)^3: ` + s.want + `.*, [0-9]+ bytes, [0-9.]+ ms$`)
			if err != nil || !want.Match(out) {
				t.Errorf("%v\n%s\nwant %s", err, out, want)
			}
		})
	}
}

func writeFile(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// certificate writes a certificate and its key.
func certificate(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	cmd := exec.Command(daemon.Find(t, "openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt",
		"ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost", "-keyout", key, "-out", cert)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return cert, key
}
