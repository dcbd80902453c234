package main

import (
	"os"
	"path/filepath"
	"testing"
)

// The samples are the output of the tools on a busy machine, for runs at the given rate.
func TestToolOutput(t *testing.T) {
	for _, tt := range []struct {
		file    string
		parse   func(string, int, float64) (trial, error)
		rate    int
		seconds float64
		want    trial
	}{
		{"ohce.json", parseOhce, 20_000, 0.2,
			trial{asked: 4000, sent: 4000, onTime: 3625, byEnd: 4000, answered: 4000,
				lag: lag{0.001, 14.352}}},
		{"ohce-segments.json", parseOhce, 1_000_000, 0.2,
			trial{asked: 200_000, sent: 159_550, onTime: 154_069, byEnd: 159_550, answered: 57_635,
				lag: lag{0.002, 8.995}}},
		{"pace.txt", parsePace, 100_000, 0.2,
			trial{asked: 20_000, sent: 20_000, onTime: 5495, byEnd: 19_917, answered: 13_224}},
		{"pace-overload.txt", parsePace, 2_000_000, 0.2,
			trial{asked: 400_000, sent: 132_504, onTime: 936, byEnd: 7234, answered: 38_272}},
		{"load.txt", parseClosed, 1, 0.2,
			untimed(2_856_149, 2_856_149, 2_856_149)},
		{"sockperf.txt", parseSockperf, 20_000, 1,
			untimed(20_000, 20_009, 20_009)},
		{"sockperf-overload.txt", parseSockperf, 900_000, 1,
			untimed(900_000, 287_343, 287_343)},
		{"sockperf-loss.txt", parseSockperf, 900_000, 1,
			untimed(900_000, 356_280, 42_886)},
		{"sockperf-none.txt", parseSockperf, 5000, 1, trial{asked: 5000}},
		{"sockperf-invalid.txt", parseSockperf, 80_000, 1,
			untimed(80_000, 80_036, 24_883)},
		{"irtt.txt", parseIRTT, 1000, 0.2, untimed(200, 158, 158)},
		{"irtt-slow.txt", parseIRTT, 100, 0.2, untimed(20, 20, 20)},
		{"irtt-overload.txt", parseIRTT, 100_000, 0.2,
			untimed(19_999, 14_071, 3367)},
		{"dnsperf.txt", parseDNSPerf, 20_000, 0.2,
			untimed(4000, 3181, 3181)},
		{"dnsperf-overload.txt", parseDNSPerf, 900_000, 0.2,
			untimed(180_000, 3048, 3048)},
		{"dnsperf-loss.txt", parseDNSPerf, 100, 0.3, untimed(30, 30, 0)},
		{"fortio.txt", parseFortio, 5000, 0.2, untimed(992, 992, 992)},
		{"fortio-overload.txt", parseFortio, 900_000, 0.2,
			untimed(180_000, 8185, 8185)},
		{"fortio-wrong.txt", parseFortio, 5000, 0.2,
			untimed(992, 992, 0)},
	} {
		t.Run(tt.file, func(t *testing.T) {
			out, err := os.ReadFile(filepath.Join("testdata", tt.file))
			if err != nil {
				t.Fatal(err)
			}
			got, err := tt.parse(string(out), tt.rate, tt.seconds)
			if err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
			// An output that was cut off is an error, not a result.
			if got, err := tt.parse(string(out[:len(out)/4]), tt.rate, tt.seconds); err == nil {
				t.Errorf("a quarter of the output: got %+v", got)
			}
		})
	}
}

func TestToolOutputWrong(t *testing.T) {
	for name, tt := range map[string]struct {
		parse func(string, int, float64) (trial, error)
		out   string
		fails bool
	}{
		"pace, one":  {parsePace, "asked 5000 sent 5000 on_time 5000 by_end 5000 answered 4999 wrong 1", false},
		"pace, many": {parsePace, "asked 5000 sent 5000 on_time 5000 by_end 5000 answered 4900 wrong 100", true},
		"ohce, one":  {parseOhce, `{"asked":5000,"sent":5000,"answered":4999,"wrong":1}`, false},
		"ohce, many": {parseOhce, `{"asked":5000,"sent":5000,"answered":4900,"wrong":100}`, true},
	} {
		if got, err := tt.parse(tt.out, 5000, 1); (err != nil) != tt.fails {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}
