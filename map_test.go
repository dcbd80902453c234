package ohce_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/ohce/ohce"

// theMap lists the packages from top to bottom: each may import only what stands below it.
// docs/design.md says what each one is. "." is the root package.
var theMap = []string{
	"examples/dns",
	"examples/stun",
	"examples/tutorial/client",
	"examples/tutorial/library",
	"examples/tutorial/server",
	"examples/internal/daemon",
	"cmd/ohce",
	"internal/cli",
	"internal/linkapi",
	"link/relay",
	"ohcetest",
	".",
	"guard",
	"internal/exchange",
	"internal/sequence",
	"flip",
	"link",
	"internal/udp",
	"internal/leakcheck",
	"internal/netns",
	"internal/testsize",
}

// forbidden are edges that stand in no package's way downwards and are wrong all the same. A package
// of this module is named by its folder, others by their import path; "..." stands for any ending.
var forbidden = []struct{ from, to, because string }{
	{"cmd/ohce", ".", "main only calls internal/cli, where everything can be tested"},
	{"cmd/ohce", "flip", "main only calls internal/cli, where everything can be tested"},
	{"examples/dns", "internal/...", "an example uses what every user of the library can use"},
	{"examples/stun", "internal/...", "an example uses what every user of the library can use"},
	{"examples/tutorial/client", ".", "the seed's client needs the standard library only"},
	{"examples/tutorial/client", "flip", "the seed's client needs the standard library only"},
	{"examples/tutorial/server", ".", "the seed's server needs the standard library only"},
	{"examples/tutorial/server", "flip", "the seed's server needs the standard library only"},
	{"examples/tutorial/library", "internal/...", "an example uses what every user of the library can use"},
	{"internal/cli", "internal/udp", "the command uses what every user of the library can use"},
	{"internal/cli", "ohcetest", "test support does not belong in the product"},
	{"internal/cli", "internal/netns", "test support does not belong in the product"},
	{"internal/sequence", ".", "it draws events and does not depend on what reports them"},
	{"internal/sequence", "link", "it draws events and does not depend on what reports them"},
	{"internal/sequence", "ohcetest", "test support does not belong in the product"},
	{"internal/sequence", "flip", "a diagram shows any bytes; their meaning does not matter"},
	{"internal/sequence", "internal/...", "a diagram needs neither the kernel nor the command"},
	{"internal/sequence", "net/...", "a diagram needs no socket; addresses are text"},
	{"internal/sequence", "os", "it writes to the given writer only"},
	{"ohcetest", "internal/udp", "the network in memory stands in for the kernel"},
	{"ohcetest", "flip", "a test of any text must be able to use it"},
	{".", "flip", "the library carries bytes; what they say is the handler's business"},
	{".", "flag", "configuration is fields of a struct"},
	{".", "os/signal", "who ends a server is its program's business"},
	{"guard", "net", "who gets an answer is decided on addresses, not on sockets"},
	{"guard", "flip", "an answer's text does not matter to who gets it"},
	{"guard", "internal/udp", "a decision needs no kernel"},
	{"internal/exchange", "net", "the state machine opens no socket"},
	{"internal/exchange", "context", "the state machine waits for nothing"},
	{"internal/exchange", "internal/udp", "the state machine makes no system call"},
	{"internal/exchange", "guard", "a client decides nothing about admission"},
	{"internal/exchange", "internal/sequence", "the state machine draws nothing"},
	{"internal/exchange", "flip", "the state machine carries bytes"},
	{".", "link", "servers and clients take the network as it is"},
	{"link", "net", "a model does no I/O, so that it is the same in a test and on the wire"},
	{"link", "flip", "a network does not know what it carries"},
	{"link", "internal/udp", "a model needs no kernel"},
	{"internal/linkapi", ".", "a network does not know servers and clients"},
	{"internal/linkapi", "internal/udp", "the API of links opens no sockets of its own"},
	{"internal/linkapi", "ohcetest", "test support does not belong in the product"},
	{"link/relay", ".", "a network does not know servers and clients"},
	{"link/relay", "flip", "a network does not know what it carries"},
	{"link/relay", "guard", "a network carries everything"},
	{"link/relay", "net/http", "a relay is changed by methods; an API stands above it"},
	{"link/relay", "ohcetest", "test support does not belong in the product"},
	{"flip", "internal/udp", "text is pure: it does no I/O"},
	{"flip", "net", "text is pure: it does no I/O"},
	{"flip", "os", "text is pure: it does no I/O"},
	{"flip", "time", "text is pure: it does not depend on when"},
	{"flip", "golang.org/x/text/...", "its result must not change with the release of a library"},
}

