package cli

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ohce/ohce/measure"
)

func TestParseLimits(t *testing.T) {
	const ms = time.Millisecond
	for value, want := range map[string]pingLimits{
		"":               {-1, -1},
		"100ms":          {100 * ms, -1},
		"20%":            {-1, 20},
		"100ms,20%":      {100 * ms, 20},
		"0.5%,1.5s":      {1500 * ms, 0.5},
		"0s,0%":          {0, 0},
		"500us,100%":     {500 * time.Microsecond, 100},
		"1h0m0.0001s,0%": {time.Hour + 100*time.Microsecond, 0},
	} {
		got, err := parseLimits("warn", value)
		if err != nil || got != want {
			t.Errorf("%q: %v, %v, want %v", value, got, err, want)
		}
	}
	for value, want := range map[string]string{
		"100":           `--warn "100": "100" is not a time with a unit`,
		"-1ms":          `--warn "-1ms": "-1ms" is not a time with a unit`,
		"%":             `--warn "%": "%" is not a percentage from 0% to 100%`,
		"101%":          `--warn "101%": "101%" is not a percentage from 0% to 100%`,
		"-1%":           `--warn "-1%": "-1%" is not a percentage from 0% to 100%`,
		"NaN%":          `--warn "NaN%": "NaN%" is not a percentage from 0% to 100%`,
		"1ms,":          `--warn "1ms,": "" is not a time with a unit`,
		"1ms, 20%":      `--warn "1ms, 20%": " 20%" is not a percentage from 0% to 100%`,
		"1ms,2ms":       `--warn "1ms,2ms": it has two times`,
		"1%,2%":         `--warn "1%,2%": it has two percentages`,
		"1ms,2%,3":      `--warn "1ms,2%,3": "3" is not a time with a unit`,
		"100ms;20%":     `--warn "100ms;20%": "100ms;20%" is not a percentage from 0% to 100%`,
		"@10:20":        `--warn "@10:20": "@10:20" is not a time with a unit`,
		"\x1b[2J":       "--warn \"\\x1b[2J\": \"\\x1b[2J\" is not a time with a unit",
		"999999999999h": `--warn "999999999999h": "999999999999h" is not a time with a unit`,
	} {
		if _, err := parseLimits("warn", value); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", value, err, want)
		}
	}
}

// perfdata matches performance data in the format of the Monitoring Plugins Development Guidelines.
var perfdata = regexp.MustCompile(`^([a-z0-9_]+=(U|[-0-9.]+(ms|%));[0-9.]*;[0-9.]*;[0-9.]*(;[0-9.]*)?( |$))+$`)

