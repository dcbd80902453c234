package docs_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/flip"
	"github.com/ohce/ohce/internal/leakcheck"
	"github.com/ohce/ohce/internal/loopback"
	"github.com/ohce/ohce/ohcetest"
)

// The examples show the behaviour of Unix. The tutorial names the differences on other systems.
func TestMain(m *testing.M) {
	flag.Parse()
	skip := ""
	switch runtime.GOOS {
	case "linux":
	case "windows":
		skip = "^Example_(connected|truncat.*|wildcard)$"
	default:
		skip = "^Example_wildcard$" // 127.0.0.2 is not an address of the machine
	}
	if f := flag.Lookup("test.skip"); skip != "" && f.Value.String() == "" {
		flag.Set("test.skip", skip)
	}
	leakcheck.Main(m)
}

// check stops an example if err is not nil.
func check(err error) {
	if err != nil {
		panic(err)
	}
}

// swapCase is the function of examples/tutorial/server.
func swapCase(r rune) rune {
	if unicode.IsUpper(r) {
		return unicode.ToLower(r)
	}
	return unicode.ToUpper(r)
}

// soon returns a deadline a few seconds ahead.
func soon() time.Time { return time.Now().Add(5 * time.Second) }

// closedPort returns an address that accepts no datagrams. No other program gets the port before stop
// is called.
func closedPort() (addr *net.UDPAddr, stop func()) {
	conn, err := loopback.ClosedPort()
	check(err)
	return conn.LocalAddr().(*net.UDPAddr), func() { conn.Close() }
}

func Example_ports() {
	for range 2 {
		client, err := net.ListenPacket("udp4", ":0") // socket, and bind to any free port
		check(err)
		defer client.Close()
		port := client.LocalAddr().(*net.UDPAddr).Port
		fmt.Println("the system chose a port:", port > 0)
	}
	// Output:
	// the system chose a port: true
	// the system chose a port: true
}

func Example_send() {
	receiver, err := net.ListenPacket("udp4", "127.0.0.1:0")
	check(err)
	defer receiver.Close()
	client, err := net.ListenPacket("udp4", "127.0.0.1:0")
	check(err)
	defer client.Close()

	check(receiver.SetReadDeadline(soon()))
	buf := make([]byte, 1024)
	for _, text := range []string{"Grüße", "two"} {
		_, err := client.WriteTo([]byte(text), receiver.LocalAddr()) // sendto
		check(err)
	}
	for range 2 {
		n, _, err := receiver.ReadFrom(buf) // recvfrom
		check(err)
		fmt.Printf("%s: % x\n", buf[:n], buf[:n])
	}
	// Output:
	// Grüße: 47 72 c3 bc c3 9f 65
	// two: 74 77 6f
}

func Example_deadline() {
	client, err := net.ListenPacket("udp4", ":0")
	check(err)
	defer client.Close()

	buf := make([]byte, 1024)
	begin := time.Now()
	check(client.SetReadDeadline(begin.Add(500 * time.Millisecond)))
	for range 2 {
		_, _, err := client.ReadFrom(buf)
		waited := time.Since(begin).Round(500 * time.Millisecond)
		fmt.Println(errors.Is(err, os.ErrDeadlineExceeded), waited)
	}
	// Output:
	// true 500ms
	// true 500ms
}

func Example_connected() {
	server, stop := closedPort() // no program listens there
	defer stop()

	buf := make([]byte, 1024)
	connected, err := net.Dial("udp4", server.String())
	check(err)
	defer connected.Close()
	_, err = connected.Write([]byte("Hello"))
	check(err) // the send succeeds
	check(connected.SetReadDeadline(time.Now().Add(time.Second)))
	_, err = connected.Read(buf)
	fmt.Println("connected:", errors.Is(err, syscall.ECONNREFUSED))

	unconnected, err := net.ListenPacket("udp4", ":0")
	check(err)
	defer unconnected.Close()
	_, err = unconnected.WriteTo([]byte("Hello"), server)
	check(err) // this one succeeds too
	check(unconnected.SetReadDeadline(time.Now().Add(100 * time.Millisecond)))
	_, _, err = unconnected.ReadFrom(buf)
	fmt.Println("unconnected:", errors.Is(err, os.ErrDeadlineExceeded))
	// Output:
	// connected: true
	// unconnected: true
}

func Example_failFast() {
	server, stop := closedPort()
	defer stop()

	client := &ohce.Client{Addr: server.String(), FailFast: true}
	defer client.Close()
	_, err := client.Exchange(context.Background(), []byte("Hello"))
	fmt.Println(errors.Is(err, ohce.ErrPortUnreachable))
	// Output: true
}

func Example_linearRetry() {
	fmt.Println(ohce.LinearRetry(), "in all", ohce.LinearRetry().Budget())
	// Output: 100ms,200ms,300ms,400ms,500ms in all 1.5s
}

