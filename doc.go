// Package ohce implements clients and servers for request–response protocols over UDP. It is
// modelled on net/http.
//
// # Delivery
//
// UDP loses, duplicates and reorders datagrams. A [Client] retransmits a request until a response
// arrives, so a request can reach the server more than once, and the server calls the handler for
// each copy. If no response arrives, the handler may still have run, because the response can be
// lost. There are three ways to handle repeated requests:
//
//   - write a handler that can safely run again, even after later requests: reading a value is safe,
//     but setting one can undo a later change;
//   - wrap the handler in a [Deduplicator], which calls it once for a request and its
//     retransmissions, within limits of memory and time;
//   - put an identifier into each request, and recognize duplicates in the handler.
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
// The server counts every delivered datagram exactly once in [ServerStats]: as answered, or as
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
// A plain datagram carries no identifier, so each exchange uses a socket and a port of its own. A
// late response to one exchange therefore cannot be taken for the response to the next. See
// [Client] for details.
//
// A [Group] sends requests to several servers, with failover, round robin, or all at once.
// [LookupServers] finds servers by name.
//
// # Concurrency
//
// The methods of Server, Client and Group are safe for concurrent use. A handler runs on the
// goroutine that reads the socket, one call at a time. Wrap a handler that blocks in [Concurrent].
// To respond after the handler has returned, use [ResponseWriter.Defer].
//
// # Buffers
//
// The bytes of a request are valid until the handler returns. The bytes of a [Response] belong to
// the caller. The server does not allocate memory per datagram.
//
// # Platforms and limits
//
// On Linux, datagrams are read and written in batches. On Windows, macOS and FreeBSD, they are read
// and written one at a time, and datagrams dropped by the kernel are not counted. On these systems,
// a server on a wildcard address serves only the addresses that the machine has when it binds.
//
// The package does not encrypt or authenticate datagrams. A source address can be forged.
package ohce