// kernelPackages may be imported by internal/udp alone, and by the files named here.
var kernelPackages = map[string][]string{
	"unsafe": nil,
	"syscall": { // SIGTERM and EMFILE have no other name
		"internal/cli/signals.go", "internal/cli/descriptors_unix.go",
	},
	"golang.org/x/sys": {"internal/netns/netns.go"}, // namespaces for tests
}

// lean are the packages whose importers are to get nothing but the standard library and golang.org/x.
var lean = []string{".", "guard", "internal/exchange", "link", "link/relay", "internal/udp"}

// A source is a Go file that is not a test, whatever platform it is for.
type source struct {
	file    string // slash-separated, below the module's root
	pkg     string // its folder
	imports []string
	comment bool // it has a package comment
}

func TestMap(t *testing.T) {
	for _, s := range sources(t) {
		if !slices.Contains(theMap, s.pkg) {
			t.Errorf("%s: package %s is not on the map", s.file, s.pkg)
			continue
		}
		for _, imp := range s.imports {
			checkEdge(t, s, imp)
		}
	}
}

func checkEdge(t *testing.T, s source, imp string) {
	t.Helper()
	to, ours := strings.CutPrefix(imp, module)
	if to = strings.TrimPrefix(to, "/"); to == "" {
		to = "."
	}
	from := slices.Index(theMap, s.pkg)
	if ours && slices.Index(theMap, to) <= from {
		t.Errorf("%s imports %s, which does not stand below it", s.file, imp)
	}
	if !ours {
		to = imp
	}
	for _, f := range forbidden {
		if f.from == s.pkg && matches(f.to, to) {
			t.Errorf("%s imports %s: %s", s.file, imp, f.because)
		}
	}
	for door, files := range kernelPackages {
		if matches(door+"/...", imp) && s.pkg != "internal/udp" && !slices.Contains(files, s.file) {
			t.Errorf("%s imports %s: only internal/udp makes system calls", s.file, imp)
		}
	}
	first, _, _ := strings.Cut(imp, "/")
	if strings.Contains(first, ".") && !ours && !strings.HasPrefix(imp, "golang.org/x/") &&
		slices.Contains(lean, s.pkg) {
		t.Errorf("%s imports %s: importers of the library are to need golang.org/x at most", s.file,
			imp)
	}
}

// matches reports whether a path is the pattern's, or below it where it ends in "/...".
func matches(pattern, imp string) bool {
	stem, any := strings.CutSuffix(pattern, "/...")
	return imp == stem || any && strings.HasPrefix(imp, stem+"/")
}

func TestEachPackageHasOneComment(t *testing.T) {
	comments := make(map[string][]string)
	for _, s := range sources(t) {
		if s.comment {
			comments[s.pkg] = append(comments[s.pkg], s.file)
		}
	}
	for _, pkg := range theMap {
		if files := comments[pkg]; len(files) != 1 {
			t.Errorf("package %s has its comment in %q, want one file", pkg, files)
		}
	}
}

// sources reads the imports of every Go file of the module but its tests and what no build takes.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		if d.IsDir() {
			if name != "." && (strings.HasPrefix(base, ".") || base == "testdata" || hasModule(name)) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(base, ".go") || strings.HasSuffix(base, "_test.go") {
			return nil
		}
		s, err := parse(name)
		if s.pkg != "" {
			all = append(all, s)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 50 {
		t.Fatalf("found %d files only", len(all))
	}
	return all
}

func hasModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

// parse reads one file; a generator, which no build takes, has an empty pkg.
func parse(name string) (source, error) {
	f, err := parser.ParseFile(token.NewFileSet(), name, nil,
		parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		return source{}, err
	}
	file := filepath.ToSlash(name)
	s := source{file: file, pkg: path.Dir(file), comment: f.Doc != nil}
	for _, c := range f.Comments {
		if strings.HasPrefix(c.List[0].Text, "//go:build ignore") {
			return source{}, nil
		}
	}
	for _, spec := range f.Imports {
		imp, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return source{}, err
		}
		s.imports = append(s.imports, imp)
	}
	return s, nil
}
