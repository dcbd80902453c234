package browsertest

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// AxeVariable is the environment variable with the path of axe.min.js of axe-core. Without it, the
// global packages of npm are searched for axe-core.
const AxeVariable = "OHCE_AXE"

// A violation is a rule of axe-core that a page violates.
type violation struct {
	ID, Impact, Help string
	Nodes            []struct {
		HTML           string
		Target         []any
		FailureSummary string
	}
}

// CheckAccessibility checks that axe-core finds no violation on the page as it is now. If axe-core
// is missing, it skips the test, or fails it if the environment variable CI is set.
func (p *Page) CheckAccessibility() {
	p.t.Helper()
	for _, v := range p.Violations() {
		p.t.Errorf("%s: %s", p.url, v)
	}
}

// Violations returns the violations that axe-core finds on the page as it is now, one for each
// element. Each begins with the name of the rule. See CheckAccessibility if axe-core is missing.
func (p *Page) Violations() (found []string) {
	p.t.Helper()
	_ = Eval[bool](p, axeSource(p.t)+"\ntrue")
	result := Eval[string](p,
		`axe.run(document, {resultTypes: ["violations"]}).then(r => JSON.stringify(r.violations))`)
	var violations []violation
	if err := json.Unmarshal([]byte(result), &violations); err != nil {
		p.t.Fatal(err)
	}
	for _, v := range violations {
		for _, n := range v.Nodes {
			found = append(found, fmt.Sprintf("%s (%s): %s\n\t%v %s\n\t%s", v.ID, v.Impact, v.Help, n.Target,
				n.HTML, strings.ReplaceAll(n.FailureSummary, "\n", "\n\t")))
		}
	}
	return found
}

// axeSource returns the source of axe-core.
func axeSource(t *testing.T) string {
	t.Helper()
	file := os.Getenv(AxeVariable)
	if file == "" {
		if root, err := exec.Command("npm", "root", "--global").Output(); err == nil {
			file = filepath.Join(strings.TrimSpace(string(root)), "axe-core", "axe.min.js")
		}
	}
	source, err := os.ReadFile(file)
	switch {
	case err == nil:
	case os.Getenv("CI") != "" || os.Getenv(AxeVariable) != "":
		t.Fatalf("axe-core is missing: %v; set %s to the path of axe.min.js", err, AxeVariable)
	default:
		t.Skipf("axe-core is missing; set %s to the path of axe.min.js", AxeVariable)
	}
	return string(source)
}