func Example_loss() {
	requests := 0
	server := ohcetest.NewServer(ohce.HandlerFunc(
		func(w *ohce.ResponseWriter, r *ohce.Request) {
			if requests++; requests > 2 { // the first two are lost
				w.Write(flip.Append(w.AvailableBuffer(), r.Data))
			}
		}))
	defer server.Close()

	client := &ohce.Client{
		Addr:  server.Addr,
		Retry: ohce.RetryAfter(20*time.Millisecond, 40*time.Millisecond, 5*time.Second),
	}
	defer client.Close()
	resp, err := client.Exchange(context.Background(), []byte("Hello"))
	check(err)
	fmt.Printf("%s after %d datagrams\n", resp.Data, resp.Attempts)
	// Output: OLLEh after 3 datagrams
}

func Example_match() {
	requests := 0
	server := ohcetest.NewServer(ohce.HandlerFunc(
		func(w *ohce.ResponseWriter, r *ohce.Request) {
			if requests++; requests == 1 {
				w.Write([]byte("something else"))
				return
			}
			w.Write(flip.Append(w.AvailableBuffer(), r.Data))
		}))
	defer server.Close()

	client := server.Client()
	defer client.Close()
	client.Retry = ohce.RetryAfter(20*time.Millisecond, 5*time.Second)
	client.Match = ohce.MatchExact(flip.Append)
	resp, err := client.Exchange(context.Background(), []byte("Hello"))
	check(err)
	fmt.Printf("%s, unexpected: %d\n", resp.Data, client.Stats().Unexpected)
	// Output: OLLEh, unexpected: 1
}

func Example_close() {
	client, err := net.Dial("udp4", "127.0.0.1:9")
	check(err)
	check(client.Close())
	_, err = client.Write([]byte("Hello"))
	fmt.Println(errors.Is(err, net.ErrClosed), "- and the process continues")
	// Output: true - and the process continues
}

func Example_bind() {
	server, err := net.ListenPacket("udp4", "127.0.0.1:0") // port 0: any free one
	check(err)
	defer server.Close()
	own := server.LocalAddr() // getsockname
	fmt.Println("own IP address:", own.(*net.UDPAddr).IP)

	err = new(ohce.Server).Listen(own.String()) // the same port again
	fmt.Println(errors.Is(err, ohce.ErrAddrInUse))
	// Output:
	// own IP address: 127.0.0.1
	// true
}

func Example_wildcard() {
	server, err := net.ListenPacket("udp4", "0.0.0.0:0")
	check(err)
	defer server.Close()
	client, err := net.ListenPacket("udp4", "127.0.0.1:0")
	check(err)
	defer client.Close()

	port := server.LocalAddr().(*net.UDPAddr).Port
	asked := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2), Port: port}
	_, err = client.WriteTo([]byte("Hello"), asked)
	check(err)
	buf := make([]byte, 1024)
	check(server.SetReadDeadline(soon()))
	n, from, err := server.ReadFrom(buf)
	check(err)
	_, err = server.WriteTo(buf[:n], from)
	check(err)
	check(client.SetReadDeadline(soon()))
	_, from, err = client.ReadFrom(buf)
	check(err)
	fmt.Println("asked", asked.IP, "answered by", from.(*net.UDPAddr).IP)
	// Output: asked 127.0.0.2 answered by 127.0.0.1
}

func Example_receive() {
	server, err := net.ListenPacket("udp4", "127.0.0.1:0")
	check(err)
	defer server.Close()
	client, err := net.Dial("udp4", server.LocalAddr().String())
	check(err)
	defer client.Close()
	for _, text := range []string{"", "Bye"} {
		_, err := client.Write([]byte(text))
		check(err)
	}

	buf := make([]byte, 1024)
	check(server.SetReadDeadline(soon()))
	for range 2 {
		n, from, err := server.ReadFrom(buf)
		check(err)
		fmt.Printf("%q from the client: %t\n", buf[:n], from.String() == client.LocalAddr().String())
	}
	// Output:
	// "" from the client: true
	// "Bye" from the client: true
}

func Example_truncation() {
	server, err := net.ListenPacket("udp4", "127.0.0.1:0")
	check(err)
	defer server.Close()
	client, err := net.ListenPacket("udp4", "127.0.0.1:0")
	check(err)
	defer client.Close()
	check(server.SetReadDeadline(soon()))
	check(client.SetReadDeadline(soon()))

	for _, text := range []string{"Hello, World", "Bye"} {
		_, err := client.WriteTo([]byte(text), server.LocalAddr())
		check(err)
	}
	buf := make([]byte, 5) // BUFFER_SIZE of the server
	for range 2 {
		n, from, err := server.ReadFrom(buf)
		check(err)
		fmt.Printf("the server receives %q\n", buf[:n])
		_, err = server.WriteTo([]byte("a long response"), from)
		check(err)
	}
	small := make([]byte, 6) // BUFFER_SIZE of the client
	n, _, err := client.ReadFrom(small)
	check(err)
	fmt.Printf("the client receives %q\n", small[:n])
	// Output:
	// the server receives "Hello"
	// the server receives "Bye"
	// the client receives "a long"
}

