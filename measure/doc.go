// Package measure sends requests at given times and reports what happened to them.
//
// # Open loop
//
// By default, a measurement is an open loop: each request has a due time, which does not depend on
// earlier responses. Two durations belong to each answered request:
//
//   - Latency, from the due time to the response. It is what a user of the service would have waited.
//   - RTT, from the transmission to the response. It leaves out the delay of this program before the
//     transmission. A [Report] calls it service time.
//
// If this program stalls, or too many requests are in flight, a [Prober] sends the next requests late,
// and the delay counts in their latency. A [Load] does not send requests that are late by more than
// its Timeout, or for which it has no room, and counts them in [Own].
//
// # Classes and loss
//
// Each request is in exactly one [Class]. Failures of this program and its system ([Own]) are
// counted apart from those of the network and the server. A lost request has no response at all. The
// loss is the share of the sent requests without a right response in time, for any reason.
//
// # Parts
//
// A [Prober] sends requests whose due times are a sequence such as [Regular] or [Poisson], and yields
// a [Sample] for each of them. A [Summary] adds samples up.
//
// A [Load] sends at higher rates and returns a [Report] of totals. [Compare] compares two reports. A
// [RateSearch] finds the highest rate that a server sustains.
//
// A [PortProber] sends requests from many source ports, and a [PortSummary] adds up its samples. A
// [PathProber] finds the path MTU. A [Dialer] opens sockets with options of the network layer for all
// of them. The package prints nothing.
package measure
