package linkapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ohce/ohce/internal/leakcheck"
	"github.com/ohce/ohce/link"
	"github.com/ohce/ohce/ohcetest"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

// An api is a Manager behind HTTP.
type api struct {
	t      *testing.T
	m      *Manager
	srv    *httptest.Server
	client *Client
}

func newAPI(t *testing.T) *api {
	m := &Manager{}
	srv := httptest.NewServer(&Server{Manager: m})
	t.Cleanup(func() { m.Close() })
	t.Cleanup(srv.Close)
	return &api{t, m, srv, &Client{Addr: srv.Listener.Addr().String()}}
}

// do sends a request and returns the status and the body of the response.
func (a *api) do(method, path, body string, header ...string) (int, string) {
	a.t.Helper()
	req, err := http.NewRequestWithContext(a.t.Context(), method, a.srv.URL+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := a.srv.Client().Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// all returns the response to GET /links. Without traffic only a change makes a difference.
func (a *api) all() string {
	a.t.Helper()
	status, text := a.do("GET", "/links", "")
	if status != 200 {
		a.t.Fatalf("GET /links: %d %s", status, text)
	}
	return text
}

func compact(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(text)); err != nil {
		t.Fatalf("%q is not JSON: %v", text, err)
	}
	return b.String()
}

func TestAPI(t *testing.T) {
	srv := ohcetest.NewServer(nil)
	defer srv.Close()
	a := newAPI(t)
	for _, step := range []struct {
		method, path, body string
		status             int
		says               string // a part of the answer, compact
	}{
		{"GET", "/links", "", 200, "[]"},
		{"POST", "/links", `{"name":"bad","to":"` + srv.Addr + `","seed":7,"up":{"loss":"10%"},
			"schedule":[{"at":"1h","down":{"black_hole":true}}],"idle":"30s"}`, 201,
			`"to":"` + srv.Addr + `","seed":7,"up":{"loss":"10%"},"down":{},"stats":{"up":{"received":0,`},
		{"GET", "/links", "", 200, `,"schedule":[{"at":"1h0m0s","up":{},"down":{"black_hole":true}}]}]`},
		{"POST", "/links", `{"to":"` + srv.Addr + `","like":"satellite","down":{"loss":null,"rate":null}}`, 201,
			`"name":"link-1"`},
		{"GET", "/links/link-1/down", "", 200,
			`{"queue":500,"delay":"290ms±10ms","shape":"normal","in_order":true}`},
		{"GET", "/links/bad", "", 200, `"name":"bad"`},
		{"PATCH", "/links/bad", `{"up":{"delay":"5ms"},"down":{"mtu":1500}}`, 200,
			`"up":{"loss":"10%","delay":"5ms"},"down":{"mtu":1500}`},
		{"PATCH", "/links/bad/up", `{"loss":null}`, 200, `{"delay":"5ms"}`},
		{"PUT", "/links/bad/up", `{"corrupt":0.01}`, 200, `{"corrupt":"1%"}`},
		{"PUT", "/links/bad/up/loss", `"30%"`, 200, `{"loss":"30%","corrupt":"1%"}`},
		{"PUT", "/links/bad/up/rate", `"1Mbit/s"`, 200, `"rate":"1Mbit/s"`},
		{"PUT", "/links/bad/up/queue", `10`, 200, `"queue":10`},
		{"DELETE", "/links/bad/up/rate", "", 204, ""},
		{"DELETE", "/links/bad/up/loss", "", 204, ""},
		{"GET", "/links/bad/up", "", 200, `{"queue":10,"corrupt":"1%"}`},
		{"DELETE", "/links/bad/up", "", 204, ""},
		{"GET", "/links/bad/up", "", 200, `{}`},
		{"PATCH", "/links/bad", `{"like":"lossy","down":{"loss":null}}`, 200,
			`"up":{"loss":"30%","corrupt":"1%","delay":"10ms±5ms","duplicate":"5%"},` +
				`"down":{"corrupt":"1%","delay":"10ms±5ms","duplicate":"5%"}`},
		{"GET", "/links/bad/schedule", "", 200, `[{"at":"1h0m0s","up":{},"down":{"black_hole":true}}]`},
		{"PUT", "/links/bad/schedule", `[{"at":"1s","up":{"loss":"5%"}},{"at":"2s"}]`, 200,
			`[{"at":"1s","up":{"loss":"5%"},"down":{}},{"at":"2s","up":{},"down":{}}]`},
		{"GET", "/links/bad", "", 200, `"schedule":[{"at":"1s","up":{"loss":"5%"},"down":{}},{"at":"2s",`},
		{"DELETE", "/links/bad/schedule", "", 204, ""},
		{"GET", "/links/bad/schedule", "", 200, `[]`},
		{"DELETE", "/links/bad", "", 204, ""},
		{"GET", "/links/bad", "", 404, `"field":"name"`},
		{"GET", "/presets", "", 200, `{"name":"wifi","description":"`},
	} {
		status, text := a.do(step.method, step.path, step.body)
		if status != step.status {
			t.Fatalf("%s %s: %d %s", step.method, step.path, status, text)
		}
		if step.says == "" && text == "" {
			continue
		}
		if got := compact(t, text); !strings.Contains(got, step.says) {
			t.Errorf("%s %s:\n%s\nwant in it\n%s", step.method, step.path, got, step.says)
		}
	}
}

// TestBadInput checks that the API names the invalid field and changes nothing.
func TestBadInput(t *testing.T) {
	srv := ohcetest.NewServer(nil)
	defer srv.Close()
	a := newAPI(t)
	to := `"to":"` + srv.Addr + `"`
	if status, text := a.do("POST", "/links", `{"name":"one",`+to+`,"up":{"loss":"10%"}}`); status != 201 {
		t.Fatalf("%d %s", status, text)
	}
	for _, tt := range []struct {
		method, path, body string
		status             int
		field, says        string
	}{
		{"GET", "/links/two", "", 404, "name", `no link "two"`},
		{"PATCH", "/links/two", `{}`, 404, "name", `no link "two"`},
		{"DELETE", "/links/two", "", 404, "name", `no link "two"`},
		{"PUT", "/links/two/up/loss", `1`, 404, "name", `no link "two"`},
		{"PATCH", "/links/one", `{"up":{"loss":"130%"}}`, 400, "up.loss", "up.loss is 130%: must be from 0%"},
		{"PATCH", "/links/one", `{"up":{"mtu":1400},"down":{"loss":1.3}}`, 400, "down.loss", "down.loss is 1.3"},
		{"PATCH", "/links/one", `{"up":{"lost":1}}`, 400, "up.lost", "unknown field up.lost: must be one of black"},
		{"PATCH", "/links/one", `{"up":[]}`, 400, "up", "up: must be a JSON object, not array"},
		{"PATCH", "/links/one", `{"seed":1}`, 400, "seed", "seed cannot be changed: remove the link"},
		{"PATCH", "/links/one", `{"like":"heaven"}`, 400, "like", "must be one of transatlantic"},
		{"PATCH", "/links/one", `{"up":{"mtu":5}}`, 400, "up.mtu", "must be at least 28"},
		{"PATCH", "/links/one", `{"up":{"queue":5}}`, 400, "up.queue", "has no effect without rate"},
		{"PATCH", "/links/one", `{"down":{"burst":3}}`, 400, "down.burst", "has no effect without loss"},
		{"PUT", "/links/one/up", `{"shape":"normal"}`, 400, "up.shape", "has no effect without jitter"},
		{"PUT", "/links/one/up/queue", `5`, 400, "up.queue", "has no effect without rate"},
		{"PUT", "/links/two/schedule", `[]`, 404, "name", `no link "two"`},
		{"PUT", "/links/one/schedule", `{}`, 400, "schedule", "must be a JSON array"},
		{"PUT", "/links/one/schedule", `[{"at":"2s"},{"at":"1s"}]`, 400, "schedule[1].at", "must not be before"},
		{"PUT", "/links/one/schedule", `[{"at":"2s","up":{"mtu":5}}]`, 400, "schedule[0].up.mtu",
			"schedule[0].up.mtu is 5: must be at least 28"},
		{"PUT", "/links/one/schedule", `[{"at":"2s","down":{"queue":5}}]`, 400, "schedule[0].down.queue",
			"has no effect without rate"},
		{"PATCH", "/links/one/schedule", `[]`, 405, "method", "use DELETE, GET, PUT"},
		{"PATCH", "/links/one", `{"speed":1}`, 400, "speed", "unknown field speed: must be one of name"},
		{"PATCH", "/links/one", `{"up":`, 400, "body", "the JSON value is incomplete"},
		{"PATCH", "/links/one", `{"up":}`, 400, "body", "invalid JSON at byte 7"},
		{"PATCH", "/links/one", `{} {}`, 400, "body", "unexpected data after the JSON value, at byte 2"},
		{"PATCH", "/links/one", `[]`, 400, "body", "must be a JSON object, not array"},
		{"PATCH", "/links/one", ``, 400, "body", "the JSON value is incomplete"},
		{"PATCH", "/links/one/up", `{"burst":0}`, 400, "up.burst", "up.burst is 0"},
		{"PUT", "/links/one/up", `{"loss":2}`, 400, "up.loss", "up.loss is 2"},
		{"PUT", "/links/one/up/loss", `"much"`, 400, "up.loss", "up.loss is much"},
		{"PUT", "/links/one/up/lost", `1`, 400, "up.lost", "unknown field up.lost"},
		{"PUT", "/links/one/up/loss", `0.1 x`, 400, "body", "unexpected data after the JSON value, at byte 3"},
		{"DELETE", "/links/one/up/lost", "", 400, "up.lost", "unknown field up.lost"},
		{"PUT", "/links/one/left/loss", `1`, 404, "direction", "unknown direction \"left\": use up or down"},
		{"POST", "/links", `{"name":"one",` + to + `}`, 409, "name", `link "one" exists already`},
		{"POST", "/links", `{"name":"a b",` + to + `}`, 400, "name", `invalid name "a b": use letters`},
		{"POST", "/links", `{"name":"..",` + to + `}`, 400, "name", `invalid name ".."`},
		{"POST", "/links", `{"listen":"` + srv.Addr + `",` + to + `}`, 409, "listen",
			"cannot listen on " + srv.Addr + ": the port is in use"},
		{"POST", "/links", `{"listen":"127.0.0.1:70000",` + to + `}`, 400, "listen",
			`listen is "127.0.0.1:70000": must be HOST:PORT with a port up to 65535`},
		{"POST", "/links", `{"listen":7,` + to + `}`, 400, "listen", "listen must not be a number"},
		{"POST", "/links", `{}`, 400, "to", "to is missing"},
		{"POST", "/links", `{"to":"nowhere"}`, 400, "to", `to is "nowhere": must be HOST:PORT`},
		{"POST", "/links", `{"to":"127.0.0.1:0"}`, 400, "to", "there is no port 0"},
		{"POST", "/links", `{` + to + `,"listen":"192.0.2.1:1"}`, 400, "listen", "cannot listen on 192.0.2.1:1: "},
		{"POST", "/links", `{` + to + `,"max_new_ports":-1}`, 400, "max_new_ports", "must not be negative"},
		{"POST", "/links", `{` + to + `,"max_ports_per_address":-1}`, 400, "max_ports_per_address", "must not be negative"},
		{"POST", "/links", `{` + to + `,"max_new_ports_per_address":-1}`, 400, "max_new_ports_per_address", "must not be negative"},
		{"POST", "/links", `{` + to + `,"up":{"queue":5}}`, 400, "up.queue", "has no effect without rate"},
		{"POST", "/links", `{` + to + `,"seed":-1}`, 400, "seed", "seed must not be"},
		{"POST", "/links", `{` + to + `,"like":"heaven"}`, 400, "like", "must be one of transatlantic"},
		{"POST", "/links", `{` + to + `,"idle":"-1s"}`, 400, "idle", "idle is"},
		{"POST", "/links", `{` + to + `,"up":{"delay":"soon"}}`, 400, "up.delay", "up.delay is soon"},
		{"POST", "/links", `{` + to + `,"schedule":7}`, 400, "schedule", "must be a JSON array"},
		{"PUT", "/links/one/schedule", ` {"at":"1s"}`, 400, "schedule", "must be a JSON array"},
		{"PUT", "/links/one/schedule", `[7]`, 400, "schedule[0]", "must be a JSON object, not number"},
		{"POST", "/links", `{` + to + `,"schedule":[{"at":"x"}]}`, 400, "schedule[0].at", "schedule[0].at is"},
		{"POST", "/links", `{` + to + `,"schedule":[{"at":"1s","up":{"loss":3}}]}`, 400, "schedule[0].up.loss",
			"schedule[0].up.loss is 3"},
		{"POST", "/links", `{` + to + `,"schedule":[{"at":"2s"},{"at":"1s"}]}`, 400, "schedule[1].at",
			"must not be before"},
		{"POST", "/links", strings.Repeat(" ", maxBody+1), 413, "body", "longer than 524288 bytes"},
		{"PUT", "/links", `{}`, 405, "method", "method PUT is not allowed here: use GET, POST"},
		{"GET", "/", "", 404, "path", "start at /links"},
		{"GET", "/links/one/up/loss/x", "", 404, "path", "start at /links"},
	} {
		t.Run(fmt.Sprintf("%s %s %.40s", tt.method, tt.path, tt.body), func(t *testing.T) {
			before := a.all()
			status, text := a.do(tt.method, tt.path, tt.body)
			var e errorJSON
			if err := json.Unmarshal([]byte(text), &e); err != nil {
				t.Fatalf("%d %q is not JSON: %v", status, text, err)
			}
			if status != tt.status || e.Field != tt.field || !strings.Contains(e.Message, tt.says) {
				t.Errorf("%d %q %q, want %d %q %q", status, e.Field, e.Message, tt.status, tt.field, tt.says)
			}
			if after := a.all(); after != before {
				t.Errorf("before %s, after %s", before, after)
			}
		})
	}
}

// TestBrowsersAreKeptOut checks that web pages change nothing: neither those of another origin nor
// those whose host name resolves to this machine.
func TestBrowsersAreKeptOut(t *testing.T) {
	a := newAPI(t)
	for _, tt := range []struct {
		header []string
		status int
	}{
		{nil, 400}, // the body is empty
		{[]string{"Host", "localhost:4474"}, 400},
		{[]string{"Host", "[::1]:4474"}, 400},
		{[]string{"Origin", "https://example.com"}, 403},
		{[]string{"Sec-Fetch-Site", "cross-site"}, 403},
		{[]string{"Host", "example.com"}, 403},
		{[]string{"Host", "example.com:4474"}, 403},
	} {
		if status, text := a.do("POST", "/links", "", tt.header...); status != tt.status {
			t.Errorf("%v: %d %s, want %d", tt.header, status, text, tt.status)
		}
	}
}

// TestCloseReturnsFinalCounters checks that Close returns the counters after it has closed the links: then
// no mapping is open.
func TestCloseReturnsFinalCounters(t *testing.T) {
	srv := ohcetest.NewServer(nil)
	defer srv.Close()
	var m Manager
	for _, name := range []string{"b", "a"} {
		s, err := m.Create(t.Context(), Spec{Name: name, To: srv.Addr})
		if err != nil {
			t.Fatal(err)
		}
		c, err := net.Dial("udp", s.Listen)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(patience))
		if _, err := c.Write([]byte("request")); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
	}
	closed := m.Close()
	if len(closed) != 2 || closed[0].Name != "a" || closed[1].Name != "b" {
		t.Fatalf("Close returned %+v", closed)
	}
	for _, s := range closed {
		if s.Stats.Opened != 1 || s.Stats.Mappings != 0 || s.Stats.Down.Sent != 1 {
			t.Errorf("the final counters of %s are %+v", s.Name, s.Stats)
		}
	}
	if again := m.Close(); again != nil {
		t.Errorf("the second Close returned %+v", again)
	}
}

