//go:build !ohce_portable

package udp

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBufferWarningNamesLimit: who may not go past the system's limit is told which one it is.
func TestBufferWarningNamesLimit(t *testing.T) {
	const size = 1 << 30 // no system allows that much to everybody
	for _, b := range []buffer{receiveBuffer, sendBuffer} {
		t.Run(b.name, func(t *testing.T) {
			name := strings.ReplaceAll(b.sysctl, ".", "/")
			limit, err := os.ReadFile(filepath.Join("/proc/sys", name))
			if err != nil {
				if os.Getenv("CI") != "" {
					t.Fatal(err)
				}
				t.Skip(err) // a container may hide it
			}
			want := fmt.Sprintf("the %s buffer has %s bytes instead of 1073741824; to enlarge it: "+
				"sysctl -w %s=1073741824", b.name, strings.TrimSpace(string(limit)), b.sysctl)
			b.force = -1 // no such option: nobody has the right
			if err := onSocket(func(fd int) error {
				if got := b.grow(fd, size); got != want {
					t.Errorf("warning: %q, want %q", got, want)
				}
				if got := b.grow(fd, 8<<10); got != "" {
					t.Errorf("warning though it is not: %q", got)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		})
	}
}
