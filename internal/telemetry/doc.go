// Package telemetry is where the process's figures and traces leave it: a
// Prometheus registry with its page, and OpenTelemetry spans on their way to a
// collector.
//
// [Metrics] has two sides. What happens is told to it by plain methods
// ([Metrics.RequestDone], [Metrics.UpstreamCall], …); how things stand is asked by
// it, at each scrape, of plain functions (WatchCache, WatchUpstream, …). The rooms
// know neither side: they offer hooks and figures of their own, and the command
// line joins the two.
//
// Two walls stand here. No label value gets into a metric that is not one of a
// bounded set, so nobody's path or name can become a series; and no attribute,
// event or error text leaves in a span unless its key is on a list, so that no
// driver's idea of helpfulness carries personal data to the collector.
//
// Metrics and traces are extras: nothing here makes a request wait or fail, and a
// collector that is away costs one line of the log.
package telemetry
