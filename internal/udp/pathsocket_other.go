//go:build !linux

package udp

import (
	"context"
	"fmt"
)

// DialPath fails, because it needs the error queue of Linux.
func DialPath(context.Context, Options, string, Fragmentation) (PathSocket, error) {
	return nil, fmt.Errorf("the measurement of the path MTU: %w", unsupported())
}