// TestTraffic changes a link while requests pass.
func TestTraffic(t *testing.T) {
	srv := ohcetest.NewServer(nil)
	defer srv.Close()
	a := newAPI(t)
	ctx := t.Context()
	seed := uint64(5)
	s, err := a.client.Create(ctx, Spec{Name: "x", To: srv.Addr, Seed: &seed, Idle: time.Minute,
		Down: link.Impairment{MTU: 1500}})
	if err != nil || s.Seed != 5 || s.Down.MTU != 1500 {
		t.Fatalf("%+v, %v", s, err)
	}
	c, err := net.Dial("udp", s.Listen)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	ask := func(text string) {
		t.Helper()
		buf := make([]byte, 100)
		if _, err := c.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if n, err := c.Read(buf); err != nil || string(buf[:n]) != text {
			t.Fatalf("the response to %q is %q, %v", text, buf[:n], err)
		}
	}
	ask("one")
	// The MTU of 31 bytes lets 3 bytes pass: the response to "two" tells that the relay has seen
	// the request before it.
	if _, err := a.client.Change(ctx, "x", map[string]any{"mtu": 31}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte("lost")); err != nil {
		t.Fatal(err)
	}
	ask("two")
	if s, err = a.client.Get(ctx, "x"); err != nil || s.Stats.Up.TooLong != 1 || s.Stats.Up.Received != 3 {
		t.Fatalf("%+v, %v", s, err)
	}
	s, err = a.client.Change(ctx, "x", map[string]any{"mtu": nil}, map[string]any{"loss": "0"})
	if err != nil || s.Up.MTU != 0 {
		t.Fatalf("%+v, %v", s, err)
	}
	ask("three")
	if err := a.client.Clear(ctx, "x"); err != nil {
		t.Fatal(err)
	}
	all, err := a.client.List(ctx)
	if err != nil || len(all) != 1 || all[0].Stats.Up.Delivered != 3 || all[0].Down != (link.Impairment{}) {
		t.Errorf("%+v, %v", all, err)
	}
	if err := a.client.Remove(ctx, "x"); err != nil {
		t.Fatal(err)
	}
	var e *Error
	if err := a.client.Remove(ctx, "x"); !errors.As(err, &e) || e.Status != 404 || e.Field != "name" {
		t.Errorf("removing it again: %v", err)
	}
	a.m.Close()
	if _, err := a.m.Create(ctx, Spec{To: srv.Addr}); err == nil {
		t.Error("a closed manager creates a link")
	}
}
