// Package handover passes UDP sockets from a process to its successor, and takes them over from a
// predecessor or from systemd. The kernel queues datagrams for a socket, not for a process, so a
// restart loses no request.
//
// # Upgrade
//
// A process calls [Program.Start], which starts the program again and passes the sockets. The
// successor calls [Inherit], prepares to serve, and calls [Inheritance.Ready]. The old process then
// stops reading, answers the datagrams that it has read, and exits. If the successor exits or does
// not become ready in time, Start returns an error, and the old process continues to serve. A
// service can pass its TCP listeners in the same way, such as that of its metrics.
//
// # systemd
//
// Inherit also returns the sockets of a socket unit and those that an earlier process stored with
// [Store] (sd_listen_fds(3)). Ready, Start, [Notify] and [Watchdog] report the state of the service
// (sd_notify(3)). They report nothing if the process does not run as a service of Type=notify.
//
// # Limitations
//
// Only Linux is supported. On other systems, Inherit returns no sockets, and Start returns
// errors.ErrUnsupported.
package handover
