package ohce_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/flip"
	"github.com/ohce/ohce/ohcetest"
)

// A server and a client on the same machine.
func Example() {
	srv := &ohce.Server{Handler: ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
		w.Write(flip.Append(w.AvailableBuffer(), r.Data))
	})}
	if err := srv.Listen("127.0.0.1:0"); err != nil {
		log.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- srv.Serve() }()

	client := &ohce.Client{Addr: srv.Addrs()[0].String(), Match: ohce.MatchExact(flip.Append)}
	defer client.Close()
	resp, err := client.Exchange(context.Background(), []byte("Hello"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", resp.Data)

	srv.Shutdown(context.Background())
	fmt.Println(errors.Is(<-served, ohce.ErrServerClosed))
	// Output:
	// OLLEh
	// true
}

func ExampleServer_Stats() {
	s := ohcetest.StartServer(&ohce.Server{BufferSize: 5})
	c := s.Client()
	defer c.Close()
	c.Retry = ohce.RetryAfter(20 * time.Millisecond)
	c.Exchange(context.Background(), []byte("short"))
	c.Exchange(context.Background(), []byte("much too long"))
	s.Close()

	st := s.Config.Stats()
	fmt.Println("received", st.Received, "answered", st.Answered)
	for reason, n := range st.Dropped.All() {
		if n > 0 {
			fmt.Println("dropped as", reason, n)
		}
	}
	// Output:
	// received 2 answered 1
	// dropped as oversize 1
}

func ExampleServer_Shutdown() {
	srv := new(ohce.Server)
	if err := srv.Listen("127.0.0.1:0"); err != nil {
		log.Fatal(err)
	}
	go func() {
		// A program waits for a signal here. See signal.NotifyContext.
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		srv.Shutdown(ctx)
	}()
	fmt.Println(srv.Serve())
	// Output: ohce: server closed
}

// A handler that wraps another can change the response before it is sent.
func ExampleHandler_middleware() {
	shout := func(next ohce.Handler) ohce.Handler {
		return ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
			next.ServeUDP(w, r)
			if w.Written() {
				upper := bytes.ToUpper(w.Bytes())
				w.Reset()
				w.Write(upper)
			}
		})
	}
	hello := ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
		fmt.Fprintf(w, "hello, %s", r.Data)
	})
	var w ohce.ResponseWriter
	shout(hello).ServeUDP(&w, &ohce.Request{Data: []byte("gopher")})
	fmt.Printf("%s\n", w.Bytes())
	// Output: HELLO, GOPHER
}

