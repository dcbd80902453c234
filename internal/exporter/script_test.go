package exporter

import (
	"fmt"
	"strings"
	"testing"
)

// newScript returns a conversation for the value of query_response.
func newScript(t *testing.T, steps string) *scriptRun {
	t.Helper()
	c := parse(t, "modules: {m: {prober: udp, udp: {query_response: "+steps+"}}}")
	return c.Modules["m"].UDP.dialog().(*scriptRun)
}

// TestScript passes datagrams to scripts. A word of a conversation is a request (>), one without a
// response (>>), or a datagram that is right (<), a part of the response (~) or wrong (!).
func TestScript(t *testing.T) {
	for _, tt := range []struct{ name, steps, talk string }{
		{"any response", `[{send: a}]`, `>a|<b`},
		{"whole", `[{send: a}, {expect: ^PONG$}]`, `>a|!PING|<PONG`},
		{"line end", `[{send: a}, {expect: ^PONG$}]`, `>a|<PONG\n`},
		{"carriage return", `[{send: a}, {expect: "^v (.*)$", send: "w${1}"}]`, `>a|<v 1\r\n|>>w1`},
		{"second line", `[{send: a}, {expect: ^b$}]`, `>a|<a\nb\nc`},
		{"several lines", `[{send: a}, {expect: "b\nc"}]`, `>a|<a\nb\nc`},
		{"lines of one datagram", `[{send: a}, {expect: ^1}, {expect: ^2}]`, `>a|<1\n2`},
		{"a line only once", `[{send: a}, {expect: ^1}, {expect: ^1$}]`, `>a|~1\n2|<1`},
		{"order", `[{send: a}, {expect: ^1}, {expect: ^2}]`, `>a|~2\n1|!3|<2`},
		{"two datagrams", `[{send: a}, {expect: ^1}, {expect: ^2}]`, `>a|~1|!1|<2`},
		{"bytes", `[{send: a}, {expect_bytes: abc}]`, `>a|!ab|!xabc|<abcd`},
		{"hex", `[{send_hex: "00 ff"}, {expect_hex: ff00}]`, `>\x00\xff|!\xff|<\xff\x00\x01`},
		{"binary", `[{send: !!binary "AP8="}, {expect: .}]`, `>\x00\xff|<x`},
		{"empty request", `[{send_hex: ""}, {expect: .}]`, `>|<x`},
		{"no newline", `[{send: "a\n"}, {expect: .}]`, `>a\n|<x`},
		{"regex before bytes", `[{send: a}, {expect_bytes: b, expect: a}]`, `>a|!b|~a|!c|<b`},
		{"conversation", `[{send: a}, {expect: "b(.)", send: "c$1"}, {expect: d}]`, `>a|!x|<b7|>c7|<d`},
		{"groups", `[{send: a}, {expect: "b(?P<n>.)", send: "$n${n}$1${0}$$1$"}]`, `>a|<b7|>>777b7$1$`},
		{"bytes are no template", `[{send: a}, {expect: "b(.)", send_hex: "24 31"}]`, `>a|<b7|>>$1`},
		{"requests in a row", `[{send: a}, {send: b}, {expect: c, send: d}]`, `>>a|>b|<c|>>d`},
		{"no templates without a match", `[{send: "a$1"}, {expect_bytes: b, send: "c$1"}]`, `>a$1|<b|>>c$1`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newScript(t, tt.steps)
			for _, word := range strings.Split(tt.talk, "|") {
				checkWord(t, r, strings.NewReplacer(`\n`, "\n", `\r`, "\r", `\x00`, "\x00", `\x01`, "\x01",
					`\xff`, "\xff").Replace(word))
			}
			if next, ok := r.next(); ok {
				t.Errorf("a further request %q", next.data)
			}
		})
	}
}

// checkWord checks a word of TestScript.
func checkWord(t *testing.T, r *scriptRun, word string) {
	t.Helper()
	if word[0] != '>' {
		got, err := r.receive([]byte(word[1:]))
		want := map[byte]verdict{'<': right, '~': partly, '!': wrong}[word[0]]
		if got != want || (err != nil) != (want == wrong) {
			t.Errorf("datagram %q: verdict %d, error %v, want %d", word[1:], got, err, want)
		}
		return
	}
	next, ok := r.next()
	text := ">" + string(next.data)
	if !next.answered {
		text = ">" + text
	}
	if !ok || text != word {
		t.Errorf("request %q, %v, want %q", text, ok, word)
	}
}

func TestScriptLabels(t *testing.T) {
	r := newScript(t, `[{send: a}, {expect: "^(.*) (.*)", labels: [{name: first, value: "$1"}, {name: second, value: "<$2>"}]},
		{expect: "^c(.*)", labels: [{name: third, value: "$1"}]}]`)
	r.next()
	r.receive([]byte("a b\xff\nc" + strings.Repeat("x", 1000)))
	want := fmt.Sprint(map[string]string{"first": "a", "second": "<b\uFFFD>", "third": strings.Repeat("x", maxLabelValue)})
	if got := fmt.Sprint(r.labels); got != want {
		t.Errorf("the labels are %v, want %v", got, want)
	}
}

// A conversation knows which request is the last with a response.
func TestScriptLast(t *testing.T) {
	r := newScript(t, `[{send: a}, {expect: b, send: c}, {expect: d, send: e}]`)
	for i, want := range []bool{false, true, true} {
		if next, ok := r.next(); !ok || next.last != want {
			t.Errorf("request %d: last %v, want %v", i, next.last, want)
		}
		r.receive([]byte("b"))
	}
}
