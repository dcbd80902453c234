package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/landlock-lsm/go-landlock/landlock"
	llsyscall "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// Rights on files.
const (
	read    landlock.AccessFSSet = llsyscall.AccessFSReadFile
	execute landlock.AccessFSSet = llsyscall.AccessFSExecute
	write   landlock.AccessFSSet = llsyscall.AccessFSWriteFile | llsyscall.AccessFSTruncate
	replace landlock.AccessFSSet = read | write | llsyscall.AccessFSMakeReg |
		llsyscall.AccessFSRemoveFile
	resolve landlock.AccessFSSet = llsyscall.AccessFSResolveUnix
)

var (
	// lookupFiles are the files that name resolution and the local time read.
	lookupFiles = []string{
		"/etc/gai.conf", "/etc/host.conf", "/etc/hosts", "/etc/localtime", "/etc/nsswitch.conf",
		"/etc/resolv.conf", "/etc/services", "/usr/share/zoneinfo",
	}
	// startFiles are the files that the Go runtime and the C library read when a program starts.
	startFiles = []string{
		"/etc/ld.so.cache", "/etc/ld.so.preload", "/sys/fs/cgroup",
		"/sys/kernel/mm/transparent_hugepage/hpage_pmd_size",
	}
	// libraryDirs are the directories of the dynamic linker and of shared libraries. The C library
	// loads some of them to resolve names.
	libraryDirs = []string{"/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib"}
)

// restrictFiles rules out access to all files but those of the policy, new TCP connections except
// to DNS servers and the ports of the policy, and new TCP listeners.
func restrictFiles(p *Policy) Layer {
	abi, err := llsyscall.LandlockGetABIVersion()
	if err != nil || abi < 1 {
		return newLayer(landlockLayer, "", landlockError(err))
	}
	detail := fmt.Sprintf("ABI %d", abi)
	if p.Successor && isRestricted() {
		return newLayer(landlockLayer, detail+", "+inherited, nil)
	}
	if err := threadsReachable(); err != nil {
		return newLayer(landlockLayer, "", err)
	}
	config := landlock.V9
	config.Scoped = 0
	if !strings.HasPrefix(p.NotifySocket, "@") {
		config.Scoped = llsyscall.ScopeAbstractUnixSocket
	}
	const dns = 53
	rules := append(fileRules(p), landlock.ConnectTCP(dns))
	for _, port := range p.ConnectTCP {
		rules = append(rules, landlock.ConnectTCP(port))
	}
	err = config.BestEffort().Restrict(rules...)
	if err == nil && !isRestricted() {
		err = errors.New("the kernel still opens /")
	}
	return newLayer(landlockLayer, detail, err)
}

// landlockError returns the reason why the kernel has no Landlock.
func landlockError(err error) error {
	switch {
	case errors.Is(err, unix.ENOSYS):
		return errors.New("the kernel does not support it")
	case errors.Is(err, unix.EOPNOTSUPP):
		return errors.New("the kernel was started without it")
	case err == nil:
		return errors.New("unknown version")
	default:
		return err
	}
}

// isRestricted reports whether the process cannot list the root directory, which no policy allows.
func isRestricted() bool {
	fd, err := unix.Open("/", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err == nil {
		unix.Close(fd)
	}
	return errors.Is(err, fs.ErrPermission)
}

// fileRules returns a rule for each file or directory of the policy that exists.
func fileRules(p *Policy) []landlock.Rule {
	rules := []landlock.Rule{
		allow(read, lookupFiles...),
		allow(read|resolve, "/run/systemd/resolve"),
		allow(read|write, "/dev/null"),
		allow(read, libraryDirs...),
	}
	if p.Program != "" {
		rules = append(rules, allow(read, startFiles...), allow(execute, libraryDirs...),
			allow(read|execute, directories(p.Program)...))
	}
	if p.Program != "" && !p.staysRoot() {
		// A program can have any process ID, so it can read its limits only with all of /proc. The
		// kernel denies to it the memory and the environment of processes outside, but not to root.
		rules = append(rules, allow(read, "/proc"))
	}
	if p.OwnUsage {
		usage := []string{"/proc/self"}
		if p.Program != "" && !p.staysRoot() { // also that of a successor; see above
			usage = append(usage, "/proc")
		}
		rules = append(rules, allow(read|landlock.AccessFSSet(llsyscall.AccessFSReadDir), usage...),
			allow(read, "/proc/stat")) // has the time of the boot, from which the start of a process counts
	}
	for _, name := range p.ReadAgain {
		rules = append(rules, allow(read, directories(name)...))
	}
	for _, name := range p.Replace {
		rules = append(rules, allow(replace, filepath.Dir(name)))
	}
	if strings.HasPrefix(p.NotifySocket, "/") {
		rules = append(rules, allow(resolve, filepath.Dir(p.NotifySocket)))
	}
	return rules
}

// staysRoot reports whether the process is root and does not change its user.
func (p *Policy) staysRoot() bool { return p.User == nil && os.Geteuid() == 0 }

func allow(rights landlock.AccessFSSet, paths ...string) landlock.Rule {
	return landlock.PathAccess(rights, paths...).IgnoreIfMissing()
}

// directories returns the directory of a file and, if the file is a symbolic link, that of its
// target.
func directories(name string) []string {
	dirs := []string{filepath.Dir(name)}
	if target, err := filepath.EvalSymlinks(name); err == nil {
		dirs = append(dirs, filepath.Dir(target))
	}
	return slices.Compact(dirs)
}
