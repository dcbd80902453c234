package docs_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"net"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/flip"
	"github.com/ohce/ohce/internal/leakcheck"
	"github.com/ohce/ohce/ohcetest"
)

// The examples show what Unix does. The tutorial says what is different elsewhere.
func TestMain(m *testing.M) {
	flag.Parse()
	skip := ""
	switch runtime.GOOS {
	case "linux":
	case "windows":
		skip = "^Example_(portUnreachable|truncation|wildcard)$"
	default:
		skip = "^Example_wildcard$" // 127.0.0.2 is not an address of the machine
	}
	if f := flag.Lookup("test.skip"); skip != "" && f.Value.String() == "" {
		flag.Set("test.skip", skip)
	}
	leakcheck.Main(m)
}

// check ends an example that cannot go on.
func check(err error) {
	if err != nil {
		panic(err)
	}
}

// soon is a deadline that only a broken machine misses.
func soon() time.Time { return time.Now().Add(5 * time.Second) }

// next returns what comes from a channel, or says that nothing came.
func next(c <-chan string) string {
	select {
	case s := <-c:
		return s
	case <-time.After(time.Until(soon())):
		return "nothing"
	}
}

// nobody returns an address where nobody listens, as it seems to all others: the socket that keeps
// the port from them is connected, and hears its peer alone.
func nobody() (addr string, stop func()) {
	conn, err := net.Dial("udp4", "127.0.0.1:9")
	check(err)
	return conn.LocalAddr().String(), func() { conn.Close() }
}

// lateServer keeps back its answers to the first text that comes. It sends them when another text
// comes, before the answer to that.
func lateServer() (addr string, stop func()) {
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	check(err)
	ended := make(chan struct{})
	go func() { // ends when the socket is closed
		defer close(ended)
		answerLate(conn)
	}()
	return conn.LocalAddr().String(), func() { conn.Close(); <-ended }
}

func answerLate(conn net.PacketConn) {
	var first string
	var held []func()
	buf := make([]byte, 1024)
	for {
		n, client, err := conn.ReadFrom(buf)
		if err != nil {
			return
		}
		text := string(buf[:n])
		answer := func() { conn.WriteTo(flip.Append(nil, []byte(text)), client) }
		if first == "" {
			first = text
		}
		if text == first {
			held = append(held, answer)
			continue
		}
		for _, late := range held {
			late()
		}
		held = nil
		answer()
	}
}

