// Package ohce serves and sends request–response datagrams over UDP: to datagrams what net/http is
// to HTTP.
//
// # Server
//
// A [Server] hands each datagram to a [Handler] and sends what the handler wrote back to where it
// came from, from the address that was asked:
//
//	srv := &ohce.Server{Addr: "127.0.0.1:3000", Handler: ohce.HandlerFunc(
//		func(w *ohce.ResponseWriter, r *ohce.Request) {
//			w.Write(bytes.ToUpper(r.Data))
//		})}
//	err := srv.ListenAndServe() // ErrServerClosed after Shutdown
//
// Every datagram that the kernel hands over ends in exactly one counter of [ServerStats]: answered, or
// dropped for one [DropReason].
//
// # Client
//
// A [Client] sends a request again and again on a schedule until its answer comes, or says within a
// known time that the server is down:
//
//	c := &ohce.Client{Addr: "127.0.0.1:3000"}
//	resp, err := c.Exchange(ctx, []byte("Hello")) // errors.Is(err, ohce.ErrServerDown)
//
// A plain datagram carries no identifier, so each exchange has a socket, and with it a port, of its
// own: an answer that comes too late for one exchange does not meet the next. [Client] says for how
// long, and Expect does without.
//
// A [Group] asks several servers: the next one where one is down, each in turn, or all at once.
// [LookupServers] finds them by name.
//
// # Concurrency
//
// All methods of Server, Client and Group may be called from several goroutines. Handlers run on the
// goroutine that reads the socket, one after the other; one that blocks is wrapped by [Concurrent].
//
// # Buffers
//
// A request's bytes are valid until the handler returns; the bytes of a [Response] belong to the
// caller. Serving allocates nothing per datagram.
//
// # Platforms and limits
//
// Linux reads and writes batches of datagrams; Windows, macOS and FreeBSD one at a time. There, a
// wildcard address is served on each address that the machine has when it is bound, and a Server
// cannot count the datagrams dropped by the kernel. Nothing is encrypted or authenticated: the text travels as
// it is, and a source address can be forged.
package ohce
