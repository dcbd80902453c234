package main

import (
	"os/exec"
	"strings"
	"testing"
)

func TestTrialSuccess(t *testing.T) {
	for _, tt := range []struct {
		name string
		t    trial
		want bool
	}{
		{"all", trial{asked: 1000, sent: 1000, onTime: 1000, answered: 1000}, true},
		{"99 % on time, 99.9 % answered", trial{asked: 1000, sent: 1000, onTime: 990, answered: 999}, true},
		{"late", trial{asked: 1000, sent: 1000, onTime: 989, answered: 1000}, false},
		{"lost", trial{asked: 1000, sent: 1000, onTime: 1000, answered: 998}, false},
		{"more than asked", trial{asked: 1000, sent: 1001, onTime: 1001, answered: 1001}, true},
		{"nothing asked", trial{}, false},
		{"nothing sent", trial{asked: 1000}, false},
	} {
		if got := tt.t.success(); got != tt.want {
			t.Errorf("%s: success is %v", tt.name, got)
		}
	}
}

// shellTool returns a tool that runs a shell script.
func shellTool(t *testing.T, script string) *tool {
	t.Helper()
	if err := exec.Command("taskset", "-c", loadCore, "true").Run(); err != nil {
		t.Skipf("taskset cannot use core %s: %v", loadCore, err)
	}
	return &tool{name: "shell", start: 1000, parse: parsePace, args: []string{"sh", "-c", script}}
}

func TestCapacity(t *testing.T) {
	// The exit status of a tool can say that a trial failed.
	tool := shellTool(t, `n=1000; [ RATE -le 5000 ] || n=900
		echo asked 1000 sent 1000 on_time $n by_end 1000 answered 1000 wrong 0; [ $n = 1000 ]`)
	s := &session{seconds: 0.1, precision: 0.03}
	for _, start := range []int{0, 4000, 50_000} {
		c, err := s.capacity(tool, "1", start)
		if err != nil {
			t.Fatal(err)
		}
		if c.rate > 5000 || c.rate < 4850 {
			t.Errorf("from %d: got %v, want about 5,000", start, c.rate)
		}
		if c.within.late() != 0 || c.beyond.late() != 0.1 {
			t.Errorf("from %d: the late shares are %v and %v", start, c.within.late(), c.beyond.late())
		}
	}
}

func TestToolFails(t *testing.T) {
	tool := shellTool(t, "echo half an output; echo the reason >&2; exit 1")
	s := &session{seconds: 0.1, precision: 0.03}
	_, err := s.capacity(tool, "1", 0)
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{"shell", "exit status 1", "half an output", "the reason"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error %q lacks %q", err, part)
		}
	}
}

