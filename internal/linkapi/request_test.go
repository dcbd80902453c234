package linkapi

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

const ok = "HTTP/1.1 200 OK\r\n\r\n"

// hostile serves TCP connections on an address: it sends begin, then repeat until the client
// disconnects, unless repeat is empty.
func hostile(t *testing.T, begin, repeat string) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.SetDeadline(time.Now().Add(patience))
			io.CopyN(io.Discard, conn, 20) // enough of the request to respond
			flood(conn, begin, repeat)
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-ended
	})
	return l.Addr().String()
}

func flood(conn net.Conn, begin, repeat string) {
	block := []byte(strings.Repeat(repeat, max(1, 4096/max(1, len(repeat)))))
	for data := []byte(begin); len(data) > 0; data = block {
		if _, err := conn.Write(data); err != nil {
			return
		}
	}
	conn.(*net.TCPConn).CloseWrite()
	io.Copy(io.Discard, conn)
}

// A client reports a response that is not one of the API, or that exceeds its limits.
func TestHostileResponses(t *testing.T) {
	const tooLong = "the response is longer than 16777216 bytes"
	for _, tt := range []struct{ name, begin, repeat, want string }{
		{"white space", ok, " ", tooLong},
		{"a long name", ok + `[{"name":"`, "x", tooLong},
		{"deep arrays", ok + strings.Repeat("[", 20_000), "", "exceeded max depth"},
		{"links", ok + "[{}" + strings.Repeat(",{}", MaxLinks) + "]", "", "it has more than 16384 links"},
		{"phases", ok + `[{"schedule":[{"at":"0s"}`, `,{"at":"0s"}`, tooLong},
		{"1,001 phases", ok + `[{"schedule":[` + strings.Repeat(`{"at":"0s"},`, 1000) + `{"at":"0s"}]}]`, "",
			"the schedule has more than 1000 phases"},
		{"error", "HTTP/1.1 500 No\r\n\r\n", "x", "the response has the status 500 No"},
		{"long error", "HTTP/1.1 500 No\r\n\r\n{\"error\":\"", "x", "the response has the status 500 No"},
		{"header", "HTTP/1.1 200 OK\r\n", "A: b\r\n", "server response headers exceeded 16384 bytes"},
		{"interim responses", "HTTP/1.1 103 Early Hints\r\n\r\n", "HTTP/1.1 103 Early Hints\r\n\r\n", "headers exceeded"},
		{"status line", "HTTP/1.1 200 ", "x", "server response headers exceeded 16384 bytes"},
		{"redirect", "HTTP/1.1 302 Found\r\nLocation: /links\r\n\r\n", "", "the response has the status 302 Found"},
		{"null", ok + "null", "", "is not a list of links"},
		{"null in the list", ok + "[null]", "", "a link is null"},
		{"an object", ok + "{}", "", "is not a list of links"},
		{"a page", ok + "<html>", "", "the response is invalid: invalid character '<'"},
		{"nothing", ok, "", "the response is incomplete"},
		{"a part", ok + `[{"name":"x"}`, "", "the response is incomplete"},
		{"part of the length", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[", "", "unexpected EOF"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &Client{Addr: hostile(t, tt.begin, tt.repeat)}
			all, err := c.List(t.Context())
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%d links, %v; want %q", len(all), err, tt.want)
			}
		})
	}
}

// decodeResponse reads one byte more than its limit, to find that there is more.
func TestResponseLimit(t *testing.T) {
	for _, text := range []string{" ", `[{"name":"`, "[[["} {
		body := &endless{begin: text}
		var result statusList
		if err := decodeResponse(body, 1<<20, &result); err == nil || body.n > 1<<20+1 {
			t.Errorf("after %q: %d bytes read, %v", text, body.n, err)
		}
	}
}

// An endless is a body that continues with x.
type endless struct {
	begin string
	n     int // bytes read so far
}

func (e *endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'x'
	}
	if e.n < len(e.begin) {
		copy(b, e.begin[e.n:])
	}
	e.n += len(b)
	return len(b), nil
}

func (e *endless) Close() error { return nil }

// The timeout of a client includes the body of the response.
func TestClientTimeout(t *testing.T) {
	for _, begin := range []string{"", ok, ok + "[{"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			if conn, err := l.Accept(); err == nil {
				io.CopyN(io.Discard, conn, 20)
				io.WriteString(conn, begin)
				io.Copy(io.Discard, conn) // until the client closes
				conn.Close()
			}
		}()
		_, err = (&Client{Addr: l.Addr().String(), Timeout: 50 * time.Millisecond}).List(t.Context())
		var timeout net.Error
		if !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("after %q: %v, want a timeout", begin, err)
		}
		l.Close()
		<-ended
	}
}
