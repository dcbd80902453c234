// Package exporter probes UDP services for Prometheus.
//
// # Configuration
//
// A [Config] has modules, which describe probes, and targets that are watched permanently. [Parse]
// reads it from YAML with the keys of the blackbox exporter. An [Error] names the line of a mistake.
// Each protocol of internal/probe is a module without a file.
//
// # Probes
//
// A [Prober] probes a target once: it looks up the name, sends the requests of a module through
// [ohce.Client] and returns a [Result], whose metrics have the names of the blackbox exporter. A
// [Watcher] probes targets at fixed times without end, and counts what happened to each request.
//
// # HTTP
//
// An [Exporter] serves probes, the metrics of the watcher and its own ones over HTTP, and reloads its
// configuration. The package prints nothing.
package exporter
