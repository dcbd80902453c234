package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// fortioConnections is the number of connections of fortio. Each has at most one request in flight.
const fortioConnections = 16

// parseOhce parses the output of ohce load --json. A request that the system refused was not sent.
// The rate at which requests were sent tells how many were sent before the end.
func parseOhce(out string, _ int, _ float64) (trial, error) {
	var r struct {
		Asked, Sent, Answered, Wrong int
		AskedRate                    float64 `json:"asked_rate"`
		SentRate                     float64 `json:"sent_rate"`
		Own                          struct{ Missed, Refused int }
		Lag                          lag `json:"lag_ms"`
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		return trial{}, err
	}
	byEnd := math.Round(float64(r.Asked) * r.SentRate / max(r.AskedRate, 1))
	return trial{
		asked: r.Asked, sent: r.Sent, onTime: max(0, r.Asked-r.Own.Missed-r.Own.Refused),
		byEnd:    min(int(byEnd), r.Sent),
		answered: r.Answered, lag: r.Lag,
	}, checkWrong(r.Wrong, r.Sent)
}

// checkWrong returns an error if responses are wrong. It tolerates a few: a response to an earlier
// trial from the same port.
func checkWrong(wrong, sent int) error {
	if share(wrong, sent) > tolerance && wrong > 0 {
		return fmt.Errorf("%d responses to %d requests are wrong", wrong, sent)
	}
	return nil
}

// parsePace parses the output of c/pace.c.
func parsePace(out string, _ int, _ float64) (t trial, err error) {
	var wrong int
	if _, err := fmt.Sscanf(out, "asked %d sent %d on_time %d by_end %d answered %d wrong %d", &t.asked,
		&t.sent, &t.onTime, &t.byEnd, &t.answered, &wrong); err != nil {
		return trial{}, err
	}
	return t, checkWrong(wrong, t.sent)
}

// parseClosed parses the output of c/load.c. A closed loop asks for no rate, so asked is the number
// of responses in a second.
func parseClosed(out string, _ int, _ float64) (trial, error) {
	s, err := parse(out, time.Nanosecond)
	n := int(s.rate)
	return untimed(n, n, n), err
}

var (
	sockperfTotal = regexp.MustCompile(`\[Total Run\].* SentMessages=(\d+); ReceivedMessages=(\d+)`)
	sockperfValid = regexp.MustCompile(`\[Valid Duration\].* SentMessages=(\d+); ReceivedMessages=(\d+)`)
)

// parseSockperf parses the output of sockperf under-load. It reports the requests sent of the whole
// run, and the responses for a part of it, without the beginning and the end. If no response
// arrived in that part, it reports only those of the whole run. If none arrived at all, it reports
// nothing.
func parseSockperf(out string, rate int, seconds float64) (trial, error) {
	if strings.Contains(out, "No messages were received from the server") {
		return trial{asked: requests(rate, seconds)}, nil
	}
	total, err := numbers(sockperfTotal, out)
	if err != nil {
		return trial{}, err
	}
	t := untimed(requests(rate, seconds), total[0], total[1])
	if strings.Contains(out, "No valid observations found") {
		return t, nil
	}
	valid, err := numbers(sockperfValid, out)
	if err != nil {
		return trial{}, err
	}
	t.answered = int(math.Round(float64(t.sent) * (1 - share(valid[0]-valid[1], valid[0]))))
	return t, nil
}

var (
	irttPackets = regexp.MustCompile(`packets sent/received: (\d+)/(\d+)`)
	irttMissed  = regexp.MustCompile(`timer stats: (\d+)/(\d+) .*missed`)
)

// parseIRTT parses the output of irtt client -q. If irtt is late, it misses the due times of
// requests and does not send them.
func parseIRTT(out string, _ int, _ float64) (trial, error) {
	packets, err := numbers(irttPackets, out)
	if err != nil {
		return trial{}, err
	}
	missed, err := numbers(irttMissed, out)
	if err != nil {
		return trial{}, err
	}
	return untimed(packets[0]+missed[0], packets[0], packets[1]), nil
}

var (
	dnsperfSent      = regexp.MustCompile(`Queries sent: +(\d+)`)
	dnsperfCompleted = regexp.MustCompile(`Queries completed: +(\d+)`)
)

// parseDNSPerf parses the output of dnsperf.
func parseDNSPerf(out string, rate int, seconds float64) (trial, error) {
	sent, err := numbers(dnsperfSent, out)
	if err != nil {
		return trial{}, err
	}
	completed, err := numbers(dnsperfCompleted, out)
	if err != nil {
		return trial{}, err
	}
	return untimed(requests(rate, seconds), sent[0], completed[0]), nil
}

var (
	fortioDone   = regexp.MustCompile(`All done (\d+) calls`)
	fortioErrors = regexp.MustCompile(`Error cases : count (\d+)`)
)

// parseFortio parses the output of fortio load. Each connection sends the same number of requests,
// so fortio does not send a remainder. It ends early if it is too slow.
func parseFortio(out string, rate int, seconds float64) (trial, error) {
	done, err := numbers(fortioDone, out)
	if err != nil {
		return trial{}, err
	}
	failed, err := numbers(fortioErrors, out)
	if err != nil {
		return trial{}, err
	}
	asked := requests(rate, seconds) / fortioConnections * fortioConnections
	return untimed(asked, done[0], done[0]-failed[0]), nil
}

// untimed returns a trial of a generator that does not report whether it is late, and sends nothing
// after the end.
func untimed(asked, sent, answered int) trial {
	return trial{asked: asked, sent: sent, onTime: sent, byEnd: sent, answered: answered}
}

// requests returns how many requests are due at a rate.
func requests(rate int, seconds float64) int {
	return int(math.Round(float64(rate) * seconds))
}

// numbers returns the numbers in the first match of a pattern.
func numbers(pattern *regexp.Regexp, out string) (all []int, err error) {
	match := pattern.FindStringSubmatch(out)
	if match == nil {
		return nil, errors.New("no match for " + pattern.String())
	}
	for _, m := range match[1:] {
		n, err := strconv.Atoi(m)
		if err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return all, nil
}
