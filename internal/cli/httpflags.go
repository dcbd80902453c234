package cli

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/ohce/ohce/handover"
	"github.com/ohce/ohce/internal/sandbox"
)

// httpFlags are the flags about the metrics and the page of a command.
type httpFlags struct {
	addr     string
	hosts    []string
	profiles bool
	otlp     string
}

func (f *httpFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.addr, "http", "",
		"serve /metrics, /healthz, /readyz and, at /, a page with the traffic as it is now, on "+
			"`HOST:PORT`; port 0 is a free port")
	flags.StringSliceVar(&f.hosts, "http-host", nil,
		"also show the page to requests whose Host header is `NAME`; repeatable")
	flags.BoolVar(&f.profiles, "http-profiles", false,
		"also serve profiles of the process at /debug/pprof/")
	flags.StringVar(&f.otlp, "otlp", "",
		"send the metrics to the OpenTelemetry collector at `URL`, as in http://127.0.0.1:4318")
}

// check returns an error if the flags are wrong.
func (f *httpFlags) check() error {
	if f.addr == "" && f.profiles {
		return usage("add an address, as in --http 127.0.0.1:9116", "--http-profiles needs --http")
	}
	if f.addr == "" && len(f.hosts) > 0 {
		return usage("add an address, as in --http 127.0.0.1:9116", "--http-host needs --http")
	}
	if f.addr != "" {
		if err := checkAddress("http", f.addr); err != nil {
			return err
		}
	}
	if _, err := f.allowedHosts(); err != nil {
		return err
	}
	return f.checkOTLP()
}

// allowedHosts returns the names that the Host header of requests for the page may have.
func (f *httpFlags) allowedHosts() ([]string, error) {
	return allowedHosts("http-host", f.hosts, f.addr)
}

func (f *httpFlags) checkOTLP() error {
	if f.otlp == "" {
		return nil
	}
	u, err := url.Parse(f.otlp)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return usage("use a URL such as http://127.0.0.1:4318", "--otlp %q is not an HTTP URL", f.otlp)
	}
	return nil
}

// listen binds the address of --http, or takes its listener from in, which may be nil. Without
// --http it returns nil.
func (f *httpFlags) listen(in *handover.Inheritance) (*net.TCPListener, error) {
	if f.addr == "" {
		return nil, nil
	}
	addr, err := net.ResolveTCPAddr("tcp", f.addr)
	if err == nil && in != nil {
		if l := takeListener(in, addr); l != nil {
			return l, nil
		}
	}
	var l *net.TCPListener
	if err == nil {
		network := "tcp"
		if addr.IP.To4() != nil { // otherwise, 0.0.0.0 would include IPv6
			network = "tcp4"
		}
		l, err = net.ListenTCP(network, addr)
	}
	if err != nil {
		return nil, &failure{what: fmt.Sprintf("cannot listen on --http %s: %v", f.addr, rootCause(err)),
			hint: "choose another address; port 0 is a free port", code: exitFail}
	}
	return l, nil
}

// takeListener takes the listener with an address from in, or returns nil. Without an IP address, it
// is that of all addresses, which are those of IPv4 on a system without IPv6.
func takeListener(in *handover.Inheritance, addr *net.TCPAddr) *net.TCPListener {
	ips := []netip.Addr{addr.AddrPort().Addr().Unmap()}
	if addr.IP == nil {
		ips = []netip.Addr{netip.IPv6Unspecified(), netip.IPv4Unspecified()}
	}
	for _, ip := range ips {
		if l := in.TakeListener(netip.AddrPortFrom(ip, uint16(addr.Port))); l != nil {
			return l
		}
	}
	return nil
}

// policy adds the rights of the monitor to those of p: to read the usage of this process and, with
// --otlp, to connect to the collector or its proxy, and to read certificates.
func (f *httpFlags) policy(p sandbox.Policy) sandbox.Policy {
	if f.addr == "" && f.otlp == "" {
		return p
	}
	p.OwnUsage = true
	u, err := url.Parse(f.otlp)
	if f.otlp == "" || err != nil {
		return p
	}
	addresses := []*url.URL{u}
	if proxy, err := http.ProxyFromEnvironment(&http.Request{URL: u}); err == nil && proxy != nil {
		addresses = append(addresses, proxy)
	}
	for _, a := range addresses {
		if port, err := net.LookupPort("tcp", cmp.Or(a.Port(), a.Scheme)); err == nil {
			p.ConnectTCP = append(p.ConnectTCP, uint16(port))
		}
	}
	if u.Scheme == "https" {
		p.ReadAgain = append(p.ReadAgain, certificateFiles()...)
	}
	return p
}

// certificateFiles returns the files that TLS reads. A successor reads them again.
func certificateFiles() []string {
	files := []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"}
	for _, name := range []string{
		"SSL_CERT_FILE", "OTEL_EXPORTER_OTLP_CERTIFICATE", "OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE",
		"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE",
		"OTEL_EXPORTER_OTLP_CLIENT_KEY", "OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY",
	} {
		if file := os.Getenv(name); file != "" {
			files = append(files, file)
		}
	}
	for dir := range strings.SplitSeq(os.Getenv("SSL_CERT_DIR"), ":") {
		if dir != "" {
			files = append(files, filepath.Join(dir, "any"))
		}
	}
	return files
}
