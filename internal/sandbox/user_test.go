package sandbox

import (
	"os/user"
	"runtime"
	"testing"
)

func TestLookupUser(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no user IDs")
	}
	daemon, err := user.Lookup("daemon")
	if err != nil {
		t.Skip(err)
	}
	uid, _ := parseID(daemon.Uid)
	gid, _ := parseID(daemon.Gid)
	for _, tt := range []struct {
		text string
		want User
	}{
		{"daemon", User{"daemon", uid, gid}},
		{daemon.Uid, User{daemon.Uid, uid, gid}},
		{"daemon:54321", User{"daemon", uid, 54321}},
		{"54321:54322", User{"54321", 54321, 54322}},
	} {
		if u, err := LookupUser(tt.text, false); err != nil || *u != tt.want {
			t.Errorf("LookupUser(%q) = %v, %v, want %v", tt.text, u, err, tt.want)
		}
	}
	for _, text := range []string{"", "root", "0", "0:0", "no such user", "54321",
		"daemon:no such group", "4294967295:4294967295", "-1:-1", "daemon:"} {
		if u, err := LookupUser(text, false); err == nil {
			t.Errorf("LookupUser(%q) = %v, want an error", text, u)
		}
	}
}
