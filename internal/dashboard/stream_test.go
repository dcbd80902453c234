package dashboard

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/internal/web"
)

// A pipeListener accepts the server's ends of pipes, which hold no byte that is not read.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error { close(l.closed); return nil }

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// A watched is a Dashboard that a web.Server serves in a bubble.
type watched struct {
	d        *Dashboard
	client   *http.Client
	ctx      context.Context // of the requests
	requests uint64          // the counter of the server
	end      func()
}

// watch serves a Dashboard whose source counts ten requests a second.
func watch(t *testing.T) *watched {
	w := &watched{d: &Dashboard{Sampler: &Sampler{}}}
	w.d.Source = func() *Snapshot {
		w.requests += 10
		return OfServer([]ohce.ShardStats{{Stats: ohce.ServerStats{Received: w.requests}}})
	}
	l := &pipeListener{make(chan net.Conn), make(chan struct{})}
	server := &web.Server{Handler: w.d, MaxConnections: 2048}
	go server.Serve(l) // ends with Close
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		l.conns <- far
		return near, nil
	}}
	w.client = &http.Client{Transport: transport}
	ctx, cancel := context.WithCancel(t.Context())
	w.ctx = ctx
	w.end = func() { cancel(); transport.CloseIdleConnections(); server.Close(); w.d.Close() }
	return w
}

// streams returns the number of open streams.
func (w *watched) streams() int {
	w.d.mu.Lock()
	defer w.d.mu.Unlock()
	return len(w.d.streams)
}

// A reader reads the events of a stream.
type reader struct {
	t    *testing.T
	body io.ReadCloser
	in   *bufio.Reader
}

func (w *watched) open(t *testing.T) *reader {
	t.Helper()
	req, err := http.NewRequestWithContext(w.ctx, "GET", "http://page.example/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := w.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 200 {
		t.Fatalf("status %s", resp.Status)
	}
	return &reader{t, resp.Body, bufio.NewReaderSize(resp.Body, 16)}
}

// next returns the next event and its data, or a comment.
func (r *reader) next() (event, data string) {
	r.t.Helper()
	for {
		line, err := r.in.ReadString('\n')
		if err != nil {
			r.t.Fatal(err)
		}
		switch line = strings.TrimSuffix(line, "\n"); {
		case line == "" && (event != "" || data != ""):
			return event, data
		case strings.HasPrefix(line, ":"):
			data = line
		case strings.HasPrefix(line, "event: "):
			event = line[len("event: "):]
		case strings.HasPrefix(line, "data: "):
			data = line[len("data: "):]
		}
	}
}

// update returns the number of requests in the next event, which must be an update.
func (r *reader) update() uint64 {
	r.t.Helper()
	event, data := r.next()
	var f frame
	if err := json.Unmarshal([]byte(data), &f); err != nil || event != "update" {
		r.t.Fatalf("event %q with %q: %v", event, data, err)
	}
	return f.Flows[0].Received.Total
}

// A stream begins with the history and the current figures, and continues beyond the time limits for
// requests and responses.
func TestStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t)
		defer w.end()
		w.d.Start()
		time.Sleep(3500 * time.Millisecond)
		r := w.open(t)
		event, data := r.next()
		var h history
		if err := json.Unmarshal([]byte(data), &h); err != nil || event != "history" || len(h.Times) != 3 ||
			h.Flows[ServerFlow].Received[2] != 10 {
			t.Fatalf("event %q with %q: %v", event, data, err)
		}
		if n := r.update(); n != 40 {
			t.Errorf("the first update has %d requests, want 40", n)
		}
		for i := range 40 {
			if n := r.update(); n != uint64(50+10*i) {
				t.Fatalf("update %d has %d requests", i, n)
			}
		}
		if !w.d.Sampler.open.Load() {
			t.Error("a page is open, but no samples are taken")
		}
		second := w.open(t)
		second.next()
		if n := second.update(); n != 440 {
			t.Errorf("the first update of another page has %d requests, want 440", n)
		}
		r.body.Close()
		second.body.Close()
		time.Sleep(2 * Interval)
		if n := w.streams(); n != 0 || w.d.Sampler.open.Load() {
			t.Errorf("%d streams, samples are taken: %v; no page is open", n, w.d.Sampler.open.Load())
		}
	})
}

