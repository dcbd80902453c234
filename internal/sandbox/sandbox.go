// Package sandbox takes rights from a process that it does not need after it has bound its sockets.
// It changes the user, rules out new privileges, and restricts files (Landlock) and system calls
// (seccomp). All layers apply to every thread and to the programs that the process starts. They
// cannot be removed.
package sandbox

import (
	"errors"
	"fmt"
)

// A Policy describes the rights that a process keeps.
type Policy struct {
	// User is the user to change to. If nil, the process keeps its user.
	User *User

	// Restrict adds the layers besides that of the user.
	Restrict bool

	// Program is the path of the program that the process may start. The new version of a program is
	// a new file, so all programs in its directory and in that of a symbolic link's target can be
	// started and read. If empty, the process starts none.
	Program string

	// ReadAgain has files that the process reads later. They can be replaced by new files, so
	// everything in their directories, and in those of a symbolic link's target, can be read.
	ReadAgain []string

	// Replace has files that the process creates, replaces and removes. The same rights apply to all
	// files in their directories.
	Replace []string

	// NotifySocket is the Unix socket of a service manager. A name that begins with @ is abstract. If
	// empty, there is none.
	NotifySocket string

	// OwnUsage lets the process read its own use of memory, time and descriptors in /proc. A
	// successor can read that of its own only if it is not root.
	OwnUsage bool

	// ConnectTCP has the ports to which the process can open TCP connections, besides DNS.
	ConnectTCP []uint16

	// Successor is true if a process with the same policy has started this one. The layers that it
	// has inherited remain as they are.
	Successor bool
}

// A State is the state of a layer.
type State int

const (
	Off         State = iota // not requested
	On                       // in effect on all threads
	Unavailable              // not supported, or refused by the system
)

func (s State) String() string {
	switch s {
	case On:
		return "on"
	case Unavailable:
		return "unavailable"
	default:
		return "off"
	}
}

// A Layer is one of the layers of a sandbox and its state.
type Layer struct {
	Name   string
	State  State
	Detail string // a detail of a layer that is on; may be empty
	Err    error  // the reason if the layer is unavailable; otherwise nil
}

// String returns the name, the state and the detail or reason, as in "Landlock on (ABI 7)".
func (l Layer) String() string {
	text := fmt.Sprintf("%s %v", l.Name, l.State)
	if l.Err != nil {
		return fmt.Sprintf("%s (%v)", text, l.Err)
	}
	if l.Detail != "" {
		return fmt.Sprintf("%s (%s)", text, l.Detail)
	}
	return text
}

// inherited is the detail of a layer of the process that has started this one.
const inherited = "inherited"

// newLayer returns a layer that is on if err is nil, and unavailable otherwise.
func newLayer(name, detail string, err error) Layer {
	if err != nil {
		return Layer{Name: name, State: Unavailable, Err: err}
	}
	return Layer{Name: name, State: On, Detail: detail}
}

// Enter takes all rights from the process that p does not list, and returns the state of each
// layer. A layer that is unavailable does not prevent the others. Enter fails only if it cannot
// change the user.
func Enter(p *Policy) ([]Layer, error) { return enter(p) }

// Missing returns an error with the layers that are unavailable and the reasons, or nil.
func Missing(layers []Layer) error {
	var all []error
	for _, l := range layers {
		if l.State == Unavailable {
			all = append(all, fmt.Errorf("%s: %w", l.Name, l.Err))
		}
	}
	return errors.Join(all...)
}

// The names of the layers.
const (
	userLayer       = "user"
	privilegesLayer = "no new privileges"
	landlockLayer   = "Landlock"
	seccompLayer    = "seccomp"
)
