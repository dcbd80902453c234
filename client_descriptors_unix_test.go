//go:build unix

package ohce_test

import "syscall"

// errNoDescriptors is what a system without descriptors reports.
var errNoDescriptors error = syscall.EMFILE
