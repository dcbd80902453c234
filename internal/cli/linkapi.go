package cli

import (
	"fmt"
	"net"

	"github.com/spf13/pflag"

	"github.com/ohce/ohce/internal/linkapi"
	"github.com/ohce/ohce/internal/web"
)

// apiFlags are the flags of ohce link about its API.
type apiFlags struct {
	addr  string
	hosts []string
	token tokenFile
}

func (f *apiFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.addr, "api", linkapi.DefaultAddr,
		"serve the API on `HOST:PORT`; port 0 is a free port, none disables the API")
	flags.StringSliceVar(&f.hosts, "api-host", nil,
		"also accept API requests whose Host header is `NAME`; repeatable")
	f.token.flag = "api-token-file"
	flags.StringVar(&f.token.path, f.token.flag, "",
		"require the token in `FILE` from clients of the API; needed beyond loopback addresses")
}

// An apiServer serves the API. Without an API, addr is empty.
type apiServer struct {
	addr   string
	remote bool // other machines can use it
	http   *linkapi.Server
	failed chan error
}

// Close stops the server and aborts requests in progress.
func (s *apiServer) Close() {
	if s.http != nil {
		s.http.Close()
	}
}

// serveLinks starts to serve the API of m.
func (a *app) serveLinks(f *apiFlags, m *linkapi.Manager) (*apiServer, error) {
	s := &apiServer{failed: make(chan error, 1)}
	if f.addr == "none" {
		return s, nil
	}
	if err := checkAddress("api", f.addr); err != nil {
		return nil, err
	}
	hosts, err := allowedHosts("api-host", f.hosts, f.addr)
	if err != nil {
		return nil, err
	}
	token, err := a.readToken(&f.token)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen(tcpNetwork(f.addr), f.addr)
	if err != nil {
		return nil, &failure{what: fmt.Sprintf("cannot listen on %s: %v", f.addr, rootCause(err)), code: exitFail,
			hint: "to add a link to an ohce link that runs there, use: ohce link ctl create; " +
				"otherwise choose another address with --api, or none"}
	}
	s.remote = web.IsRemote(l.Addr())
	if s.remote && token == "" {
		l.Close()
		_, port, _ := net.SplitHostPort(f.addr)
		return nil, usage(fmt.Sprintf("name a file that contains one with --api-token-file, or use --api 127.0.0.1:%s",
			port), "--api %s needs a token, because other machines can use the API", f.addr)
	}
	s.addr = l.Addr().String()
	s.http = &linkapi.Server{Manager: m, Hosts: hosts, Token: token}
	go func() { s.failed <- s.http.Serve(l) }() // ends with Close
	return s, nil
}
