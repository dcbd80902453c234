package cli

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/ohce/ohce/flip"
	"github.com/ohce/ohce/measure"
)

// A loadPayload determines the requests of a load.
type loadPayload struct {
	pingPayload
	text string // describes it
	// transform is how the server changes a text. If nil and texts is true, it must be found out.
	texts     bool
	transform *flip.Transform
	sizes     []int // of the numbered texts; nil for others
}

// parse returns the payload that the flags ask for.
func (f *loadPayloadFlags) parse() (*loadPayload, error) {
	var kinds []string
	for _, k := range []struct{ name, value string }{
		{"sizes", f.sizes}, {"lines", f.lines}, {"probe", f.probe}, {"send", f.send},
	} {
		if k.value != "" {
			kinds = append(kinds, "--"+k.name)
		}
	}
	switch {
	case len(kinds) > 1:
		return nil, usage("give one of them", "%s cannot be used together", strings.Join(kinds, " and "))
	case f.transform != "" && (f.probe != "" || f.send != ""):
		return nil, usage("leave --transform out", "--transform has no effect with %s", kinds[0])
	case f.probe != "" && f.expect != "":
		return nil, usage("leave --expect out, or --probe", "--expect has no effect with --probe")
	case f.probe != "":
		p, err := probePayload(f.probe)
		if err != nil {
			return nil, err
		}
		return &loadPayload{pingPayload: *p, text: f.probe + " probes"}, nil
	case f.send != "" || f.expect != "":
		p, err := newPingPayload(f.send, f.expect)
		if err != nil {
			return nil, err
		}
		return &loadPayload{pingPayload: *p, text: "equal requests"}, nil
	default:
		return f.parseTexts()
	}
}

// parseTexts returns the payload of texts.
func (f *loadPayloadFlags) parseTexts() (*loadPayload, error) {
	p := &loadPayload{texts: true, text: fmt.Sprintf("texts of %s", plural(f.size, "byte"))}
	if f.transform != "" {
		t, err := parseTransform("transform", f.transform, false)
		if err != nil {
			return nil, err
		}
		p.transform = &t
	}
	switch {
	case f.lines != "":
		lines, err := readLines("lines", f.lines)
		if err != nil {
			return nil, err
		}
		p.text = "lines of " + f.lines
		p.request = func(dst []byte, n int) []byte { return append(dst, lines[(n-1)%len(lines)]...) }
	case f.sizes != "":
		sizes, err := readSizes(f.sizes)
		if err != nil {
			return nil, err
		}
		p.text, p.sizes = "texts with the sizes in "+f.sizes, sizes
		p.request = func(dst []byte, n int) []byte { return appendNumbered(dst, n, sizes[(n-1)%len(sizes)]) }
	default:
		if err := checkSize("--size", f.size); err != nil {
			return nil, err
		}
		size := f.size
		p.sizes = []int{size}
		p.request = func(dst []byte, n int) []byte { return appendNumbered(dst, n, size) }
	}
	return p, nil
}

func checkSize(label string, size int) error {
	if size < 0 || size > maxText {
		return usage(fmt.Sprintf("a datagram carries 0 to %d bytes", maxText),
			"%s: a datagram cannot have %d bytes", label, size)
	}
	return nil
}

// readLines returns the lines of a file of --sizes or --lines.
func readLines(flag, name string) (lines [][]byte, err error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, usage("give the name of a text file", "--%s: cannot read %s: %v", flag, name, rootCause(err))
	}
	scanner := bufio.NewScanner(bytes.NewReader(data))
	scanner.Buffer(nil, maxLine+len("\r\n"))
	for scanner.Scan() {
		if err := checkSize(fmt.Sprintf("--%s: line %d of %s", flag, len(lines)+1, name), len(scanner.Bytes())); err != nil {
			return nil, err
		}
		lines = append(lines, bytes.Clone(scanner.Bytes()))
	}
	if scanner.Err() != nil {
		return nil, usage(fmt.Sprintf("a datagram carries 0 to %d bytes", maxText),
			"--%s: line %d of %s is longer than a datagram", flag, len(lines)+1, name)
	}
	if len(lines) == 0 {
		return nil, usage("write a line for each request", "--%s: %s is empty", flag, name)
	}
	return lines, nil
}

// readSizes returns the sizes in a file.
func readSizes(name string) (sizes []int, err error) {
	lines, err := readLines("sizes", name)
	if err != nil {
		return nil, err
	}
	for i, line := range lines {
		size, err := strconv.Atoi(string(bytes.TrimSpace(line)))
		if err != nil {
			return nil, usage("write one number a line", "--sizes: line %d of %s is not a number", i+1, name)
		}
		if err := checkSize(fmt.Sprintf("--sizes: line %d of %s", i+1, name), size); err != nil {
			return nil, err
		}
		sizes = append(sizes, size)
	}
	return sizes, nil
}

// detectTransform finds out how a server changes a text.
func detectTransform(ctx context.Context, addr string,
	dial func(ctx context.Context, network, address string) (net.Conn, error), timeout time.Duration,
) (flip.Transform, error) {
	d := newDetector(false)
	p := &measure.Prober{
		Addr: addr, Dial: dial, Timeout: timeout,
		Request: func(dst []byte, n int) []byte { return fmt.Appendf(dst, "Load %d ohce", n) },
	}
	var last measure.Sample
	for s, err := range p.Run(ctx, measure.Limit(measure.Regular(min(timeout, detectInterval)), detectTries, 0)) {
		if err != nil {
			return flip.Transform{}, err
		}
		if last = s; s.Class != measure.Answered {
			continue
		}
		d.observe(s.Request, s.Response)
		if t, ok := d.expected(); ok {
			return t, nil
		}
	}
	return flip.Transform{}, detectFailure(last)
}

// detectTransform sends at most detectTries requests, detectInterval apart.
const (
	detectTries    = 3
	detectInterval = 100 * time.Millisecond
)

// detectFailure returns the failure to find out the transform, after the last request.
func detectFailure(s measure.Sample) error {
	f := &failure{code: exitFail}
	switch s.Class {
	case measure.Answered:
		f.what = fmt.Sprintf("the server answered %s with %s, which is no known transform of it",
			shorten(s.Request), shorten(s.Response))
		f.hint = "give the request and the response with --send and --expect, or choose a --probe"
	case measure.Lost:
		f.what = "the server does not answer"
		f.hint = "a wrong address, a firewall, or a service that does not answer such a text: try --send or --probe"
	case measure.Refused:
		f.what = "the port is unreachable"
		f.hint = "no server listens on this port; check the port, or start the server"
	default:
		f.what = "the server cannot be reached"
		if s.Err != nil {
			f.what += ": " + rootCause(s.Err).Error()
		}
		f.hint = "check the address and the routes of this machine"
	}
	return f
}
