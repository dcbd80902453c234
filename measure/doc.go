// Package measure sends requests at given times and reports what happened to each of them.
//
// # Open loop
//
// By default, a measurement is an open loop: each request has a due time, which does not depend on
// earlier responses. If this program stalls, or too many requests are in flight, the next requests
// are sent late, and the delay counts. Two durations belong to each answered request:
//
//   - Sample.Latency, from the due time to the response. It is what a user of the service would have
//     waited.
//   - Sample.RTT, from the transmission to the response. It is also called service time. It hides the
//     stalls of this program.
//
// # Classes
//
// Each request is in exactly one [Class]. Failures of this program and its system ([Own]) are
// counted apart from those of the network and the server.
//
// # Parts
//
// A [Prober] sends requests whose due times are a sequence such as [Regular] or [Poisson], and yields
// a [Sample] for each of them. A [Summary] adds samples up. A [PortProber] sends requests from many
// source ports, and a [PortSummary] adds up its samples. A [Dialer] opens the sockets of either with
// options of the network layer. A [PathProber] finds the path MTU. The package prints nothing.
package measure
