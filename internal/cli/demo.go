package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/flip"
)

func (a *app) demoCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Show the whole exchange on this machine, nothing else needed",
		Long: `Start a server on a free port of this machine, send it a few messages, and show each
exchange as it happens. Then ask a port where nobody listens, and show how that ends.
Takes about two seconds.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context()) },
	}
}

// demoMessages are what demo sends, with why.
var demoMessages = []struct{ title, text string }{
	{"ASCII", "Hello, World!"},
	{"Greek: the sigma that ends a word is another letter", "ΣΟΦΟΣ ὁ Σωκράτης"},
	{"an emoji, and a letter that becomes two", "Grüße 🦊"},
	{"an empty datagram is a message too", ""},
	{"60,000 bytes in one datagram", strings.Repeat("Datagram! ", 6000)},
}

func (a *app) demo(ctx context.Context) error {
	ctx, stop := a.untilSignal(ctx, true)
	defer stop()
	srv := &ohce.Server{Handler: answer(flip.Transform{Reverse: true, SwapCase: true})}
	if err := srv.Listen("127.0.0.1:0"); err != nil {
		return explainListen("127.0.0.1:0", err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve() }()
	err := a.demoExchanges(ctx, srv.Addrs()[0].String())
	// What the exchanges wanted is answered; there is nothing to wait for.
	err = errors.Join(err, srv.Shutdown(context.Background()))
	if end := <-served; !errors.Is(end, ohce.ErrServerClosed) {
		err = errors.Join(err, end)
	}
	var f *failure
	if err != nil && !errors.As(err, &f) {
		return &failure{what: innermost(err).Error(), hint: "run it again", code: exitFail}
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "The server's account: %s\n\n", summary(srv.Stats()))
	return a.demoDown(ctx)
}

// demoExchanges sends the messages to a server that answers.
func (a *app) demoExchanges(ctx context.Context, addr string) error {
	st := a.styleFor(a.out)
	fmt.Fprintf(a.out, "%s\n\n", st.bold("A server answers on "+addr+", as `ohce serve` does:"))
	client := &ohce.Client{Addr: addr, Expect: flip.Append}
	defer client.Close()
	for _, m := range demoMessages {
		fmt.Fprintf(a.out, "  %s\n", st.faint(m.title))
		fmt.Fprintf(a.out, "    -> %s\n", shorten([]byte(m.text)))
		resp, err := client.Exchange(ctx, []byte(m.text))
		if err != nil {
			s := sender{app: a, flags: &sendFlags{servers: []string{addr}, expect: "flip"},
				group: &ohce.Group{Clients: []*ohce.Client{client}}}
			return s.explain([]byte(m.text), err)
		}
		fmt.Fprintf(a.out, "    <- %s  %.3f ms\n\n", st.green(shorten(resp.Data)), millis(resp.RTT))
	}
	return nil
}

// demoDown asks a port where nobody listens.
func (a *app) demoDown(ctx context.Context) error {
	addr, err := deadAddr()
	if err != nil {
		return explainListen("127.0.0.1:0", err)
	}
	st := a.styleFor(a.out)
	fmt.Fprintf(a.out, "%s\n\n", st.bold("Nobody listens on "+addr+", as when a server is down:"))
	drawing := &tracer{text: a.drawing(a.out)}
	client := &ohce.Client{Addr: addr, Trace: drawing.trace(0, 1)}
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
		return &failure{what: "somebody answered on " + addr + " after all", hint: "run it again",
			code: exitFail}
	default:
		return &failure{what: fmt.Sprintf("cannot ask %s: %v", addr, innermost(err)), code: exitFail}
	}
}

// deadAddr is a loopback address where nobody listens: one that was free a moment ago.
func deadAddr() (string, error) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer pc.Close()
	return pc.LocalAddr().String(), nil
}
