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

// packages lists the packages from top to bottom. A package may import only packages below it. "."
// is the root package.
var packages = []string{
	"examples/dns",
	"examples/kv",
	"examples/stun",
	"examples/tutorial/client",
	"examples/tutorial/library",
	"examples/tutorial/server",
	"cmd/ohce",
	"internal/cli",
	"internal/lab",
	"internal/browsertest",
	"internal/daemon",
	"telemetry",
	"internal/exporter",
	"internal/dashboard",
	"internal/linkapi",
	"link/relay",
	"internal/loadreport",
	"measure",
	"ohcetest",
	".",
	"guard",
	"handover",
	"internal/sandbox",
	"internal/exchange",
	"internal/sequence",
	"flip",
	"link",
	"internal/udp",
	"internal/probe",
	"internal/responder",
	"internal/web",
	"internal/safetext",
	"internal/descriptors",
	"internal/leakcheck",
	"internal/netns",
	"internal/loopback",
	"internal/testsize",
}

// forbidden lists imports that the order of the packages allows and that are forbidden
// nevertheless. A package of this module is named by its directory, others by their import path.
// "..." matches any suffix.
var forbidden = []struct{ from, to, because string }{
	{"cmd/ohce", ".", "main only calls internal/cli, which can be tested"},
	{"cmd/ohce", "flip", "main only calls internal/cli, which can be tested"},
	{"examples/dns", "internal/...", "an example uses only what users of the library can use"},
	{"examples/kv", "internal/...", "an example uses only what users of the library can use"},
	{"examples/stun", "internal/...", "an example uses only what users of the library can use"},
	{"examples/tutorial/client", ".", "the seed's client needs the standard library only"},
	{"examples/tutorial/client", "flip", "the seed's client needs the standard library only"},
	{"examples/tutorial/server", ".", "the seed's server needs the standard library only"},
	{"examples/tutorial/server", "flip", "the seed's server needs the standard library only"},
	{"examples/tutorial/library", "internal/...", "an example uses only what users of the library can use"},
	{"internal/cli", "internal/udp", "the command uses only what users of the library can use"},
	{"internal/lab", "os", "it serves the files that are built into it"},
	{"internal/lab", "flag", "its settings are in the query of the page"},
	{"internal/lab", "internal/udp", "it makes exchanges as users of the library do"},
	{"internal/lab", "ohcetest", "test support does not belong in the product"},
	{"internal/lab", "internal/browsertest", "test support does not belong in the product"},
	{"internal/cli", "ohcetest", "test support does not belong in the product"},
	{"internal/cli", "internal/browsertest", "test support does not belong in the product"},
	{"internal/cli", "internal/daemon", "test support does not belong in the product"},
	{"internal/cli", "internal/netns", "test support does not belong in the product"},
	{"internal/sequence", ".", "it draws events and does not depend on their source"},
	{"internal/sequence", "link", "it draws events and does not depend on their source"},
	{"internal/sequence", "ohcetest", "test support does not belong in the product"},
	{"internal/sequence", "flip", "a diagram shows bytes and does not interpret them"},
	{"internal/sequence", "internal/...", "a diagram needs neither the kernel nor the command"},
	{"internal/sequence", "net/...", "a diagram needs no socket; addresses are text"},
	{"internal/sequence", "os", "it writes only to the writer that it is given"},
	{"internal/probe", "net", "it builds and reads bytes; the caller sends them"},
	{"internal/probe", "os", "it builds and reads bytes; the caller sends them"},
	{"internal/responder", "net", "it reads and builds bytes; the caller sends them"},
	{"internal/responder", "os", "it reads and builds bytes; the caller sends them"},
	{"internal/safetext", "io", "escaping is pure; the caller prints"},
	{"internal/safetext", "os", "escaping is pure; the caller prints"},
	{"internal/loadreport", "os", "it writes only to the writer that it is given"},
	{"internal/loadreport", "net/...", "a report needs no socket; addresses are text"},
	{"internal/loadreport", ".", "it shows figures and measures nothing"},
	{"measure", "os", "it prints nothing; the caller does"},
	{"measure", "flip", "it measures any service"},
	{"measure", "link", "it measures any network"},
	{"measure", "ohcetest", "test support does not belong in the product"},
	{"ohcetest", "internal/udp", "the in-memory network replaces the kernel"},
	{"ohcetest", "flip", "it must be usable in tests of any service"},
	{".", "flip", "the library carries bytes and does not interpret them"},
	{".", "flag", "configuration consists of struct fields"},
	{".", "os/signal", "the program decides when to end a server"},
	{"guard", "net", "a guard decides by addresses and needs no sockets"},
	{"guard", "flip", "a guard does not depend on the response"},
	{"guard", "internal/udp", "a guard makes no system call"},
	{"handover", "internal/...", "it passes sockets of any program"},
	{"handover", "os/signal", "the program decides when to start a successor"},
	{".", "handover", "a server does not depend on how its sockets are passed"},
	{"internal/sandbox", "net/...", "it restricts a process of any kind"},
	{"internal/sandbox", "internal/...", "it restricts a process of any kind"},
	{".", "internal/sandbox", "the program decides which rights it gives up"},
	{"internal/linkapi", "internal/sandbox", "the program decides which rights it gives up"},
	{"link/relay", "internal/sandbox", "the program decides which rights it gives up"},
	{"ohcetest", "internal/sandbox", "the program decides which rights it gives up"},
	{"internal/exchange", "net", "the state machine opens no socket"},
	{"internal/exchange", "context", "the state machine waits for nothing"},
	{"internal/exchange", "internal/udp", "the state machine makes no system call"},
	{"internal/exchange", "guard", "a client does not admit datagrams"},
	{"internal/exchange", "internal/sequence", "the state machine draws nothing"},
	{"internal/exchange", "flip", "the state machine carries bytes"},
	{".", "link", "servers and clients do not depend on a model of the network"},
	{"link", "net", "a model does no I/O, so that it behaves alike in tests and on sockets"},
	{"link", "flip", "a network does not depend on the content of datagrams"},
	{"link", "internal/udp", "a model makes no system call"},
	{"internal/linkapi", ".", "a network does not depend on servers and clients"},
	{"internal/linkapi", "internal/udp", "the API of links opens no sockets of its own"},
	{"internal/linkapi", "ohcetest", "test support does not belong in the product"},
	{"telemetry", "internal/...", "it uses only what users of the library can use"},
	{"telemetry", "flip", "it counts datagrams and does not interpret them"},
	{"internal/exporter", "internal/udp", "it sends through the client, so that there is one way to match responses"},
	{"internal/exporter", "ohcetest", "test support does not belong in the product"},
	{"internal/exporter", "link", "it probes the network that exists"},
	{"internal/exporter", "internal/sandbox", "the program decides which rights it gives up"},
	{"internal/dashboard", "internal/linkapi", "it shows links and cannot change them"},
	{"internal/dashboard", "internal/udp", "it shows what the library reports"},
	{"internal/dashboard", "flip", "it shows any service"},
	{"internal/dashboard", "ohcetest", "test support does not belong in the product"},
	{"internal/dashboard", "os", "it prints nothing and reads no file"},
	{"internal/descriptors", "os", "it must be initialized before packages that open files"},
	{"internal/descriptors", "internal/...", "it must be initialized before packages that open files"},
	{"internal/web", "internal/...", "it serves HTTP for any command"},
	{"link/relay", ".", "a network does not depend on servers and clients"},
	{"link/relay", "flip", "a network does not depend on the content of datagrams"},
	{"link/relay", "guard", "a network does not select datagrams"},
	{"link/relay", "net/http", "a relay is changed by methods; the HTTP API is above it"},
	{"link/relay", "ohcetest", "test support does not belong in the product"},
	{"flip", "internal/udp", "text is pure: it does no I/O"},
	{"flip", "net", "text is pure: it does no I/O"},
	{"flip", "os", "text is pure: it does no I/O"},
	{"flip", "time", "text is pure: it does not depend on the time"},
	{"flip", "golang.org/x/text/...", "the result must not change with the version of a library"},
}

