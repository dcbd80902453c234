package cli

import (
	"os"
	"path/filepath"
	"testing"
)

// TestPIDFileOfAnother checks that a server does not remove the file of another one.
func TestPIDFileOfAnother(t *testing.T) {
	name := filepath.Join(t.TempDir(), "pid")
	p, err := newPIDFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(name); err == nil {
		t.Error("the file exists before publish")
	}
	if err := p.publish(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte("1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	p.remove()
	if text, err := os.ReadFile(name); err != nil || string(text) != "1\n" {
		t.Errorf("the file of another server has %q, %v", text, err)
	}
	if err := os.WriteFile(name, []byte(p.text), 0o644); err != nil {
		t.Fatal(err)
	}
	p.remove()
	if _, err := os.Stat(name); err == nil {
		t.Error("the file is left")
	}
}

// TestPIDFileAfterKill checks that a server that is killed before it has published its PID file
// leaves nothing behind when the next one ends.
func TestPIDFileAfterKill(t *testing.T) {
	name := filepath.Join(t.TempDir(), "pid")
	for range 3 {
		if _, err := newPIDFile(name); err != nil {
			t.Fatal(err)
		}
	}
	p, err := newPIDFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.publish(); err != nil {
		t.Fatal(err)
	}
	p.remove()
	if left, err := filepath.Glob(name + "*"); err != nil || len(left) > 0 {
		t.Errorf("files are left: %q, %v", left, err)
	}
}
