package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/spf13/pflag"

	"github.com/ohce/ohce/measure"
)

const (
	metricsTimeout = 5 * time.Second
	maxMetrics     = 16 << 20 // bytes
)

// serverMetrics is the flag --server-metrics. It reads the counters of the server before and after
// a measurement, so that losses can be attributed to a direction.
type serverMetrics struct {
	url    string
	before measure.ServerCounts
}

func (f *serverMetrics) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.url, "server-metrics", "",
		"report the loss by direction, from the metrics of the server (ohce serve --http) at `URL`")
}

// begin reads the counters before the measurement, if the flag is set.
func (f *serverMetrics) begin(ctx context.Context) error {
	if f.url == "" {
		return nil
	}
	u, err := url.Parse(f.url)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return usage("use a URL such as http://192.0.2.7:9116/metrics",
			"--server-metrics %q is not an HTTP URL", f.url)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/metrics"
		f.url = u.String()
	}
	f.before, err = f.read(ctx)
	return err
}

// end reads the counters after the measurement and compares them. Without the flag, it returns nil.
// ctx may be done.
func (f *serverMetrics) end(
	ctx context.Context, sent, arrived int,
) (*measure.DirectionReport, error) {
	if f.url == "" {
		return nil, nil
	}
	after, err := f.read(context.WithoutCancel(ctx))
	if err != nil {
		return nil, err
	}
	report, ok := measure.NewDirectionReport(sent, arrived, f.before, after)
	if !ok {
		return nil, &failure{what: "the server was started again during the measurement",
			hint: "without --server-metrics, the report has no loss by direction", code: exitFail}
	}
	return report, nil
}

// read reads the counters of the server.
func (f *serverMetrics) read(ctx context.Context) (c measure.ServerCounts, err error) {
	fail := func(err error) (measure.ServerCounts, error) {
		what := fmt.Sprintf("cannot read --server-metrics %s: %v", f.url, rootCause(err))
		return c, &failure{what: what,
			hint: "start the server with ohce serve --http, and give its address", code: exitFail}
	}
	ctx, cancel := context.WithTimeout(ctx, metricsTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url, nil)
	if err != nil {
		return fail(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fail(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fail(fmt.Errorf("status %s", resp.Status))
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(io.LimitReader(resp.Body, maxMetrics))
	if err != nil {
		return fail(fmt.Errorf("not in the text format of Prometheus: %w", err))
	}
	for name, n := range map[string]*uint64{
		"ohce_requests_total": &c.Received, "ohce_responses_total": &c.Responded,
		"ohce_dropped_total": &c.Dropped, "ohce_kernel_dropped_total": &c.KernelDropped,
	} {
		family := families[name]
		if family == nil {
			return fail(fmt.Errorf("it has no %s", name))
		}
		for _, m := range family.Metric {
			*n += uint64(m.GetCounter().GetValue())
		}
	}
	return c, nil
}
