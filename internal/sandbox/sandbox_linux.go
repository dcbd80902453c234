package sandbox

import (
	"fmt"
	"os"
	"syscall"

	llsyscall "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// enter restricts files before it changes the user, because root can name directories that the user
// cannot. It restricts system calls last, because the other layers need calls that it rules out.
func enter(p *Policy) ([]Layer, error) {
	layers := []Layer{
		{Name: userLayer}, {Name: privilegesLayer}, {Name: landlockLayer}, {Name: seccompLayer},
	}
	if p.Restrict {
		layers[1] = newLayer(privilegesLayer, "", denyNewPrivileges())
		layers[2] = restrictFiles(p)
	}
	if p.User != nil {
		detail, err := changeUser(p.User, p.Successor)
		if err != nil {
			return layers, fmt.Errorf("cannot change to user %s: %w", p.User.Name, err)
		}
		layers[0] = newLayer(userLayer, detail, nil)
	}
	if p.Restrict {
		layers[3] = restrictSyscalls(p)
	}
	return layers, nil
}

// denyNewPrivileges keeps the programs that the process starts from gaining privileges, for example
// as set-user-ID programs (prctl(2), PR_SET_NO_NEW_PRIVS).
func denyNewPrivileges() error {
	if on, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0); err == nil && on == 1 {
		return nil // the process has started with it, so that all threads have it
	}
	if err := threadsReachable(); err != nil {
		return err
	}
	return llsyscall.AllThreadsPrctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
}

// threadsReachable returns an error if a call cannot be made on all threads. With cgo, the library
// lists the threads in /proc, and ends the process if it cannot.
func threadsReachable() error {
	fd, err := unix.Open("/proc/self/task", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("cannot list the threads in /proc: %w", err)
	}
	return unix.Close(fd)
}

// changeUser changes the user and the group of all threads and removes all supplementary groups.
// Then the process has no capabilities. A successor has inherited the user.
func changeUser(u *User, successor bool) (detail string, err error) {
	detail = fmt.Sprintf("%s, %d:%d", u.Name, u.UID, u.GID)
	if os.Geteuid() != 0 && os.Getuid() == u.UID && os.Getgid() == u.GID {
		if successor {
			detail += ", " + inherited
		}
		return detail, nil
	}
	if err := syscall.Setgroups(nil); err != nil {
		return "", err
	}
	if err := syscall.Setresgid(u.GID, u.GID, u.GID); err != nil {
		return "", err
	}
	if err := syscall.Setresuid(u.UID, u.UID, u.UID); err != nil {
		return "", err
	}
	if syscall.Setuid(0) == nil {
		return "", fmt.Errorf("the process can become root again")
	}
	return detail, nil
}