// kernelPackages may be imported only by internal/udp and by the files listed.
var kernelPackages = map[string][]string{
	"unsafe": nil,
	"syscall": { // SIGTERM, SIGUSR2 and EMFILE have no other name
		"internal/cli/signals.go", "internal/cli/upgrade_linux.go", "internal/cli/descriptors_unix.go",
		"examples/kv/main.go",
		"handover/inherit_linux.go", "handover/notify_linux.go", "handover/program_linux.go", // descriptors in messages and on exec
		"internal/descriptors/descriptors_unix.go", // package os would start the poller
		"internal/sandbox/sandbox_linux.go",        // IDs of users
	},
	"golang.org/x/sys": {
		"internal/netns/netns.go",  // namespaces for tests
		"handover/notify_linux.go", // the clock of systemd
		"internal/sandbox/landlock_linux.go", "internal/sandbox/sandbox_linux.go",
		"internal/sandbox/seccomp_linux.go", // flags and probes
		"handover/inherit_linux.go",         // whether a pipe has a reader
	},
}

// onlyIn lists modules that only some packages may import, so that other users of the library do not
// contain them.
var onlyIn = map[string][]string{
	"github.com/prometheus/...": {"telemetry", "internal/exporter", "internal/cli"},
	"go.opentelemetry.io/...":   {"internal/cli"},
}

