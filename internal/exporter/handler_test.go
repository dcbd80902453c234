package exporter

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ohce/ohce/internal/web"
	"github.com/ohce/ohce/ohcetest"
)

// start starts an exporter with a configuration and returns the URL of its server. options may change
// its settings.
func start(t *testing.T, config string, options func(*Options)) (e *Exporter, url string) {
	t.Helper()
	opts := Options{Log: slog.New(slog.DiscardHandler), TimeoutOffset: 500 * time.Millisecond}
	if config != "" {
		opts.File = filepath.Join(t.TempDir(), "modules.yml")
		if err := os.WriteFile(opts.File, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if options != nil {
		options(&opts)
	}
	e, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	srv := httptest.NewServer(e.Handler())
	t.Cleanup(srv.Close)
	return e, srv.URL
}

// echoServer starts a server that echoes, and returns its address.
func echoServer(t *testing.T) string {
	t.Helper()
	srv := ohcetest.NewServer(nil)
	t.Cleanup(func() { srv.Close() })
	return srv.Addr
}

// silent returns the address of a socket that does not answer.
func silent(t *testing.T) string {
	t.Helper()
	pc, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	return pc.LocalAddr().String()
}

// fetch makes a request and returns the status and the body. header has the form NAME: VALUE.
func fetch(t *testing.T, method, url string, header ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		if r.Header.Set(name, value); name == "Host" {
			r.Host = value
		}
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	http.DefaultClient.CloseIdleConnections()
	return response.StatusCode, string(body)
}

func TestServeProbe(t *testing.T) {
	_, url := start(t, "", nil)
	server := echoServer(t)
	for _, tt := range []struct {
		query  string
		status int
		want   string // part of the body
	}{
		{"module=echo&target=" + server, 200, "\nprobe_success 1\n"},
		{"module=flip&target=" + silent(t), 200, "\nprobe_success 0\n"},
		{"module=echo&debug=true&target=" + server, 200, "Log:\n"},
		{"module=echo&debug=1&target=" + server, 200, "\nprobe_success 1\n"},
		{"module=nix&target=" + server, 400, `unknown module "nix"; the modules are agnhost, coap`},
		{"module=" + strings.Repeat("x", 5000) + "&target=" + server, 400, `unknown module "xxxx`},
		{"target=" + server, 400, "the parameter module is missing; the modules are agnhost"},
		{"module=echo", 400, "the parameter target is missing"},
		{"module=echo&target=127.0.0.1", 400, `target "127.0.0.1" has no port; write HOST:PORT`},
		{"module=echo&target=a%0ab", 400, `target "a\nb" has no port`},
		{"module=echo&target=:1", 400, "has no host"},
		{"module=echo&target=http://127.0.0.1:1", 400, `target "http://127.0.0.1:1" is a URL; write HOST:PORT without "http://"`},
		{"module=echo&target=127.0.0.1:1/", 400, `target "127.0.0.1:1/" has a path; write HOST:PORT without "/"`},
		{"module=echo&target=::1:1", 400, "write [ADDRESS]:PORT"},
		{"module=echo&target=%zz", 400, `malformed query: invalid URL escape "%zz"`},
		{"module=echo&target=" + strings.Repeat("x", 1000), 400, "the target has 1000 bytes"},
	} {
		// A short limit: the test waits for the target that does not answer.
		status, body := fetch(t, "GET", url+"/probe?"+tt.query, timeoutHeader+": 0.7")
		if status != tt.status || !strings.Contains(body, tt.want) {
			t.Errorf("%.60s: %d %.300q, want %d with %q", tt.query, status, body, tt.status, tt.want)
		}
		if status == 400 && (strings.Count(body, "\n") != 1 || len(body) > 500) {
			t.Errorf("%.60s: the error is not one line: %q", tt.query, body)
		}
	}
}

// A query of a mebibyte is refused before it is read completely.
func TestServeLongQuery(t *testing.T) {
	e, _ := start(t, "", nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &web.Server{Handler: e.Handler()}
	served := make(chan error)
	go func() { served <- srv.Serve(l) }() // ends with Close
	defer func() { srv.Close(); <-served }()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	go func() { // ends with the connection
		io.WriteString(conn, "GET /probe?module=flip&target="+strings.Repeat("x", 1<<20)+" HTTP/1.1\r\nHost: a\r\n\r\n")
	}()
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("response %v, error %v", response, err)
	}
}

// Requests for other paths, and with other methods, are refused.
func TestServeOthers(t *testing.T) {
	_, url := start(t, "", nil)
	for _, tt := range []struct {
		method, path string
		status       int
		want         string
	}{
		{"GET", "/-/healthy", 200, "healthy"},
		{"GET", "/config", 200, "The modules are agnhost, coap"},
		{"GET", "/", 200, "There are none yet."},
		{"GET", "/nix", 404, "not found"},
		{"GET", "/-/reload", 405, "Method Not Allowed"},
		{"POST", "/probe", 405, "Method Not Allowed"},
		{"GET", "/logs?id=x", 400, "id is not a number"},
		{"GET", "/logs?id=1", 404, "probe 1 is not among the recent ones"},
	} {
		if status, body := fetch(t, tt.method, url+tt.path); status != tt.status || !strings.Contains(body, tt.want) {
			t.Errorf("%s %s: %d %q, want %d with %q", tt.method, tt.path, status, body, tt.status, tt.want)
		}
	}
}

// Prometheus may use any host name. The pages and the reload need the address or a name that is
// allowed.
func TestServeHosts(t *testing.T) {
	_, url := start(t, "", func(o *Options) { o.Hosts = []string{"probes.example"} })
	for _, tt := range []struct {
		method, path, header string
		status               int
	}{
		{"GET", "/probe?module=echo&target=" + echoServer(t), "Host: any.example:9115", 200},
		{"GET", "/metrics", "Host: any.example", 200},
		{"GET", "/-/healthy", "Host: any.example", 200},
		{"GET", "/", "Host: any.example", 403},
		{"GET", "/config", "Host: any.example", 403},
		{"GET", "/logs?id=1", "Host: any.example", 403},
		{"POST", "/-/reload", "Host: any.example", 403},
		{"GET", "/", "Host: probes.example:9115", 200},
		{"POST", "/-/reload", "Host: probes.example", 200},
		{"POST", "/-/reload", "Sec-Fetch-Site: cross-site", 403},
		{"PUT", "/-/reload", "Origin: http://evil.example", 403},
	} {
		if status, body := fetch(t, tt.method, url+tt.path, tt.header); status != tt.status {
			t.Errorf("%s %s, %s: %d %q, want %d", tt.method, tt.path, tt.header, status, body, tt.status)
		}
	}
}

// The page lists the recent probes, and shows what a target has sent as text.
func TestServeIndex(t *testing.T) {
	e, url := start(t, "", nil)
	fetch(t, "GET", url+"/probe?module=echo&target="+echoServer(t))
	e.history.add(&Result{Module: Default().Modules["dns"], Target: "<script>", requests: [classes]int{0, 1}})
	_, page := fetch(t, "GET", url+"/")
	for _, want := range []string{"<td>success</td>", "<strong>failure: lost</strong>", "&lt;script&gt;", `href="/logs?id=2"`,
		"target=%3Cscript%3E"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %s:\n%s", want, page)
		}
	}
	if _, log := fetch(t, "GET", url+"/logs?id=1"); !strings.Contains(log, "1 of 1 requests answered") {
		t.Errorf("the log is %s", log)
	}
}

func TestHistory(t *testing.T) {
	var h history
	for i := range 1000 {
		h.add(&Result{Success: i%100 != 0})
	}
	all := h.list()
	if len(all) != maxHistory+9 || all[0].number != 1000 || all[len(all)-1].number != 1 || h.find(101) == nil || h.find(102) != nil {
		t.Errorf("%d probes, from %d to %d", len(all), all[0].number, all[len(all)-1].number)
	}
}

// A reload changes the modules. A wrong file changes nothing.
func TestReload(t *testing.T) {
	e, url := start(t, "modules: {a: {prober: udp, udp: {probe: echo}}}", nil)
	server := echoServer(t)
	check := func(module string, status int, success string) {
		t.Helper()
		if got, body := fetch(t, "GET", url+"/probe?module="+module+"&target="+server); got != status {
			t.Errorf("module %s: %d %s, want %d", module, got, body, status)
		}
		_, metrics := fetch(t, "GET", url+"/metrics")
		if !strings.Contains(metrics, "\nohce_exporter_config_last_reload_successful "+success+"\n") {
			t.Errorf("last_reload_successful is not %s", success)
		}
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(e.opts.File, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	check("a", 200, "1")
	write("modules:\n  b:\n    prober: tcp\n")
	status, body := fetch(t, "POST", url+"/-/reload")
	if want := e.opts.File + `:3:13: prober is "tcp", but only udp is supported`; status != 500 || !strings.Contains(body, want) {
		t.Errorf("reload: %d %s, want 500 with %s", status, body, want)
	}
	check("a", 200, "0")
	write("modules: {b: {prober: udp, udp: {probe: echo}}}")
	if status, body := fetch(t, "POST", url+"/-/reload"); status != 200 {
		t.Errorf("reload: %d %s", status, body)
	}
	check("a", 400, "1")
	check("b", 200, "1")
	if _, text := fetch(t, "GET", url+"/config"); text != string(e.Config().Text) {
		t.Errorf("the configuration is %s", text)
	}
}

// If too many probes are in progress, a request waits for its time limit.
func TestMaxProbes(t *testing.T) {
	e, url := start(t, "", func(o *Options) { o.MaxProbes = 1 })
	e.slots <- struct{}{}
	status, body := fetch(t, "GET", url+"/probe?module=echo&target="+silent(t), timeoutHeader+": 0.6")
	if status != 503 || !strings.Contains(body, "1 probes are in progress") {
		t.Errorf("%d %s, want 503", status, body)
	}
	select {
	case <-e.slots:
	default:
		t.Fatal("the refused request has released the slot of another probe")
	}
	if status, _ := fetch(t, "GET", url+"/probe?module=echo&target="+echoServer(t)); status != 200 || len(e.slots) != 0 {
		t.Errorf("%d, and %d probes are in progress", status, len(e.slots))
	}
}

func TestProbeTimeout(t *testing.T) {
	for _, tt := range []struct {
		header         string
		module, offset time.Duration
		want           time.Duration // negative: an error
	}{
		{"", 5 * time.Second, time.Second, 5 * time.Second},
		{"10", 5 * time.Second, time.Second, 5 * time.Second},
		{"3", 5 * time.Second, time.Second, 2 * time.Second},
		{"2.5", 5 * time.Second, 500 * ms, 2 * time.Second},
		{"0", 5 * time.Second, 0, 5 * time.Second},
		{"0.3", 5 * time.Second, 500 * ms, 150 * ms},
		{"0.5", 5 * time.Second, 500 * ms, 250 * ms},
		{"0.5", 100 * ms, 500 * ms, 100 * ms},
		{"1e300", 5 * time.Second, 500 * ms, 5 * time.Second},
		{"Inf", 5 * time.Second, 500 * ms, 5 * time.Second},
		{"NaN", 5 * time.Second, 500 * ms, -1},
		{"-1", 5 * time.Second, 500 * ms, -1},
		{"5s", 5 * time.Second, 500 * ms, -1},
	} {
		got, err := probeTimeout(tt.header, tt.module, tt.offset)
		if (err != nil) != (tt.want < 0) || err == nil && got != tt.want {
			t.Errorf("%q: %v, %v, want %v", tt.header, got, err, tt.want)
		}
	}
}
