package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/flip"
	"github.com/ohce/ohce/internal/lab"
	"github.com/ohce/ohce/internal/loopback"
	"github.com/ohce/ohce/internal/sequence"
	"github.com/ohce/ohce/link"
	"github.com/ohce/ohce/link/relay"
)

func (a *app) demoCommand() *cobra.Command {
	var svg, http string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run a server, a bad network and a client on this machine",
		Long: `Start a server on a free port of this machine, send it a few messages through a link that
loses 30 % of the datagrams each way, and draw each exchange with its losses,
retransmissions and answer. Then send a message to a port without a server.
The demo takes about three seconds. With --http, the demo then serves the lab on a web page
until a signal arrives: see ohce lab --help.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context(), svg, http) },
	}
	cmd.Flags().StringVar(&svg, "trace-svg", "",
		"draw the exchanges into `FILE` as SVG")
	cmd.Flags().StringVar(&http, "http", "",
		"afterwards, serve the lab on `HOST:PORT`; port 0 is a free port")
	completeFlag(cmd, "http", labListen)
	return cmd
}

// demoMessages are the messages that demo sends.
var demoMessages = []struct{ title, text string }{
	{"ASCII", "Hello, World!"},
	{"Greek: the sigma that ends a word is another letter", "ΣΟΦΟΣ ὁ Σωκράτης"},
	{"an emoji, and a letter that becomes two", "Grüße 🦊"},
	{"an empty datagram is a message too", ""},
	{"60,000 bytes in one datagram", strings.Repeat("Datagram! ", 6000)},
}

func (a *app) demo(ctx context.Context, svg, http string) error {
	ctx, stop := a.untilSignal(ctx, true)
	defer stop()
	var file *outputFile
	if svg != "" {
		var err error
		if file, err = newOutputFile("trace-svg", svg, "demo.svg"); err != nil {
			return err
		}
	}
	var web *labServer
	if http != "" {
		var err error
		if web, err = a.demoLab(http); err != nil {
			return err
		}
		defer web.Close()
	}
	var diagram sequence.Diagram
	if err := a.demoServer(ctx, &diagram); err != nil {
		return err
	}
	if err := a.demoDown(ctx, &diagram); err != nil {
		return err
	}
	if file != nil {
		if err := file.write(diagram.WriteSVG); err != nil {
			return err
		}
	}
	if web != nil {
		a.printLab(web)
		return web.wait(ctx)
	}
	return nil
}

// demoLab starts to serve the lab on a loopback address.
func (a *app) demoLab(addr string) (*labServer, error) {
	web, err := a.serveLab("http", addr, "choose another port with --http, or port 0 for a free one",
		&lab.Handler{})
	if err != nil {
		return nil, err
	}
	if web.remote {
		web.Close()
		return nil, usage("use a loopback address, as in --http 127.0.0.1:8300, or ohce lab --remote",
			"--http %s: other machines could open the lab and make this machine work", addr)
	}
	return web, nil
}

// demoServer runs a server and sends it the messages.
func (a *app) demoServer(ctx context.Context, diagram *sequence.Diagram) error {
	srv := &ohce.Server{Handler: transformHandler(flip.Transform{Reverse: true, SwapCase: true})}
	if err := srv.Listen("127.0.0.1:0"); err != nil {
		return listenFailure("127.0.0.1:0", err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve() }() // ends with Shutdown, below
	err := a.demoExchanges(ctx, srv.Addrs()[0].String(), diagram)
	// All requests are answered, so Shutdown does not block.
	err = errors.Join(err, srv.Shutdown(context.Background()))
	if end := <-served; !errors.Is(end, ohce.ErrServerClosed) {
		err = errors.Join(err, end)
	}
	var f *failure
	if err != nil && !errors.As(err, &f) {
		return &failure{what: rootCause(err).Error(), hint: "run it again", code: exitFail}
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "The server's account: %s\n\n", srv.Stats())
	return nil
}

// demoLink returns the link of the demo. With its seed the link loses datagrams in both directions,
// and each message is answered after three attempts at most.
func demoLink() *link.Link {
	lossy := link.Impairment{
		Loss: link.RandomLoss(0.3), Delay: link.Delay{Base: 10 * time.Millisecond},
	}
	return &link.Link{Seed: 103, Up: lossy, Down: lossy}
}

// demoExchanges sends the messages to server through a lossy link.
func (a *app) demoExchanges(ctx context.Context, server string, diagram *sequence.Diagram) error {
	st := a.styleFor(a.out)
	var merger traceMerger
	lossy := &relay.Relay{To: server, Link: demoLink(), Observe: merger.addLink}
	if err := lossy.Listen(ctx); err != nil {
		return &failure{what: fmt.Sprintf("cannot make a link: %v", err), hint: "run it again",
			code: exitFail}
	}
	go lossy.Serve() // ends with Close, which waits for it
	defer lossy.Close()
	addr := lossy.LocalAddr().String()
	fmt.Fprintf(a.out, "%s\n%s\n\n", st.bold("A server answers on "+server+", as `ohce serve` does."),
		st.bold("On the way, at "+addr+", a link loses 30 % each way, as `ohce link --loss 30%` does:"))
	client := &ohce.Client{Addr: addr, Match: ohce.MatchExact(flip.Append), Trace: clientTrace(merger.addClient)}
	defer client.Close()
	for _, m := range demoMessages {
		fmt.Fprintf(a.out, "  %s\n", st.faint(m.title))
		resp, err := client.Exchange(ctx, []byte(m.text))
		x, events := merger.exchange()
		a.newText(a.out).Draw(x, events)
		for _, e := range events {
			diagram.Add(x, e)
		}
		if err != nil {
			conn := &connection{group: &ohce.Group{Clients: []*ohce.Client{client}}}
			s := sender{app: a, flags: &sendFlags{servers: []string{addr}, expect: "flip"},
				addrs: []string{addr}, conns: []*connection{conn}}
			return s.failure([]byte(m.text), err)
		}
		fmt.Fprintf(a.out, "  %s -> %s\n\n", shorten([]byte(m.text)), st.green(shorten(resp.Data)))
	}
	s := lossy.Stats()
	fmt.Fprintf(a.out, "The link lost %[2]d of %[1]d requests and %[4]d of %[3]d responses.\n",
		s.Up.Received, s.Up.Lost, s.Down.Received, s.Down.Lost)
	return nil
}

// demoDown sends a request to a port without a server and adds the exchange to diagram, behind the
// exchanges of the messages.
func (a *app) demoDown(ctx context.Context, diagram *sequence.Diagram) error {
	reserved, err := loopback.ClosedPort()
	if err != nil {
		return listenFailure("127.0.0.1:0", err)
	}
	defer reserved.Close()
	addr := reserved.LocalAddr().String()
	st := a.styleFor(a.out)
	fmt.Fprintf(a.out, "%s\n\n", st.bold("No server listens on "+addr+", as when a server is down:"))
	text := a.newText(a.out)
	trace := clientTrace(func(a ohce.TraceAttempt, e sequence.Event) {
		a.Exchange += uint64(len(demoMessages))
		text.Add(exchangeOf(a), e)
		diagram.Add(exchangeOf(a), e)
	})
	client := &ohce.Client{Addr: addr, Linger: -1, Trace: trace} // no events after the exchange
	defer client.Close()
	_, err = client.Exchange(ctx, []byte("Hello?"))
	var op *ohce.OpError
	switch {
	case errors.Is(err, ohce.ErrServerDown) && errors.As(err, &op):
		fmt.Fprintf(a.out, "%9.3f ms  %s\n", millis(op.Elapsed.Round(time.Microsecond)),
			st.red("SERVER IS DOWN !"))
		return nil
	case errors.Is(err, context.Canceled):
		return &failure{what: "interrupted", code: exitFail}
	case err == nil:
		return &failure{what: "a server answered on " + addr, hint: "run it again",
			code: exitFail}
	default:
		return &failure{what: fmt.Sprintf("cannot ask %s: %v", addr, rootCause(err)), code: exitFail}
	}
}
