package cli

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"net/url"

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
		return usage("add an address, as in --http 127.0.0.1:9100", "--http-profiles needs --http")
	}
	if f.addr == "" && len(f.hosts) > 0 {
		return usage("add an address, as in --http 127.0.0.1:9100", "--http-host needs --http")
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
	addr, err := net.ResolveTCPAddr(tcpNetwork(f.addr), f.addr)
	if err == nil && in != nil {
		ap := addr.AddrPort()
		if addr.IP == nil {
			ap = netip.AddrPortFrom(netip.IPv6Unspecified(), ap.Port())
		}
		if l := in.TakeListener(netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())); l != nil {
			return l, nil
		}
	}
	var l *net.TCPListener
	if err == nil {
		l, err = net.ListenTCP(tcpNetwork(f.addr), addr)
	}
	if err != nil {
		return nil, &failure{what: fmt.Sprintf("cannot listen on --http %s: %v", f.addr, rootCause(err)),
			hint: "choose another address; port 0 is a free port", code: exitFail}
	}
	return l, nil
}

// policy adds the rights of the monitor to those of p: to read the usage of this process and, with
// --otlp, to connect to the collector.
func (f *httpFlags) policy(p sandbox.Policy) sandbox.Policy {
	if f.addr == "" && f.otlp == "" {
		return p
	}
	p.OwnUsage = true
	u, err := url.Parse(f.otlp)
	if f.otlp == "" || err != nil {
		return p
	}
	port, err := net.LookupPort("tcp", cmp.Or(u.Port(), u.Scheme))
	if err == nil {
		p.ConnectTCP = append(p.ConnectTCP, uint16(port))
	}
	if u.Scheme == "https" {
		_, _ = x509.SystemCertPool() // reads the certificates, which the sandbox would deny
	}
	return p
}
