// Package interop tests ohce with servers of other projects in Go. It is a module of its own, so
// that importers of ohce do not depend on these projects. make interop runs it.
package interop
