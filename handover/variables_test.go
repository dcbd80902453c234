package handover

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

func environment(pairs ...string) func(string) string {
	return func(name string) string {
		for _, p := range pairs {
			if v, ok := strings.CutPrefix(p, name+"="); ok {
				return v
			}
		}
		return ""
	}
}

func TestParseVariables(t *testing.T) {
	for _, tt := range []struct {
		name  string
		env   []string
		names []string
		ready bool
		fails string
	}{
		{"none", nil, nil, false, ""},
		{"predecessor", []string{"HANDOVER_PPID=6", "HANDOVER_FDS=2"}, []string{"", ""}, true, ""},
		{"predecessor without sockets", []string{"HANDOVER_PPID=6", "HANDOVER_FDS=0"}, nil, true, ""},
		{"predecessor before systemd", []string{"HANDOVER_PPID=6", "HANDOVER_FDS=1", "LISTEN_PID=7",
			"LISTEN_FDS=9"}, []string{""}, true, ""},
		{"another predecessor", []string{"HANDOVER_PPID=5", "HANDOVER_FDS=x"}, nil, false, ""},
		{"another predecessor before systemd", []string{"HANDOVER_PPID=5", "HANDOVER_FDS=1", "LISTEN_PID=7",
			"LISTEN_FDS=2"}, []string{"", ""}, false, ""},
		{"no predecessor", []string{"HANDOVER_FDS=1"}, nil, false, `HANDOVER_PPID is ""`},
		{"systemd", []string{"LISTEN_PID=7", "LISTEN_FDS=2", "LISTEN_FDNAMES=a:b"},
			[]string{"a", "b"}, false, ""},
		{"without names", []string{"LISTEN_PID=7", "LISTEN_FDS=2"}, []string{"", ""}, false, ""},
		{"empty name", []string{"LISTEN_PID=7", "LISTEN_FDS=2", "LISTEN_FDNAMES=:b"},
			[]string{"", "b"}, false, ""},
		{"another process", []string{"LISTEN_PID=8", "LISTEN_FDS=x"}, nil, false, ""},
		{"too few names", []string{"LISTEN_PID=7", "LISTEN_FDS=2", "LISTEN_FDNAMES=a"}, nil, false,
			"LISTEN_FDNAMES has 1 names for 2 descriptors"},
		{"negative", []string{"LISTEN_PID=7", "LISTEN_FDS=-1"}, nil, false, `LISTEN_FDS is "-1"`},
		{"too many", []string{"LISTEN_PID=7", "LISTEN_FDS=65537"}, nil, false, "from 0 to 65536"},
		{"leading zero", []string{"HANDOVER_PPID=6", "HANDOVER_FDS=01"}, nil, false, `HANDOVER_FDS is "01"`},
		{"sign", []string{"HANDOVER_PPID=6", "HANDOVER_FDS=+1"}, nil, false, `HANDOVER_FDS is "+1"`},
		{"no process", []string{"LISTEN_FDS=1"}, nil, false, `LISTEN_PID is ""`},
		{"process zero", []string{"LISTEN_PID=0", "LISTEN_FDS=1"}, nil, false, `LISTEN_PID is "0"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := parseVariables(environment(tt.env...), 7, 6)
			if tt.fails != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fails) || p.ready || p.names != nil {
					t.Errorf("got %v, error %v, want %q", p, err, tt.fails)
				}
				return
			}
			if err != nil || !slices.Equal(p.names, tt.names) || p.ready != tt.ready {
				t.Errorf("got %v, error %v, want names %q, ready %v", p, err, tt.names, tt.ready)
			}
		})
	}
}

// FuzzListenFDs checks that the result agrees with the variables, whatever they contain.
func FuzzListenFDs(f *testing.F) {
	f.Add("7", "2", "a:b", "", "")
	f.Add("7", "0", "", "", "")
	f.Add("8", "1", "a", "", "")
	f.Add("", "", "", "6", "3")
	f.Add("7", "1", "a", "5", "3")
	f.Add("7", "99999999999999999999", ":", "6", "-0")
	f.Fuzz(func(t *testing.T, pid, fds, names, ppid, handover string) {
		get := environment(listenPID+"="+pid, listenFDs+"="+fds, listenNames+"="+names,
			handoverPPID+"="+ppid, handoverFDs+"="+handover)
		p, err := parseVariables(get, 7, 6)
		if p.foreign > 0 && (p.ready || len(p.names) > 0 || ppid == "6" || err != nil) {
			t.Errorf("got %+v with error %v", p, err)
		}
		if err != nil {
			if len(p.names) > 0 || p.ready {
				t.Errorf("got %v with error %v", p, err)
			}
			return
		}
		want := ""
		switch {
		case ppid == "6":
			want = handover
		case pid == "7":
			want = fds
		default:
			want = "0"
		}
		if strconv.Itoa(len(p.names)) != want || p.ready != (ppid == "6") {
			t.Errorf("got %d sockets, ready %v for %q %q %q %q %q", len(p.names), p.ready, pid, fds,
				names, ppid, handover)
		}
		if !p.ready && names != "" && len(p.names) > 0 && strings.Join(p.names, ":") != names {
			t.Errorf("names %q, want %q", p.names, names)
		}
	})
}
