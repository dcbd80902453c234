// Package descriptors lets a program with too few file descriptors start, so that it can say so.
//
// A package of protobuf opens the program's file when it is initialized. If one or two descriptors
// are free, the file takes one, and the poller of the Go runtime, which the file starts, crashes the
// process for lack of two more. So this package takes the last descriptors before: protobuf then
// continues without the file. Go initializes packages in the order of their paths (Go 1.21), and this
// one depends only on package syscall.
package descriptors

// needed is the number of descriptors that an open file takes at once: its own and two of the poller.
const needed = 3