func ExampleConcurrent() {
	slow := ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
		// A database query could run here. Up to 16 run at once, while the socket is still read.
		w.Write(r.Data)
	})
	s := ohcetest.NewServer(ohce.Concurrent(slow, 16))
	defer s.Close()
	c := s.Client()
	defer c.Close()
	resp, err := c.Exchange(context.Background(), []byte("Hello"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", resp.Data)
	// Output: Hello
}

func ExampleClient_Exchange() {
	s := ohcetest.NewServer(nil)
	c := s.Client()
	c.Retry = ohce.RetryAfter(20*time.Millisecond, 40*time.Millisecond)
	defer c.Close()
	s.Close() // from now on the port is closed

	_, err := c.Exchange(context.Background(), []byte("Hello?"))
	var op *ohce.OpError
	if errors.Is(err, ohce.ErrServerDown) && errors.As(err, &op) {
		fmt.Println("down after", op.Attempts, "attempts, a timeout:", op.Timeout())
	}
	// Output: down after 2 attempts, a timeout: true
}

func ExampleRetry() {
	fmt.Println(ohce.LinearRetry(), "in all", ohce.LinearRetry().Budget())
	slow := ohce.RetryAfter(time.Second, 2*time.Second, 4*time.Second)
	fmt.Println(slow, "in all", slow.Budget())
	// Output:
	// 100ms,200ms,300ms,400ms,500ms in all 1.5s
	// 1s,2s,4s in all 7s
}

func ExampleClientTrace() {
	s := ohcetest.NewServer(nil)
	defer s.Close()
	c := s.Client()
	defer c.Close()
	c.Trace = &ohce.ClientTrace{
		AttemptSent: func(a ohce.TraceAttempt) {
			fmt.Printf("attempt %d of %d, waits %v\n", a.Attempt, a.Attempts, a.Wait)
		},
		ResponseAccepted: func(a ohce.TraceAttempt, r *ohce.Response) {
			fmt.Printf("accepted %q\n", r.Data)
		},
	}
	if _, err := c.Exchange(context.Background(), []byte("Hello")); err != nil {
		log.Fatal(err)
	}
	// Output:
	// attempt 1 of 5, waits 100ms
	// accepted "Hello"
}

// The response identifies the request that it answers, so many requests share a socket. The results
// are in the order of the requests.
func ExampleClient_Stream() {
	srv := ohcetest.NewServer(ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
		w.Write(flip.Append(nil, r.Data))
	}))
	defer srv.Close()

	client := &ohce.Client{Addr: srv.Addr, Match: ohce.MatchExact(flip.Append)}
	lines := bytes.Lines([]byte("one\ntwo\nthree\n")) // any iter.Seq[[]byte]
	for r, err := range client.Stream(context.Background(), lines) {
		switch {
		case err != nil: // the stream has ended early
			log.Fatal(err)
		case r.Err != nil: // this request has no response
			fmt.Println(r.Err)
		default:
			fmt.Printf("%d: %q -> %q\n", r.Index, r.Request, r.Response.Data)
		}
	}
	// Output:
	// 0: "one\n" -> "\nENO"
	// 1: "two\n" -> "\nOWT"
	// 2: "three\n" -> "\nEERHT"
}

// The requests and responses of a key-value service begin with an identifier, as in "1 color" and
// "1 blue". Client.Match compares the identifiers, so a stream needs one socket.
func ExampleMatcher() {
	values := map[string]string{"color": "blue", "shape": "round"}
	srv := ohcetest.NewServer(ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
		id, key, _ := strings.Cut(string(r.Data), " ")
		fmt.Fprint(w, id, " ", values[key])
	}))
	defer srv.Close()

	identifier := func(dst, datagram []byte) ([]byte, bool) {
		id, _, ok := bytes.Cut(datagram, []byte(" "))
		return append(dst, id...), ok
	}
	client := &ohce.Client{Addr: srv.Addr, Match: &ohce.Matcher{
		RequestKey: func(dst, request []byte) []byte {
			dst, _ = identifier(dst, request)
			return dst
		},
		ResponseKey: identifier,
	}}
	requests := bytes.SplitSeq([]byte("1 shape,2 color"), []byte(","))
	for r, err := range client.Stream(context.Background(), requests) {
		if err = errors.Join(err, r.Err); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%q -> %q\n", r.Request, r.Response.Data)
	}
	// Output:
	// "1 shape" -> "1 round"
	// "2 color" -> "2 blue"
}

// A response repeats the first four bytes of its request.
func ExampleMatchBytes() {
	srv := ohcetest.NewServer(ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
		w.Write(append(r.Data[:4:4], "pong"...))
	}))
	defer srv.Close()

	client := &ohce.Client{Addr: srv.Addr, Match: ohce.MatchBytes(0, 4)}
	defer client.Close()
	resp, err := client.Exchange(context.Background(), []byte("#001ping"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", resp.Data)
	// Output: #001pong
}

func ExampleGroup() {
	down := ohcetest.NewServer(nil)
	down.Close()
	up := ohcetest.NewServer(ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
		w.Write(flip.Append(w.AvailableBuffer(), r.Data))
	}))
	defer up.Close()

	group := &ohce.Group{
		Policy:  ohce.Failover,
		Clients: []*ohce.Client{{Addr: down.Addr}, {Addr: up.Addr}},
	}
	defer group.Close()
	resp, err := group.Exchange(context.Background(), []byte("Hello"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s from the second: %v\n", resp.Data, resp.RemoteAddr.String() == up.Addr)
	// Output: OLLEh from the second: true
}
