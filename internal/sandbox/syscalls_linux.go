package sandbox

import "slices"

// allowedSyscalls are the calls of the command, of the Go runtime and of the C library, at any time
// and when a program starts. They include the former and the newer variants of a call, because
// releases of Go and of the C library differ in their choice. fstatat and newfstatat are names of
// one call on different architectures.
var allowedSyscalls = slices.Concat(memoryCalls, threadCalls, signalCalls, timeCalls, fileCalls,
	socketCalls, processCalls)

var memoryCalls = []string{
	"brk", "madvise", "membarrier", "mincore", "mlock", "mlock2", "mmap", "mprotect", "mremap",
	"mseal", "munlock", "munmap",
}

var threadCalls = []string{
	"arch_prctl", "exit", "futex", "futex_wait", "futex_waitv", "futex_wake", "get_robust_list",
	"getcpu", "gettid", "rseq", "sched_getaffinity", "sched_yield", "set_robust_list",
	"set_tid_address",
}

var signalCalls = []string{
	"kill", "pidfd_send_signal", "restart_syscall", "rt_sigaction", "rt_sigpending",
	"rt_sigprocmask", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait", "sigaltstack", "tgkill",
	"tkill",
}

var timeCalls = []string{
	"clock_getres", "clock_gettime", "clock_nanosleep", "getitimer", "gettimeofday", "nanosleep",
	"setitimer", "time", "timer_create", "timer_delete", "timer_settime", "timerfd_create",
	"timerfd_gettime", "timerfd_settime",
}

var fileCalls = []string{
	"access", "chmod", "close", "close_range", "dup", "dup2", "dup3", "epoll_create",
	"epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd",
	"eventfd2", "faccessat", "faccessat2", "fadvise64", "fchmod", "fchmodat", "fchmodat2", "fcntl",
	"fdatasync", "flock", "fstat", "fstatat", "fstatfs", "fsync", "ftruncate", "getcwd", "getdents",
	"getdents64", "lseek", "lstat", "newfstatat", "open", "openat", "openat2", "pipe", "pipe2",
	"poll", "ppoll", "pread64", "preadv", "preadv2", "pselect6", "pwrite64", "pwritev", "pwritev2",
	"read", "readlink", "readlinkat", "readv", "rename", "renameat", "renameat2", "select", "stat",
	"statfs", "statx", "umask", "unlink", "unlinkat", "write", "writev",
}

// socketCalls include those of a TCP server, because ohce link serves an API.
var socketCalls = []string{
	"accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen",
	"recvfrom", "recvmmsg", "recvmsg", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown",
	"socketpair",
}

// processCalls include the calls that restrict the process further.
var processCalls = []string{
	"exit_group", "getegid", "geteuid", "getgid", "getgroups", "getpgid", "getpgrp", "getpid",
	"getppid", "getpriority", "getrandom", "getresgid", "getresuid", "getrlimit", "getrusage",
	"getsid", "getuid", "landlock_add_rule", "landlock_create_ruleset", "landlock_restrict_self",
	"pidfd_open", "prctl", "prlimit64", "seccomp", "setrlimit", "sysinfo", "uname", "wait4", "waitid",
}
