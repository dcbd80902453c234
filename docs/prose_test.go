package docs_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ohce/ohce/internal/testsize"
)

// A phrase is a wording that the texts of the project avoid.
type phrase struct {
	pattern *regexp.Regexp
	instead string
}

// phrases are telltale wordings and names of things that have new names.
var phrases = []phrase{
	// The actor is missing, or a pronoun stands in for a noun.
	like(`\b(is|are|was|were|be) told\b`, "name what is reported, and who reports it"),
	like(`\btells? (nobody|nothing|us)\b`, "name what is reported"),
	like(`\b(is|are|was) (not )?(waited|asked|looked|cared) for\b`, "name who waits"),
	like(`\bwhoever\b`, "name the actor"),
	like(`\b(no|some|every)body\b`, "name the actor, for example \"no server\""),
	like(`\bwhat (comes?|came|arrives|goes|went|stands|is left|remains)\b`,
		"name it: the datagrams that arrive, the rest"),
	exactly(`(?m)(^|// |[.!?] )(What|Who|Whom|Of (a|an|the|those|what|which|these|two|several)) [^.?]*[.:](\s|$)`,
		"begin with the noun"),
	like(`\b(one|some|none|each|all|many|most) of those\b`, "repeat the noun"),
	// Everyday verbs for technical events.
	like(`\b(datagram|request|response|answer|packet|message)s? (comes?|came|coming)\b`, "arrive"),
	like(`\b(goes|going|went) on\b|\bgo on(\.|,|;| (and|as|to|until|with|without)\b)`, "continue"),
	like(`\b(hands?|handed|handing) (it |them )?on\b`, "pass, deliver, forward"),
	like(`\b(let|lets) go\b`, "drop, release"),
	like(`\bthrown? away\b`, "drop, discard"),
	like(`\bunder ?way\b`, "in flight, in progress"),
	like(`\b(mend|mends|mended)\b`, "fix, repair, reopen"),
	like(`\b(looks?|looking) after\b`, "manage"),
	like(`\bmakes? do\b`, "use"),
	like(`\bbelie?ved\b`, "trusted, accepted"),
	like(`\b(is|are) (silent|quiet) about\b`, "does not report"),
	// Translated idioms.
	like(`\bin vain\b`, "without a response"),
	like(`\bso long (after|as)\b`, "name the duration; as long as"),
	like(`\bas long again\b`, "twice as long"),
	like(`\bfor ever\b`, "forever, without end"),
	like(`\bturned around\b`, "reversed"),
	like(`\bknows nothing of\b`, "does not depend on"),
	like(`\bthe (one )?door (to|of)\b`, "the only package that"),
	like(`\bthat is none\b`, "does not exist, is invalid"),
	like(`\bto be had\b`, "available"),
	like(`\bnow and then\b`, "occasionally"),
	like(`\bby and by\b`, "gradually"),
	like(`\bof itself\b`, "automatically"),
	like(`\bas it were\b`, "leave it out"),
	like(`\b(is|are) spared\b`, "does not need"),
	like(`\bthe like of\b`, "such as"),
	like(`\bthe way of (a|the)\b`, "the path of"),
	like(`\bsays? (anything|nothing)\b`, "states, reports"),
	like(`\bstands? (between|beside|behind|around|in the way)\b`, "is between, precedes, follows"),
	// Metaphors as names, and names of the past.
	like(`\b(crew|lane|witness|diary|diaries)s?\b`, "a noun from the vocabulary"),
	like(`\bpipelines?\b`, "stream, exchange engine"),
	like(`\bOHCE_LISTEN serves\b`, "each command has variables of its own"),
	exactly(`\b(SeedRetry|OpError\.Cause|internal/batch|link/control|pipeline\.go)\b`,
		"LinearRetry, OpError.Err, internal/udp, internal/linkapi, internal/exchange"),
}

// like returns a phrase that is found in upper and lower case.
func like(pattern, instead string) phrase { return exactly(`(?i)`+pattern, instead) }

// exactly returns a phrase that is found across line breaks, in comments too.
func exactly(pattern, instead string) phrase {
	return phrase{regexp.MustCompile(strings.ReplaceAll(pattern, " ", `[\s/#*]+`)), instead}
}

// TestProse checks every text of the repository for telltale phrases and retired names.
func TestProse(t *testing.T) {
	testsize.RequireFull(t) // make check runs it, too
	const root = ".."
	seen := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "fuzz"):
			return fs.SkipDir
		case d.IsDir() || !hasProse(filepath.ToSlash(path)):
			return nil
		}
		seen++
		return checkProse(t, path)
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 300 {
		t.Errorf("%d files were checked, want all of the repository", seen)
	}
}

// hasProse reports whether people read the file. Generated tables and this list are exempt.
func hasProse(path string) bool {
	switch path {
	case "../docs/prose_test.go", "../flip/tables.go":
		return false
	}
	switch filepath.Ext(path) {
	case ".go", ".md", ".c", ".h", ".py", ".txt", ".1":
		return !strings.HasPrefix(path, "../flip/testdata/")
	}
	return strings.HasSuffix(path, "/Makefile") || strings.HasSuffix(path, "/.ci/run")
}

func checkProse(t *testing.T, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for _, p := range phrases {
		for _, at := range p.pattern.FindAllIndex(text, -1) {
			line := 1 + bytes.Count(text[:at[0]], []byte{'\n'})
			t.Errorf("%s:%d: %.60q: %s", path, line, bytes.TrimSpace(text[at[0]:at[1]]), p.instead)
		}
	}
	return nil
}

// TestProseFindsPhrases checks that the list finds what it is for, and leaves good sentences alone.
func TestProseFindsPhrases(t *testing.T) {
	for line, want := range map[string]bool{
		"// Trace is told what happens.":                                      true,
		"what comes when the server is up again":                              true,
		"the others go on, and end":                                           true,
		"Go on Windows has one path.":                                         false,
		"A crew are goroutines":                                               true,
		"What is lost is counted.":                                            true,
		"// Of a file of lines, each one is sent.":                            true,
		"the server goes\n\t// on":                                            true,
		"What happens if the server\nis down?":                                false,
		"// Trace, if non-nil, receives an event for each step.":              false,
		"The server drops datagrams that arrive while the queue is full.":     false,
		"A window limits the number of requests in flight.":                   false,
		"If the server answers, the stream continues; ohce is one Go module.": false,
	} {
		found := false
		for _, p := range phrases {
			found = found || p.pattern.MatchString(line)
		}
		if found != want {
			t.Errorf("%q: found %v, want %v", line, found, want)
		}
	}
}
