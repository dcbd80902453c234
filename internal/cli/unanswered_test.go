package cli

import (
	"slices"
	"testing"
	"time"
)

// failed returns the failure of a line.
func failed(code, text string) *failure {
	return &failure{what: text, hint: "hint of " + text, json: code}
}

func TestUnansweredLines(t *testing.T) {
	now := time.Now()
	var got []string
	u := unansweredLines{report: func(text string) { got = append(got, text) }}
	check := func(want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("it reports %q, want %q", got, want)
		}
		got = nil
	}
	add := func(n int, f *failure, want ...string) {
		t.Helper()
		u.add(now, n, f)
		check(want...)
	}
	down := failed(errorDown, serverDown)
	add(1, down, "line 1: SERVER IS DOWN !")
	for n := 2; n <= maxReported; n++ {
		u.add(now, n, down)
	}
	got = nil
	add(6, failed(errorRefused, serverDown)) // the same text
	for n := 7; n <= 2000; n++ {
		add(n, down)
	}
	// Another text has lines of its own.
	for n := 2001; n <= 2000+maxReported; n++ {
		add(n, failed(errorNoResponse, "no response after 5 attempts in 1.5 s"),
			"line 200"+string(rune('0'+n-2000))+": no response after 5 attempts in 1.5 s")
	}
	add(2010, failed(errorNoResponse, "no response after 5 attempts in 1.4 s"))
	add(2011, failed(errorNoResponse, "no response after 4 attempts in 1.5 s"))
	u.flush()
	check("lines 6-2000 (1995 lines): SERVER IS DOWN !", "lines 2010-2011 (2 lines): no response")
	u.flush()
	check()
	err := u.err(3000)
	if err == nil || err.Error() != "lines without a response: 2007 of 3000" {
		t.Errorf("the error is %v", err)
	}
}

// While many lines are sent over a long time, a summary appears every 10 s.
func TestUnansweredLinesOverTime(t *testing.T) {
	now := time.Now()
	var got []string
	u := unansweredLines{report: func(text string) { got = append(got, text) }}
	for n := range maxReported {
		u.add(now, n+1, failed(errorDown, serverDown))
	}
	got = nil
	for n := 10; n < 60; n += 2 {
		now = now.Add(time.Second)
		u.add(now, n, failed(errorDown, serverDown))
	}
	want := []string{
		"lines 10, 12, 14, 16, ..., 28 (10 lines): SERVER IS DOWN !",
		"lines 30, 32, 34, 36, ..., 48 (10 lines): SERVER IS DOWN !",
	}
	if !slices.Equal(got, want) {
		t.Errorf("it reports %q, want %q", got, want)
	}
}

func TestLineRanges(t *testing.T) {
	for _, tt := range []struct {
		want  string
		lines []int
	}{
		{"", nil},
		{"7", []int{7}},
		{"7-8, 10", []int{7, 8, 10}},
		{"1, 3, 5, 7, 9-11", []int{1, 3, 5, 7, 9, 10, 11}},
		{"1, 3, 5, 7, ..., 13-14", []int{1, 3, 5, 7, 9, 11, 13, 14}},
	} {
		var l lineRanges
		for _, n := range tt.lines {
			l.add(n)
		}
		if got := l.String(); got != tt.want || l.count != len(tt.lines) {
			t.Errorf("%v are %q, %d lines; want %q", tt.lines, got, l.count, tt.want)
		}
	}
}
