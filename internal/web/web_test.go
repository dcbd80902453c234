package web

import (
	"net"
	"testing"
)

func TestIsRemote(t *testing.T) {
	for addr, required := range map[string]bool{
		"127.0.0.1:4474": false, "127.9.9.9:1": false, "[::1]:4474": false,
		"0.0.0.0:4474": true, "[::]:4474": true, "192.0.2.7:4474": true, "[fe80::1%eth0]:4474": true,
	} {
		tcp, err := net.ResolveTCPAddr("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if got := IsRemote(tcp); got != required {
			t.Errorf("%s: %v, want %v", addr, got, required)
		}
	}
}
