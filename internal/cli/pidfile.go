package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// A pidFile is a file with the process ID of a server. A nil *pidFile has no effect.
type pidFile struct {
	path string
	temp string // the file that publish renames
	text string
}

// newPIDFile writes the process ID to a temporary file beside path, and replaces one that a killed
// server has left. If path is empty, it returns nil.
func newPIDFile(path string) (*pidFile, error) {
	if path == "" {
		return nil, nil
	}
	p := &pidFile{path, path + ".new", fmt.Sprintf("%d\n", os.Getpid())}
	p.discard()
	// O_EXCL follows no symbolic link.
	f, err := os.OpenFile(p.temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, err
	}
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
