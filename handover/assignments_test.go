package handover

import (
	"strings"
	"testing"
	"time"
)

func TestJoinAssignments(t *testing.T) {
	got, err := joinAssignments([]string{"MAINPID=7", "READY=1", "STATUS=a=b"})
	if err != nil || got != "MAINPID=7\nREADY=1\nSTATUS=a=b" {
		t.Errorf("got %q, %v", got, err)
	}
	for _, bad := range []string{"", "READY", "=1", "A=b\nREADY=1", "A=\x00"} {
		if _, err := joinAssignments([]string{bad}); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

// FuzzNotify checks that an assignment cannot add another one to the message.
func FuzzNotify(f *testing.F) {
	f.Add("STATUS=serving")
	f.Add("STATUS=x\nMAINPID=1")
	f.Add("=")
	f.Fuzz(func(t *testing.T, a string) {
		m, err := joinAssignments([]string{a, "READY=1"})
		if err == nil && (m != a+"\nREADY=1" || strings.Count(m, "\n") != 1) {
			t.Errorf("%q makes the message %q", a, m)
		}
	})
}

// FuzzManagerAddr checks that NOTIFY_SOCKET is taken as it is or not at all.
func FuzzManagerAddr(f *testing.F) {
	for _, name := range []string{"", "/run/systemd/notify", "@abstract", "vsock:2:1234", "@", "/", "notify"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		addr, err := managerAddr(name)
		supported := len(name) > 1 && (name[0] == '/' || name[0] == '@')
		if (err != nil) != (name != "" && !supported) || (addr != nil) != supported {
			t.Errorf("%q is %v, %v", name, addr, err)
		}
		if supported && addr.Name != name {
			t.Errorf("%q is the address %q", name, addr.Name)
		}
	})
}

func TestCheckName(t *testing.T) {
	for _, good := range []string{"ohce", "a b", strings.Repeat("x", 255)} {
		if err := checkName(good); err != nil {
			t.Errorf("checkName(%q) = %v", good, err)
		}
	}
	for _, bad := range []string{"", "a:b", "a\nb", "ä", "\x7f", strings.Repeat("x", 256)} {
		if checkName(bad) == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func TestWatchdogInterval(t *testing.T) {
	for _, tt := range []struct {
		usec, pid string
		want      time.Duration
		fails     bool
	}{
		{"", "", 0, false},
		{"3000000", "", 1500 * time.Millisecond, false},
		{"7200000000", "7", time.Hour, false},
		{"3000000", "8", 0, false},
		{"0", "", 0, true}, {"1", "", 0, true}, {"-1", "", 0, true}, {"x", "", 0, true},
		{"9223372036854775807", "", 0, true},
		{"3000000", "x", 0, true},
	} {
		got, err := watchdogInterval(environment("WATCHDOG_USEC="+tt.usec, "WATCHDOG_PID="+tt.pid), 7)
		if got != tt.want || (err != nil) != tt.fails {
			t.Errorf("%+v: got %v, %v", tt, got, err)
		}
	}
}
