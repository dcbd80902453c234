//go:build unix

package ohce_test

import "syscall"

// errNoDescriptors is the system's error if no descriptor is free.
var errNoDescriptors error = syscall.EMFILE
