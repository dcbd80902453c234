package linkapi

import (
	"net"
	"net/http"
	"strings"
	"testing"
)

// A web page whose host name resolves to this machine cannot create a link, whatever address the
// API listens on.
func TestReboundHost(t *testing.T) {
	for _, tt := range []struct{ name, listen, connect string }{
		{"IPv4 loopback", "127.0.0.1:0", "127.0.0.1"},
		{"IPv6 loopback", "[::1]:0", "::1"},
		{"IPv4 wildcard, over loopback", "0.0.0.0:0", "127.0.0.1"},
		{"IPv6 wildcard, over loopback", "[::]:0", "::1"},
		{"wildcard, over another address", "0.0.0.0:0", otherAddr()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.connect == "" {
				t.Skip("this machine has loopback addresses only")
			}
			m := &Manager{}
			_, port, _ := net.SplitHostPort(startServer(t, &Server{Manager: m, Token: "secret"}, tt.listen))
			addr := net.JoinHostPort(tt.connect, port)
			if status := createWithHost(t, addr, "rebound.example:"+port); status != 403 || len(m.List()) != 0 {
				t.Errorf("another host: status %d and %d links, want 403 and none", status, len(m.List()))
			}
			if status := createWithHost(t, addr, addr); status != 201 || len(m.List()) != 1 {
				t.Errorf("its address: status %d and %d links, want 201 and one", status, len(m.List()))
			}
		})
	}
}

// otherAddr returns an IPv4 address of this machine that is not a loopback address, or "".
func otherAddr() string {
	all, _ := net.InterfaceAddrs()
	for _, a := range all {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.To4() != nil && ip.IP.IsGlobalUnicast() {
			return ip.IP.String()
		}
	}
	return ""
}

// createWithHost requests a link with a Host header, and returns the status.
func createWithHost(t *testing.T, addr, host string) int {
	t.Helper()
	body := strings.NewReader(`{"to":"127.0.0.1:3000","listen":"127.0.0.1:0"}`)
	req, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+addr+"/links", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = host
	req.Header.Set("Authorization", "Bearer secret")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}
