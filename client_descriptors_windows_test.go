package ohce_test

import "golang.org/x/sys/windows"

// errNoDescriptors is what a system without descriptors reports.
var errNoDescriptors error = windows.WSAEMFILE