// minimalDeps lists the packages that may depend only on the standard library and golang.org/x.
var minimalDeps = []string{".", "guard", "handover", "internal/exchange", "link", "link/relay", "internal/udp"}

// A source is a Go file that is not a test, for any platform.
type source struct {
	file    string // slash-separated, relative to the root of the module
	pkg     string // its directory
	imports []string
	comment bool // it has a package comment
}

func TestImports(t *testing.T) {
	for _, s := range sources(t) {
		if !slices.Contains(packages, s.pkg) {
			t.Errorf("%s: package %s is missing from the list of packages", s.file, s.pkg)
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
	from := slices.Index(packages, s.pkg)
	if ours && slices.Index(packages, to) <= from {
		t.Errorf("%s imports %s, which is not below it", s.file, imp)
	}
	if !ours {
		to = imp
	}
	for _, f := range forbidden {
		if f.from == s.pkg && matches(f.to, to) {
			t.Errorf("%s imports %s: %s", s.file, imp, f.because)
		}
	}
	for pkg, files := range kernelPackages {
		if matches(pkg+"/...", imp) && s.pkg != "internal/udp" && !slices.Contains(files, s.file) {
			t.Errorf("%s imports %s: only internal/udp makes system calls", s.file, imp)
		}
	}
	for pattern, pkgs := range onlyIn {
		if matches(pattern, imp) && !slices.Contains(pkgs, s.pkg) {
			t.Errorf("%s imports %s: only %s may", s.file, imp, strings.Join(pkgs, ", "))
		}
	}
	first, _, _ := strings.Cut(imp, "/")
	if strings.Contains(first, ".") && !ours && !strings.HasPrefix(imp, "golang.org/x/") &&
		slices.Contains(minimalDeps, s.pkg) {
		t.Errorf("%s imports %s: the library may depend only on golang.org/x", s.file,
			imp)
	}
}

// matches reports whether a path equals the pattern, or is below it if the pattern ends in "/...".
func matches(pattern, imp string) bool {
	stem, any := strings.CutSuffix(pattern, "/...")
	return imp == stem || any && strings.HasPrefix(imp, stem+"/")
}

func TestPackageComments(t *testing.T) {
	comments := make(map[string][]string)
	for _, s := range sources(t) {
		if s.comment {
			comments[s.pkg] = append(comments[s.pkg], s.file)
		}
	}
	for _, pkg := range packages {
		if files := comments[pkg]; len(files) != 1 {
			t.Errorf("package %s has package comments in %q, want one file", pkg, files)
		}
	}
}

// sources parses every Go file of the module, except tests and files that no build uses.
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
		t.Fatalf("found %d files, want at least 50", len(all))
	}
	return all
}

func hasModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

// parse parses a file. The pkg field is empty if no build uses the file.
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
