package cli

import (
	"context"
	"fmt"
	"net"

	"github.com/spf13/cobra"

	"github.com/ohce/ohce/internal/lab"
	"github.com/ohce/ohce/internal/web"
)

// labListen is the default address of the lab.
const labListen = "127.0.0.1:8300"

type labFlags struct {
	listen string
	hosts  []string
	remote bool
}

func (a *app) labCommand() *cobra.Command {
	f := labFlags{}
	cmd := &cobra.Command{
		Use:   "lab",
		Short: "Watch the datagrams of an exchange in a web browser",
		Long: `Serve a web page that shows exchanges over UDP, datagram by datagram. Type a text, set loss,
delay, jitter, duplication and the order, and press Send. The lab makes the exchange between
sockets of this machine, and the page shows each attempt with its wait, and each datagram on
its way through the link, to the response or to "SERVER IS DOWN !". The retry schedule of the
tutorial and the adaptive one are side by side, with the same losses, and beside them the lines
of the tutorial's programs that perform each step.

All settings are in the URL of the page, with the random seed. The same URL shows the same
picture, so it can be shared.

The lab sends datagrams only between its own sockets on the loopback interface. It makes at
most four runs at a time. Each one takes up to a few seconds. The page loads nothing from
elsewhere. The first SIGINT or SIGTERM ends the lab.`,
		Example: `  ohce lab                             print the URL of the page, http://127.0.0.1:8300/
  ohce lab --listen 127.0.0.1:0        use a free port
  ohce lab --listen 0.0.0.0:8300 --remote --host lab.example    for a class`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.lab(cmd.Context(), &f) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.listen, "listen", labListen, "serve the page on `HOST:PORT`; port 0 is a free port")
	flags.BoolVar(&f.remote, "remote", false, "allow an address that other machines can reach")
	flags.StringSliceVar(&f.hosts, "host", nil,
		"also accept requests whose Host header is `NAME`; repeatable")
	completeFlag(cmd, "listen", labListen)
	return cmd
}

func (a *app) lab(ctx context.Context, f *labFlags) error {
	ctx, stop := a.untilSignal(ctx, true)
	defer stop()
	hosts, err := allowedHosts("host", f.hosts, f.listen)
	if err != nil {
		return err
	}
	hint := "choose another port with --listen, or port 0 for a free one"
	s, err := a.serveLab("listen", f.listen, hint, &lab.Handler{Hosts: hosts})
	if err != nil {
		return err
	}
	defer s.Close()
	if s.remote && !f.remote {
		_, port, _ := net.SplitHostPort(f.listen)
		return usage(fmt.Sprintf("use --listen 127.0.0.1:%s, or allow it with --remote", port),
			"--listen %s: other machines could open the lab and make this machine work", f.listen)
	}
	a.printLab(s)
	return s.wait(ctx)
}

// A labServer serves the lab.
type labServer struct {
	*web.Server
	addr   string
	remote bool       // other machines can reach it
	failed chan error // receives when Serve has ended
}

// serveLab starts to serve the lab. flag is the flag with the address, and hint what to do if the
// port is in use.
func (a *app) serveLab(flag, addr, hint string, handler *lab.Handler) (*labServer, error) {
	if err := checkAddress(flag, addr); err != nil {
		return nil, err
	}
	l, err := net.Listen(tcpNetwork(addr), addr)
	if err != nil {
		return nil, &failure{what: fmt.Sprintf("cannot listen on %s: %v", addr, rootCause(err)), hint: hint,
			code: exitFail}
	}
	s := &labServer{
		Server: &web.Server{Handler: handler}, addr: l.Addr().String(), remote: web.IsRemote(l.Addr()),
		failed: make(chan error, 1),
	}
	go func() { s.failed <- s.Serve(l) }() // ends with Close
	return s, nil
}

// printLab prints the URL of the lab.
func (a *app) printLab(s *labServer) {
	fmt.Fprintf(a.err, "Lab: http://%s/ (Ctrl-C ends it)\n", s.addr)
	if s.remote {
		fmt.Fprintln(a.err, "Other machines can open the lab.")
	}
}

// wait waits until ctx is done or the server fails.
func (s *labServer) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.failed:
		return &failure{what: fmt.Sprintf("the lab failed: %v", err), code: exitFail}
	}
}