func TestPingCheck(t *testing.T) {
	const ms = time.Millisecond
	answered := func(n int, rtt time.Duration) (all []measure.Sample) {
		for range n {
			all = append(all, measure.Sample{RTT: rtt})
		}
		return all
	}
	of := func(class measure.Class) measure.Sample { return measure.Sample{Class: class} }
	for _, tt := range []struct {
		name, warn, crit string
		samples          []measure.Sample
		status           pluginStatus
		want             string
	}{
		{"ok", "100ms,20%", "500ms,60%", answered(5, 2*ms), pluginOK,
			"OHCE OK - h:1: median round trip 2.000 ms, loss 0.0 %, 5 of 5 answered|" +
				"rtt=2ms;100;500;0 rtt_p99=2ms;;;0 rtt_max=2ms;;;0 loss=0%;20;60;0;100"},
		{"slow", "100ms,20%", "500ms,60%", answered(5, 101*ms), pluginWarning,
			"OHCE WARNING - h:1: median round trip 101.000 ms (above 100 ms), loss 0.0 %, 5 of 5 answered|" +
				"rtt=101ms;100;500;0 rtt_p99=101ms;;;0 rtt_max=101ms;;;0 loss=0%;20;60;0;100"},
		{"at the limits", "2ms,20%", "2ms,20%", append(answered(4, 2*ms), of(measure.Lost)), pluginOK,
			"OHCE OK - h:1: median round trip 2.000 ms, loss 20.0 %, 4 of 5 answered (1 lost)|" +
				"rtt=2ms;2;2;0 rtt_p99=2ms;;;0 rtt_max=2ms;;;0 loss=20%;20;20;0;100"},
		{"loss of every kind", "50%", "70%", append(answered(1, ms), of(measure.Wrong), of(measure.Refused)),
			pluginWarning,
			"OHCE WARNING - h:1: median round trip 1.000 ms, loss 66.7 % (above 50 %), 1 of 3 answered " +
				"(1 wrong, 1 refused)|" +
				"rtt=1ms;;;0 rtt_p99=1ms;;;0 rtt_max=1ms;;;0 loss=66.667%;50;70;0;100"},
		{"critical", "1ms,1%", "2ms,10%", append(answered(1, 3*ms), of(measure.Lost)), pluginCritical,
			"OHCE CRITICAL - h:1: median round trip 3.000 ms (above 2 ms), loss 50.0 % (above 10 %), " +
				"1 of 2 answered (1 lost)|" +
				"rtt=3ms;1;2;0 rtt_p99=3ms;;;0 rtt_max=3ms;;;0 loss=50%;1;10;0;100"},
		{"no response", "1s", "", []measure.Sample{of(measure.Lost), of(measure.Unreachable)}, pluginCritical,
			"OHCE CRITICAL - h:1: no right response to 2 requests (1 lost, 1 unreachable)|" +
				"rtt=U;1000;;0 rtt_p99=U;;;0 rtt_max=U;;;0 loss=100%;;;0;100"},
		{"not sent", "1s", "", []measure.Sample{of(measure.Unsent)}, pluginUnknown,
			"OHCE UNKNOWN - h:1: this machine did not send the requests|" +
				"rtt=U;1000;;0 rtt_p99=U;;;0 rtt_max=U;;;0 loss=U;;;0;100"},
		{"interrupted", "", "1%", nil, pluginUnknown,
			"OHCE UNKNOWN - h:1: interrupted before the first result|" +
				"rtt=U;;;0 rtt_p99=U;;;0 rtt_max=U;;;0 loss=U;;1;0;100"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &pingFlags{limits: checkFlags{warn: tt.warn, crit: tt.crit}}
			check, err := newPingCheck(f)
			if err != nil || f.count != defaultCheckCount {
				t.Fatalf("%v, count %d", err, f.count)
			}
			var sum measure.Summary
			for _, s := range tt.samples {
				sum.Add(s)
			}
			got := check.line("h:1", &sum)
			if status := check.status(&sum); status != tt.status || got != tt.want {
				t.Errorf("status %v, want %v\ngot  %s\nwant %s", status, tt.status, got, tt.want)
			}
			if _, data, _ := strings.Cut(got, "|"); !perfdata.MatchString(data) {
				t.Errorf("the performance data %q are invalid", data)
			}
		})
	}
}

// TestPingCheckCombinations checks the flags that exclude --warn and --crit, and the default count.
func TestPingCheckCombinations(t *testing.T) {
	limits := checkFlags{warn: "1ms"}
	for what, f := range map[string]*pingFlags{
		"--json has no effect with --warn or --crit": {limits: limits, json: true},
		"--live has no effect with --warn or --crit": {limits: limits, live: true},
		"--wait has no effect with --warn or --crit": {limits: limits, wait: true},
		`--warn "1ms" is above --crit "1us"`:         {limits: checkFlags{warn: "1ms", crit: "1us"}},
		`--warn "2%" is above --crit "1s,1%"`:        {limits: checkFlags{warn: "2%", crit: "1s,1%"}},
	} {
		if _, err := newPingCheck(f); err == nil || err.Error() != what {
			t.Errorf("%v, want %s", err, what)
		}
	}
	for _, tt := range []struct {
		f    pingFlags
		want int
	}{
		{pingFlags{limits: limits}, defaultCheckCount},
		{pingFlags{limits: limits, count: 7}, 7},
		{pingFlags{limits: limits, deadline: time.Second}, 0},
		{pingFlags{json: true}, 0},
	} {
		if _, err := newPingCheck(&tt.f); err != nil || tt.f.count != tt.want {
			t.Errorf("count %d, want %d; %v", tt.f.count, tt.want, err)
		}
	}
}

func TestPluginLine(t *testing.T) {
	const want = `OHCE UNKNOWN - a/b\n\x1b[2J`
	if got := pluginLine(pluginUnknown, "a|b\n\x1b[2J"); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
