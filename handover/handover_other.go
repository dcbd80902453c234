//go:build !linux

package handover

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// Inherit returns an Inheritance without sockets.
func Inherit() (*Inheritance, error) { return &Inheritance{}, nil }

// Start closes files and returns an error for which errors.Is reports errors.ErrUnsupported.
func (p Program) Start(_ context.Context, files ...*os.File) (pid int, err error) {
	for _, f := range files {
		f.Close()
	}
	return 0, fmt.Errorf("handover: passing sockets to %s needs Linux: %w", p.Path,
		errors.ErrUnsupported)
}

// Notify does nothing.
func Notify(...string) error { return nil }

// Store does nothing.
func Store(string, ...*os.File) error { return nil }