func Example_socket() {
	client, err := net.Dial("udp4", "127.0.0.1:9") // whether or not anybody listens there
	check(err)
	defer client.Close()
	fmt.Println("the system picked a port:", client.LocalAddr().(*net.UDPAddr).Port > 0)
	// Output: the system picked a port: true
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

func Example_seedClient() {
	server, stop := lateServer()
	defer stop()
	client, err := net.Dial("udp4", server)
	check(err)
	defer client.Close()

	ask := func(message string) string {
		buf := make([]byte, 1024)
		for delay := 100 * time.Millisecond; ; {
			_, err := client.Write([]byte(message))
			check(err)
			check(client.SetReadDeadline(time.Now().Add(delay)))
			n, err := client.Read(buf)
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				check(err)
				return string(buf[:n])
			}
			if delay += 100 * time.Millisecond; delay > 500*time.Millisecond {
				return "SERVER IS DOWN !"
			}
		}
	}

	fmt.Println(ask("first"), "and then", ask("second"))
	// Output: SERVER IS DOWN ! and then TSRIF
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

func Example_portUnreachable() {
	server, stop := nobody() // an address where nobody listens
	defer stop()

	plain, err := net.Dial("udp4", server)
	check(err)
	defer plain.Close()
	_, err = plain.Write([]byte("Hello"))
	check(err) // sent without an error
	check(plain.SetReadDeadline(soon()))
	_, err = plain.Read(make([]byte, 1024))
	var refused *os.SyscallError
	fmt.Println(errors.As(err, &refused), refused)

	client := &ohce.Client{Addr: server, Retry: ohce.RetryAfter(20 * time.Millisecond)}
	defer client.Close()
	_, err = client.Exchange(context.Background(), []byte("Hello"))
	fmt.Println(errors.Is(err, ohce.ErrServerDown), errors.Is(err, ohce.ErrPortUnreachable))
	// Output:
	// true read: connection refused
	// true true
}

func Example_late() {
	server, stop := lateServer()
	defer stop()
	late := make(chan string, 10)
	client := &ohce.Client{Addr: server, Trace: &ohce.ClientTrace{
		DatagramIgnored: func(_ ohce.TraceAttempt, why ohce.IgnoreReason, data []byte) {
			if why == ohce.IgnoreLate {
				late <- string(data)
			}
		},
	}}
	defer client.Close()

	_, err := client.Exchange(context.Background(), []byte("first"))
	fmt.Println("server is down:", errors.Is(err, ohce.ErrServerDown))
	resp, err := client.Exchange(context.Background(), []byte("second"))
	check(err)
	fmt.Printf("%s; late and not delivered: %s\n", resp.Data, next(late))
	// Output:
	// server is down: true
	// DNOCES; late and not delivered: TSRIF
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
	fmt.Println(errors.Is(err, net.ErrClosed), "- and the process goes on")
	// Output: true - and the process goes on
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
	client, err := net.Dial("udp4", server.LocalAddr().String())
	check(err)
	defer client.Close()
	for _, text := range []string{"Hello, World", "Bye"} {
		_, err := client.Write([]byte(text))
		check(err)
	}

	check(server.SetReadDeadline(soon()))
	buf := make([]byte, 5) // BUFFER_SIZE; the client has sent "Hello, World" and "Bye"
	for range 2 {
		n, _, err := server.ReadFrom(buf)
		check(err)
		fmt.Printf("%q\n", buf[:n])
	}
	// Output:
	// "Hello"
	// "Bye"
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
	text := []rune("Hello, Grüße")
	slices.Reverse(text)
	for i, r := range text {
		if unicode.IsUpper(r) {
			text[i] = unicode.ToLower(r)
		} else {
			text[i] = unicode.ToUpper(r)
		}
	}
	fmt.Println(string(text))
	fmt.Println(string(flip.Append(nil, []byte("Hello, Grüße"))))
	// Output:
	// EßÜRg ,OLLEh
	// ESSÜRg ,OLLEh
}

func Example_plainServer() {
	server, err := net.ListenPacket("udp4", "127.0.0.1:0") // steps 3 and 4
	check(err)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buf := make([]byte, 65535)
		for {
			n, from, err := server.ReadFrom(buf) // step 5
			if err != nil {
				return // closed
			}
			answer := flip.Append(nil, buf[:n]) // step 6
			server.WriteTo(answer, from)        // step 7
		}
	}()

	client, err := net.Dial("udp4", server.LocalAddr().String())
	check(err)
	_, err = client.Write([]byte("Hello"))
	check(err)
	check(client.SetReadDeadline(soon()))
	buf := make([]byte, 65535)
	n, err := client.Read(buf)
	check(err)
	fmt.Printf("%s\n", buf[:n])
	check(client.Close())
	check(server.Close())
	<-ended
	// Output:
	// OLLEh
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

// Every Go snippet of the tutorial stands in an Example that is run and whose output is checked.
func TestSnippetsAreRun(t *testing.T) {
	text, err := os.ReadFile("tutorial.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := goBlocks(string(text))
	if len(blocks) < 10 {
		t.Errorf("tutorial.md has %d Go snippets, want 10 at least", len(blocks))
	}
	bodies := exampleBodies(t, "tutorial_test.go")
	shown := make(map[string]bool)
	for _, b := range blocks {
		found := false
		for name, body := range bodies {
			if b.text != "" && strings.Contains(body, "\n"+b.text) {
				found, shown[name] = true, true
			}
		}
		if !found {
			t.Errorf("tutorial.md:%d: no Example contains this snippet:\n%s", b.line, b.text)
		}
	}
	for _, name := range regexp.MustCompile(`Example_\w+`).FindAllString(string(text), -1) {
		if _, ok := bodies[name]; !ok {
			t.Errorf("tutorial.md names %s, which does not exist", name)
		}
	}
	for name := range bodies {
		if !shown[name] {
			t.Errorf("tutorial.md shows nothing of %s", name)
		}
	}
}

// A block is a snippet, with the line on which it begins.
type block struct {
	line int
	text string
}

// goBlocks returns what stands between "```go" and "```".
func goBlocks(markdown string) []block {
	var blocks []block
	inside := false
	for i, line := range strings.Split(markdown, "\n") {
		switch {
		case !inside && line == "```go":
			inside = true
			blocks = append(blocks, block{line: i + 2})
		case inside && line == "```":
			inside = false
		case inside:
			blocks[len(blocks)-1].text += line + "\n"
		}
	}
	return blocks
}

// exampleBodies returns what stands between the braces of each Example, one tab taken from each
// line. An Example without an output to check is an error: it would be compiled and never run.
func exampleBodies(t *testing.T, name string) map[string]string {
	t.Helper()
	src, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, src, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range doc.Examples(file) {
		if e.Output == "" {
			t.Errorf("%s: Example%s has no output to check", name, e.Name)
		}
	}
	bodies := make(map[string]string)
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || !strings.HasPrefix(f.Name.Name, "Example") {
			continue
		}
		body := src[fset.Position(f.Body.Lbrace).Offset+1 : fset.Position(f.Body.Rbrace).Offset]
		bodies[f.Name.Name] = strings.ReplaceAll(string(body), "\n\t", "\n")
	}
	return bodies
}
