// Package telemetry exports the counters of servers, clients and links as Prometheus metrics, and
// serves them over HTTP together with the health of a process.
//
//	srv := &ohce.Server{Handler: h}
//	reg := prometheus.NewRegistry()
//	reg.MustRegister(telemetry.NewServerCollector(srv, nil))
//	go http.ListenAndServe("127.0.0.1:9116", &telemetry.Endpoints{Gatherer: reg})
//
// A collector reads the counters when it is scraped, so it costs a server nothing between scrapes.
// No metric has a label whose values clients choose. Counters begin at zero when the server, the
// client or the link is created, except ohce_kernel_dropped_total: the kernel counts for a socket,
// so it continues if the server has adopted the sockets of another process.
//
// The package is apart from the library, so that only programs that use it contain the Prometheus
// client.
package telemetry
