package ohce_test

import "golang.org/x/sys/windows"

// errNoDescriptors is the system's error if no descriptor is free.
var errNoDescriptors error = windows.WSAEMFILE
