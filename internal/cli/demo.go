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
	"github.com/ohce/ohce/internal/sequence"
	"github.com/ohce/ohce/link"
	"github.com/ohce/ohce/link/relay"
)

func (a *app) demoCommand() *cobra.Command {
	var svg string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show the whole exchange on this machine, nothing else needed",
		Long: `Start a server on a free port of this machine, send it a few messages through a link that
loses 30 % of the datagrams each way, and draw each exchange: what was lost, what was sent
again, what came. Then ask a port where nobody listens, and show how that ends.
Takes about three seconds.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context(), svg) },
	}
	cmd.Flags().StringVar(&svg, "trace-svg", "", "draw the exchanges through the link into `FILE` as a picture")
	return cmd
}

// demoMessages are what demo sends, with why.
var demoMessages = []struct{ title, text string }{
	{"ASCII", "Hello, World!"},
	{"Greek: the sigma that ends a word is another letter", "ΣΟΦΟΣ ὁ Σωκράτης"},
	{"an emoji, and a letter that becomes two", "Grüße 🦊"},
	{"an empty datagram is a message too", ""},
	{"60,000 bytes in one datagram", strings.Repeat("Datagram! ", 6000)},
}

func (a *app) demo(ctx context.Context, svg string) error {
	ctx, stop := a.untilSignal(ctx, true)
	defer stop()
	var file *pictureFile
	if svg != "" {
		var err error
		if file, err = newPictureFile(svg); err != nil {
			return err
		}
	}
	var picture sequence.Diagram
	if err := a.demoServer(ctx, &picture); err != nil {
		return err
	}
	if file != nil {
		if err := file.write(picture.WriteSVG); err != nil {
			return err
		}
	}
	return a.demoDown(ctx)
}

// demoServer runs a server as long as messages are sent to it.
func (a *app) demoServer(ctx context.Context, picture *sequence.Diagram) error {
	srv := &ohce.Server{Handler: answer(flip.Transform{Reverse: true, SwapCase: true})}
	if err := srv.Listen("127.0.0.1:0"); err != nil {
		return explainListen("127.0.0.1:0", err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve() }()
	err := a.demoExchanges(ctx, srv.Addrs()[0].String(), picture)
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
	fmt.Fprintf(a.out, "The server's account: %s\n\n", srv.Stats())
	return nil
}

// demoLink is the network of the demo. Its seed is one with which each way loses something, and each
// message is answered after three attempts at most.
func demoLink() *link.Link {
	way := link.Impairment{Loss: link.RandomLoss(0.3), Delay: link.Delay{Base: 10 * time.Millisecond}}
	return &link.Link{Seed: 103, Up: way, Down: way}
}

// demoExchanges sends the messages through a lossy link to a server that answers.
func (a *app) demoExchanges(ctx context.Context, server string, picture *sequence.Diagram) error {
	st := a.styleFor(a.out)
	w := &witness{}
	way := &relay.Relay{To: server, Link: demoLink(), Observe: w.observe}
	if err := way.Start(ctx); err != nil {
		return &failure{what: fmt.Sprintf("cannot make a link: %v", err), hint: "run it again", code: exitFail}
	}
	defer way.Close()
	addr := way.Addr().String()
	fmt.Fprintf(a.out, "%s\n%s\n\n", st.bold("A server answers on "+server+", as `ohce serve` does."),
		st.bold("On the way, at "+addr+", a link loses 30 % each way, as `ohce link --loss 30%` does:"))
	client := &ohce.Client{Addr: addr, Expect: flip.Append, Trace: traceTo(w.tell)}
	defer client.Close()
	for _, m := range demoMessages {
		fmt.Fprintf(a.out, "  %s\n", st.faint(m.title))
		resp, err := client.Exchange(ctx, []byte(m.text))
		x, events := w.story()
		a.drawing(a.out).Draw(x, events)
		for _, e := range events {
			picture.Add(x, e)
		}
		if err != nil {
			s := sender{app: a, flags: &sendFlags{servers: []string{addr}, expect: "flip"},
				group: &ohce.Group{Clients: []*ohce.Client{client}}}
			return s.explain([]byte(m.text), err)
		}
		fmt.Fprintf(a.out, "  %s -> %s\n\n", shorten([]byte(m.text)), st.green(shorten(resp.Data)))
	}
	s := way.Stats()
	fmt.Fprintf(a.out, "The link's account: of %d requests %d lost, of %d answers %d lost\n", s.Up.Received,
		s.Up.Lost, s.Down.Received, s.Down.Lost)
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
