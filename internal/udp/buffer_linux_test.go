//go:build !ohce_portable

package udp

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBufferWarningNamesLimit checks the warning for a process that must not exceed the limit.
func TestBufferWarningNamesLimit(t *testing.T) {
	const size = 1 << 30 // larger than the limit of any system
	for _, b := range []buffer{receiveBuffer, sendBuffer} {
		t.Run(b.name, func(t *testing.T) {
			name := strings.ReplaceAll(b.sysctl, ".", "/")
			limit, err := os.ReadFile(filepath.Join("/proc/sys", name))
			if err != nil {
				if os.Getenv("CI") != "" {
					t.Fatal(err)
				}
				t.Skip(err) // a container can hide the file
			}
			want := fmt.Sprintf("the %s buffer has %s bytes instead of 1073741824; to enlarge it: "+
				"sysctl -w %s=1073741824", b.name, strings.TrimSpace(string(limit)), b.sysctl)
			b.force = -1 // no such option: as if without the privilege
			if err := onSocket(func(fd int) error {
				if got := b.grow(fd, size); got != want {
					t.Errorf("warning: %q, want %q", got, want)
				}
				if got := b.grow(fd, 8<<10); got != "" {
					t.Errorf("warning for a smaller size: %q, want none", got)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		})
	}
}
