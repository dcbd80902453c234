package lab

import (
	_ "embed"
	"strings"
)

// The programs of the tutorial. A test compares them with examples/tutorial.
var (
	//go:embed listing/client.go.txt
	clientProgram string
	//go:embed listing/server.go.txt
	serverProgram string
)

// A codeLine is a line of a program.
type codeLine struct {
	Text   string
	Indent int // number of tabs before Text
	// Part names what the line does, as in StepResult.Code. Lines that do one thing together have
	// the same one. It is empty for other lines.
	Part string
	// Label is the name of the part for people. Only the first line of a part has one.
	Label string
}

// A part of a program is found by a piece of its lines.
type part struct{ name, label, piece string }

var clientParts = []part{
	{"client-socket", "3 socket", "net.ListenPacket("},
	{"client-close", "6 close", "client.Close()"},
	{"client-loop", "retransmission", "for attempt := range"},
	{"client-loop", "", "delay := "},
	{"client-send", "4 sendto", "client.WriteTo("},
	{"client-wait", "5 timeout", "SetReadDeadline("},
	{"client-receive", "5 recvfrom", "client.ReadFrom("},
	{"client-expired", "5 timed out", "os.ErrDeadlineExceeded"},
	{"client-answer", "the answer", "return string("},
	{"client-down", "give up", "SERVER IS DOWN"},
}

var serverParts = []part{
	{"server-socket", "3, 4 bind", "net.ListenPacket("},
	{"server-receive", "5 recvfrom", "server.ReadFrom("},
	{"server-receive", "", "Client's address"},
	{"server-flip", "6 the response", "[]rune("},
	{"server-flip", "", "slices.Reverse("},
	{"server-flip", "", "strings.Map("},
	{"server-send", "7 sendto", "server.WriteTo("},
}

// clientLines and serverLines return what the page shows of the programs.
func clientLines() []codeLine {
	opening := between(clientProgram, "\tclient, err := net.ListenPacket", "\tfor _, message")
	ask := between(clientProgram, "// ask sends", "func check(")
	return label(opening+"\n\n"+ask, clientParts)
}

func serverLines() []codeLine {
	return label(between(serverProgram, "\tserver, err := net.ListenPacket", "}\n\n// swapCase"), serverParts)
}

// between returns the lines of a program from one that begins with first up to one that begins with
// last, which is not included.
func between(program, first, last string) string {
	_, rest, found := strings.Cut(program, "\n"+first)
	text, _, ended := strings.Cut(rest, "\n"+last)
	if !found || !ended {
		panic("lab: the listing has no " + first) // a defect of this package; a test finds it
	}
	return first + strings.TrimRight(text, "\n")
}

func label(text string, parts []part) (lines []codeLine) {
	for line := range strings.SplitSeq(text, "\n") {
		text := strings.TrimLeft(line, "\t")
		l := codeLine{Text: text, Indent: len(line) - len(text)}
		for _, p := range parts {
			if strings.Contains(line, p.piece) && !strings.HasPrefix(line, "//") {
				l.Part, l.Label = p.name, p.label
			}
		}
		lines = append(lines, l)
	}
	return lines
}

// codeOf returns the parts of the programs that perform a step.
func codeOf(s Step) []string {
	switch {
	case s.Kind == Sent && s.Attempt == 1:
		return []string{"client-socket", "client-send", "client-wait"}
	case s.Kind == Sent:
		return []string{"client-loop", "client-send", "client-wait"}
	}
	return map[Kind][]string{
		RequestLost:  {"client-receive"},
		Served:       {"server-receive", "server-flip", "server-send"},
		Refused:      {"client-receive"},
		ResponseLost: {"client-receive"},
		TimedOut:     {"client-expired"},
		Accepted:     {"client-receive", "client-answer"},
		Late:         {"client-close"},
		Duplicate:    {"client-close"},
		Down:         {"client-down"},
	}[s.Kind]
}
