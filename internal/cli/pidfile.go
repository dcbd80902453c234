package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A pidFile is a file with the process ID of a server. A nil *pidFile has no effect.
type pidFile struct {
	path string
	temp string // the file that publish renames
	text string
}

// newPIDFile writes the process ID to a temporary file beside path. If path is empty, it returns
// nil.
func newPIDFile(path string) (*pidFile, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return nil, err
	}
	p := &pidFile{path, f.Name(), fmt.Sprintf("%d\n", os.Getpid())}
	_, err = f.WriteString(p.text)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		p.discard()
		return nil, err
	}
	return p, nil
}

// publish gives the file its name. It replaces the file of a predecessor.
func (p *pidFile) publish() error {
	if p == nil {
		return nil
	}
	err := os.Rename(p.temp, p.path)
	if err != nil {
		p.discard()
	}
	return err
}

// discard removes a file that has not been published.
func (p *pidFile) discard() {
	if p != nil {
		os.Remove(p.temp)
	}
}

// remove removes the file, unless another server has replaced it.
func (p *pidFile) remove() {
	if p == nil {
		return
	}
	if text, err := os.ReadFile(p.path); err == nil && strings.TrimSpace(string(text)) ==
		strings.TrimSpace(p.text) {
		os.Remove(p.path)
	}
}

// pathCause returns err without the operation and the path.
func pathCause(err error) error {
	var pathErr *fs.PathError
	var linkErr *os.LinkError
	switch {
	case errors.As(err, &pathErr):
		return pathErr.Err
	case errors.As(err, &linkErr):
		return linkErr.Err
	default:
		return err
	}
}
