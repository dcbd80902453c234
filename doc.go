// Package ohce serves and sends request–response datagrams over UDP. It is modelled on net/http.
//
// # Delivery
//
// UDP loses, duplicates and reorders datagrams. A [Client] retransmits a request until a response
// arrives, so a request can reach the server more than once, and the server calls the handler for
// each copy. An exchange without a response may have been handled too: the response can be lost.
// There are three ways to deal with that:
//
//   - make the handler idempotent, so that a repeated call does no harm;
//   - wrap the handler in a [Deduplicator], which calls it once for a request and its
//     retransmissions, within limits of memory and time;
//   - give each request an identifier of its own, and handle duplicates by it.
//
// # Server
//
// A [Server] passes each datagram to a [Handler] and sends the handler's response to the sender. The
// response leaves from the address that the request was sent to:
//
//	srv := &ohce.Server{Addr: "127.0.0.1:3000", Handler: ohce.HandlerFunc(
//		func(w *ohce.ResponseWriter, r *ohce.Request) {
//			w.Write(bytes.ToUpper(r.Data))
//		})}
//	err := srv.ListenAndServe() // ErrServerClosed after Shutdown
//
// Every datagram that the kernel delivers ends in exactly one counter of [ServerStats]: answered, or
// dropped for one [DropReason]. A [guard.Guard] decides which datagrams reach the handler.
//
// # Client
//
// A Client retransmits a request on a schedule until a response arrives, or reports within a known
// time that the server is down:
//
//	c := &ohce.Client{Addr: "127.0.0.1:3000"}
//	resp, err := c.Exchange(ctx, []byte("Hello")) // errors.Is(err, ohce.ErrServerDown)
//
// A plain datagram carries no identifier, so each exchange has a socket and a port of its own. A
// response that is too late for one exchange cannot reach the next. See [Client] for the details.
//
// A [Group] uses several servers, with failover, in turn, or all at once. [LookupServers] finds them
// by name.
//
// # Concurrency
//
// All methods of Server, Client and Group may be called from several goroutines. Handlers run on the
// goroutine that reads the socket, one call after the other. Wrap a handler that blocks in
// [Concurrent]. A handler can answer after it has returned: see [ResponseWriter.Defer].
//
// # Buffers
//
// A request's bytes are valid until the handler returns. The bytes of a [Response] belong to the
// caller. Serving allocates nothing per datagram.
//
// # Platforms and limits
//
// Linux reads and writes batches of datagrams. Windows, macOS and FreeBSD read and write one datagram
// at a time. There, a server on a wildcard address serves each address that the machine has when it
// is bound, and cannot count the datagrams dropped by the kernel. Nothing is encrypted or
// authenticated: datagrams are sent as they are, and a source address can be forged.
package ohce
