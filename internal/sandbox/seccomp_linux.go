package sandbox

import (
	"errors"
	"fmt"
	"runtime"
	"slices"

	seccomp "github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/sys/unix"
)

// restrictSyscalls rules out all system calls but those that the command, the Go runtime and the C
// library make. They fail with EPERM.
func restrictSyscalls(p *Policy) Layer {
	if p.Successor && isFiltered() {
		return newLayer(seccompLayer, inherited, nil)
	}
	return newLayer(seccompLayer, "", loadFilter(p))
}

func loadFilter(p *Policy) error {
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		return fmt.Errorf("there is no list of system calls for %s", runtime.GOARCH)
	}
	if !seccomp.Supported() {
		return errors.New("the kernel does not support it, or another filter denies it")
	}
	info, err := arch.GetInfo("")
	if err != nil {
		return err
	}
	runtime.LockOSThread() // the library sets no_new_privs on this thread
	defer runtime.UnlockOSThread()
	if err := seccomp.LoadFilter(seccomp.Filter{
		NoNewPrivs: true, Flag: seccomp.FilterFlagTSync, Policy: syscallPolicy(info, p.Program != ""),
	}); err != nil {
		return err
	}
	// If one thread cannot have the filter, no thread has it, and the library reports no error.
	if !isFiltered() {
		return errors.New("a thread has another filter")
	}
	return nil
}

// isFiltered reports whether the filter is in effect. It tries a call that the filter rules out and
// that fails for no other reason.
func isFiltered() bool {
	fd, err := unix.MemfdCreate("probe", unix.MFD_CLOEXEC)
	if err == nil {
		unix.Close(fd)
	}
	return errors.Is(err, unix.EPERM)
}

// namespaceFlags are the flags of clone(2) that create namespaces.
const namespaceFlags = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS |
	unix.CLONE_NEWIPC | unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET

// syscallPolicy returns a list of allowed calls. Names that the architecture lacks are left out.
//
// The conditions are at the end: after a condition that does not hold, the filter of the library
// compares the argument, instead of the number of the call, with the names that follow.
func syscallPolicy(info *arch.Info, startsPrograms bool) seccomp.Policy {
	names := slices.Clone(allowedSyscalls)
	if startsPrograms {
		names = append(names, "execve")
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		_, found := info.SyscallNames[name]
		return !found
	})
	return seccomp.Policy{
		DefaultAction: seccomp.ActionErrno, // EPERM
		Syscalls: []seccomp.SyscallGroup{
			// The arguments of clone3 are in memory, where a filter cannot see them. On ENOSYS, the C
			// library calls clone instead.
			{Action: seccomp.ActionErrno | seccomp.Action(unix.ENOSYS), Names: []string{"clone3"}},
			{Action: seccomp.ActionAllow, Names: names, NamesWithCondtions: slices.Concat(
				onlyIf("clone", seccomp.Condition{Operation: seccomp.BitsNotSet, Value: namespaceFlags}),
				onlyWith("ioctl", 1, unix.TCGETS, unix.TIOCGWINSZ, unix.SIOCGIFNAME, unix.SIOCGIFINDEX),
				socketsOf(unix.AF_UNIX, 0),
				socketsOf(unix.AF_NETLINK, unix.NETLINK_ROUTE),
				socketsOf(unix.AF_INET, 0, unix.IPPROTO_TCP, unix.IPPROTO_UDP),
				socketsOf(unix.AF_INET6, 0, unix.IPPROTO_TCP, unix.IPPROTO_UDP),
			)},
		},
	}
}

// onlyIf allows a call if all conditions hold.
func onlyIf(name string, conditions ...seccomp.Condition) []seccomp.NameWithConditions {
	return []seccomp.NameWithConditions{{Name: name, Conditions: conditions}}
}

// onlyWith allows a call if an argument has one of the values, in all of its 64 bits.
func onlyWith(name string, argument uint32, values ...uint64) (all []seccomp.NameWithConditions) {
	for _, v := range values {
		all = append(all, onlyIf(name, equal(argument, v))...)
	}
	return all
}

// socketsOf allows sockets of a family with one of the protocols. Among the other ones is multipath
// TCP, which Landlock does not restrict.
func socketsOf(family uint64, protocols ...uint64) (all []seccomp.NameWithConditions) {
	for _, p := range protocols {
		all = append(all, onlyIf("socket", equal(0, family), equal(2, p))...)
	}
	return all
}

func equal(argument uint32, value uint64) seccomp.Condition {
	return seccomp.Condition{Argument: argument, Operation: seccomp.Equal, Value: value}
}