func Example_oversize() {
	server := ohcetest.StartServer(&ohce.Server{BufferSize: 5})
	client := &ohce.Client{Addr: server.Addr, Retry: ohce.RetryAfter(20 * time.Millisecond)}
	_, err := client.Exchange(context.Background(), []byte("Hello, World"))
	if !errors.Is(err, ohce.ErrServerDown) {
		fmt.Println("a part was answered:", err)
	}
	check(client.Close())

	client = server.Client()
	resp, err := client.Exchange(context.Background(), []byte("Hello"))
	check(err)
	fmt.Printf("got %s\n", resp.Data)
	check(client.Close())
	server.Close()
	fmt.Println("oversize:", server.Config.Stats().Dropped[ohce.DropOversize])
	// Output:
	// got Hello
	// oversize: 1
}

func Example_answer() {
	text := []rune("Straße") // code points, not bytes
	slices.Reverse(text)
	fmt.Println(strings.Map(swapCase, string(text)))
	fmt.Println(string(flip.Append(nil, []byte("Straße"))))
	// Output:
	// EßARTs
	// ESSARTs
}

func Example_growth() {
	for _, text := range []string{"Straße", "ΐ"} {
		response := flip.Append(nil, []byte(text))
		fmt.Printf("%s: %d bytes become %d\n", text, len(text), len(response))
	}
	// Output:
	// Straße: 7 bytes become 7
	// ΐ: 2 bytes become 6
}

func Example_server() {
	srv := &ohce.Server{Handler: ohce.HandlerFunc(
		func(w *ohce.ResponseWriter, r *ohce.Request) {
			w.Write(flip.Append(w.AvailableBuffer(), r.Data))
		})}
	check(srv.Listen("127.0.0.1:0"))
	served := make(chan error, 1)
	go func() { served <- srv.Serve() }() // until Shutdown

	client := &ohce.Client{Addr: srv.Addrs()[0].String(), Match: ohce.MatchExact(flip.Append)}
	resp, err := client.Exchange(context.Background(), []byte("Hello"))
	check(err)
	fmt.Printf("%s\n", resp.Data)
	check(client.Close())

	ctx, cancel := context.WithDeadline(context.Background(), soon())
	defer cancel()
	check(srv.Shutdown(ctx)) // first answers what the kernel has queued
	fmt.Println(<-served)
	st := srv.Stats()
	fmt.Println("all accounted for:", st.Received == st.Answered+st.Dropped.Total())
	// Output:
	// OLLEh
	// ohce: server closed
	// all accounted for: true
}

func Example_numbers() {
	stale := true
	server := ohcetest.NewServer(ohce.HandlerFunc(
		func(w *ohce.ResponseWriter, r *ohce.Request) {
			number, text := r.Data[:4], r.Data[4:]
			if stale { // the first datagram answers an older message
				number, stale = []byte("0000"), false
			}
			w.Write(flip.Append(append(w.AvailableBuffer(), number...), text))
		}))
	defer server.Close()

	client := server.Client()
	defer client.Close()
	client.Match = ohce.MatchBytes(0, 4) // a response repeats the first four bytes
	for i, text := range []string{"first", "second"} {
		resp, err := client.Exchange(context.Background(), fmt.Appendf(nil, "%04d%s", i+1, text))
		check(err)
		fmt.Printf("%s -> %s\n", text, resp.Data)
	}
	fmt.Println("ignored:", client.Stats().Unexpected)
	// Output:
	// first -> 0001TSRIF
	// second -> 0002DNOCES
	// ignored: 1
}

func Example_deposit() {
	balance := 0
	deposit := ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
		balance += 10
		w.Write(fmt.Appendf(w.AvailableBuffer(), "balance %d", balance))
	})
	for _, handler := range []ohce.Handler{deposit, &ohce.Deduplicator{Handler: deposit}} {
		balance = 0
		server := ohcetest.NewServer(handler)
		client, err := net.Dial("udp4", server.Addr)
		check(err)
		check(client.SetReadDeadline(soon()))
		buf := make([]byte, 1024)
		for range 2 { // the request, and its retransmission
			_, err := client.Write([]byte("0001deposit"))
			check(err)
			n, err := client.Read(buf)
			check(err)
			fmt.Printf("%s\n", buf[:n])
		}
		client.Close()
		server.Close()
	}
	// Output:
	// balance 10
	// balance 20
	// balance 10
	// balance 10
}
