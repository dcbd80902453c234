//go:build !linux

package udp

// filesLimit is empty, because the limit is tested only on Linux.
const filesLimit = ""

func openUnderLimit(string) {}
