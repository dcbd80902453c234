//go:build !unix

package cli

// canOpen reports whether the process can open n more file descriptors. This system has no such limit.
func canOpen(int) bool { return true }

// isDescriptorLimit reports whether err says that the process has too many open files.
func isDescriptorLimit(error) bool { return false }