// A tool that fails once does not end the measurement.
func TestToolFailsOnce(t *testing.T) {
	tool := shellTool(t, `if mkdir DIR/failed; then exit 1; fi
		echo asked 1000 sent 1000 on_time 1000 by_end 1000 answered 1000 wrong 0`)
	got, err := tool.runTwice(t.TempDir(), "1", 1000, 0.1)
	if err != nil || got.answered != 1000 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestToolCommand(t *testing.T) {
	tool := &tool{args: []string{"DIR/x", "ADDR:PORT", "-i", "INTERVAL", "-r", "RATE", "-d", "SECONDSs"}}
	got := strings.Join(tool.command("/d", "7", 4000, 0.5), " ")
	if want := "/d/x 127.0.0.1:7 -i 250µs -r 4000 -d 0.5s"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTools(t *testing.T) {
	names := make(map[string]bool)
	for _, tool := range tools() {
		if names[tool.name] {
			t.Errorf("two tools are named %q", tool.name)
		}
		names[tool.name] = true
		if tool.missing == "" && (tool.parse == nil || len(tool.args) == 0) {
			t.Errorf("%s cannot run and gives no reason", tool.name)
		}
	}
	for _, tool := range tools() {
		if !names[tool.limit] {
			t.Errorf("%s is compared with %q, which does not exist", tool.name, tool.limit)
		}
	}
}

// A tool that is missing is part of the table, and its server is not started.
func TestMissingTool(t *testing.T) {
	absent := &tool{name: "absent", args: []string{"no-such-program-exists"},
		server: candidate{name: "server", args: []string{"no-such-server-exists"}}}
	if absent.missing = prepare("", absent); absent.missing != "not installed" {
		t.Errorf("the reason is %q", absent.missing)
	}
	if got := prepare("", &tool{args: []string{"sh"}}); got != "" {
		t.Errorf("sh is missing: %s", got)
	}
	servers, err := new(session).startServers([]*tool{absent})
	if err != nil || len(servers) > 0 {
		t.Errorf("started %v, %v", servers, err)
	}
}

// A variant counts late requests that were sent before the end.
func TestWithLate(t *testing.T) {
	tool := shellTool(t, "echo asked 1000 sent 1000 on_time 10 by_end 990 answered 1000 wrong 0")
	tool.timed, tool.limit = true, limitPace
	late := tool.withLate()
	got, err := late.run("", "1", 1000, 0.1)
	if err != nil || got.onTime != 990 || late.timed || late.name != "shell (late allowed)" {
		t.Errorf("%s: got %+v, %v", late.name, got, err)
	}
	if got, err := tool.run("", "1", 1000, 0.1); err != nil || got.onTime != 10 || !tool.timed {
		t.Errorf("%s: got %+v, %v", tool.name, got, err)
	}
}

func TestToolTables(t *testing.T) {
	at := func(rate float64, late int) capacity {
		return capacity{
			rate: rate, within: trial{asked: 1000, sent: 1000, onTime: 1000, answered: 999},
			beyond: trial{asked: 1000, sent: 1000, onTime: 1000 - late, answered: 1000},
		}
	}
	server := candidate{name: "server"}
	results := []toolResult{
		{tool: &tool{name: "C", limit: "C", server: server, timed: true}, rounds: []capacity{
			at(100_000, 20), at(200_000, 30), at(300_000, 40)}},
		{tool: &tool{name: "slow", limit: "C", server: server}, rounds: []capacity{
			at(50_000, 0), at(60_000, 0), at(75_000, 0)}},
		{tool: &tool{name: "never", limit: "C", server: server}, rounds: []capacity{{}, {}, {}}},
		{tool: &tool{name: "absent", limit: "C", server: server, missing: "not installed"}},
		{tool: &tool{name: "loop", limit: "loop", server: server, closed: true}, rounds: []capacity{
			{rate: 10}, {rate: 20}, {rate: 30}}},
	}
	const overview = `| generator | honest rate, requests/s | relative to C |
|---|---:|---:|
| C | 200,000 | 1.000 |
| slow | 60,000 | 0.300 |
| never | 0 | 0.000 |
| absent | not measured: not installed | – |
| loop | 20 | 1.000 |
`
	if got := overviewTable(results); got != overview {
		t.Errorf("got:\n%swant:\n%s", got, overview)
	}
	const all = `| C | server | 200,000 | 100,000–300,000 | 1.000 | 0.00 | 0.10 | 3.00 | 0.00 | not sent within 1 ms |
| slow | server | 60,000 | 50,000–75,000 | 0.300 | 0.00 | 0.10 | 0.00 | 0.00 | not sent before the end |
| never | server | 0 | 0–0 | 0.000 | – | – | 100.00 | 100.00 | not sent before the end |
| absent | server | – | – | – | – | – | – | – | not measured: not installed |
| loop | server | 20 | 10–30 | 1.000 | – | – | – | – | no due times |
`
	_, rest, _ := strings.Cut(toolTable(results), "---|\n")
	if rest != all {
		t.Errorf("got:\n%swant:\n%s", rest, all)
	}
}

// A ratio leaves out the rounds in which the limit has no rate.
func TestToolRatio(t *testing.T) {
	limit := toolResult{rounds: []capacity{{rate: 0}, {rate: 100}, {rate: 200}}}
	ours := toolResult{rounds: []capacity{{rate: 50}, {rate: 50}, {rate: 50}}}
	if got := ours.ratio(limit); got != 0.375 {
		t.Errorf("got %v, want 0.375", got)
	}
	if got := ours.ratio(toolResult{}); got != 0 {
		t.Errorf("without rounds of the limit: got %v, want 0", got)
	}
}

func TestPacingTable(t *testing.T) {
	const want = `| median | 0.003 | 0.002–0.009 |
| 99th percentile | 0.500 | 0.400–7.000 |
`
	_, rest, _ := strings.Cut(pacingTable([]lag{{0.009, 0.4}, {0.002, 0.5}, {0.003, 7}}), "---:|\n")
	if rest != want {
		t.Errorf("got:\n%swant:\n%s", rest, want)
	}
}