// A reader that pauses gets the newest figures when it continues. Others get all.
func TestSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t)
		defer w.end()
		w.d.Start()
		time.Sleep(100 * time.Millisecond)
		slow, fast := w.open(t), w.open(t)
		for _, r := range []*reader{slow, fast} {
			r.next()
			if n := r.update(); n != 10 {
				t.Fatalf("the first update has %d requests", n)
			}
		}
		for i := range 8 {
			if n := fast.update(); n != uint64(20+10*i) {
				t.Errorf("the fast reader got %d requests, want %d", n, 20+10*i)
			}
		}
		synctest.Wait()
		if a, b := slow.update(), slow.update(); a != 20 || b != 90 {
			t.Errorf("the slow reader got %d and %d, want the one being written, 20, and the newest, 90", a, b)
		}
	})
}

// With many streams, each gets all updates, but several at once.
func TestManyStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t)
		w.d.maxUpdates = 2
		defer w.end()
		w.d.Start()
		time.Sleep(100 * time.Millisecond)
		begun := time.Now()
		var readers []*reader
		for range 5 { // three updates at once
			r := w.open(t)
			r.next()
			r.update()
			readers = append(readers, r)
		}
		for _, r := range readers {
			for n := uint64(20); n <= 70; n += 10 {
				if got := r.update(); got != n {
					t.Fatalf("an update has %d requests, want %d", got, n)
				}
			}
		}
		if got, want := time.Since(begun), 6*Interval-100*time.Millisecond; got != want {
			t.Errorf("six updates took %v, want %v", got, want)
		}
		for _, r := range readers[2:] {
			r.body.Close()
		}
		synctest.Wait()
		for i, r := range readers[:2] { // no longer combined
			begun := time.Now()
			if got := r.update(); got != 80 || i == 0 && time.Since(begun) != Interval {
				t.Errorf("update with %d requests after %v, want 80 after %v", got, time.Since(begun), Interval)
			}
		}
	})
}

// A reader that no longer reads is removed, and the figures never wait for it.
func TestVanishedReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t)
		defer w.end()
		w.d.Start()
		w.open(t)
		time.Sleep(writeTimeout + 2*Interval)
		synctest.Wait()
		if n := w.streams(); n != 0 {
			t.Errorf("%d streams are open", n)
		}
		w.d.mu.Lock()
		defer w.d.mu.Unlock()
		if last := w.d.figures.last.Flows[0].Received; last != 130 {
			t.Errorf("the last snapshot has %d requests, want 130: one each second", last)
		}
	})
}

// Without figures, the stream gets comments.
func TestKeepAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t)
		defer w.end()
		blocked := make(chan struct{})
		defer close(blocked)
		source := w.d.Source
		w.d.Source = func() *Snapshot {
			if w.requests == 20 {
				<-blocked
			}
			return source()
		}
		w.d.Start()
		time.Sleep(1500 * time.Millisecond)
		r := w.open(t)
		r.next()
		r.update()
		begun := time.Now()
		for range 3 {
			if _, data := r.next(); data != ": keep-alive" {
				t.Errorf("got %q", data)
			}
		}
		if d := time.Since(begun); d != 3*keepAlive {
			t.Errorf("three comments within %v, want %v", d, 3*keepAlive)
		}
	})
}

// Beyond the limit, a page gets 503, and the script tries again later.
func TestMaxStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t)
		defer w.end()
		w.d.Start()
		for range MaxStreams {
			if _, ok := w.d.subscribe(); !ok {
				t.Fatal("refused below the limit")
			}
		}
		resp, err := w.client.Get("http://page.example/events")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != 503 || resp.Header.Get("Retry-After") != "10" {
			t.Errorf("status %s, %q", resp.Status, text)
		}
	})
}

// Close ends the streams at once.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t)
		defer w.end()
		w.d.Start()
		r := w.open(t)
		r.next()
		r.update()
		w.d.Close()
		if _, err := r.in.ReadByte(); err != io.EOF {
			t.Errorf("the stream ended with %v, want EOF", err)
		}
		if _, ok := w.d.subscribe(); ok {
			t.Error("a stream began after Close")
		}
	})
}

// A stream holds the newest bytes only, whatever its reader does.
func TestOffer(t *testing.T) {
	s := &stream{next: make(chan []byte, 1)}
	for _, b := range []string{"one", "two", "three"} {
		s.offer([]byte(b))
	}
	if got := string(<-s.next); got != "three" || len(s.next) != 0 {
		t.Errorf("%q and %d more", got, len(s.next))
	}
}
