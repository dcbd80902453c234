package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ohce/ohce/internal/loadreport"
	"github.com/ohce/ohce/measure"
)

type loadCompareFlags struct {
	thresholds []string
	force      bool
	json       bool
}

// defaultThresholds are the thresholds of ohce load compare.
var defaultThresholds = []string{"median=10%", "p99=10%", "loss=0.1%"}

func (a *app) loadCompareCommand() *cobra.Command {
	var f loadCompareFlags
	cmd := &cobra.Command{
		Use:   "compare A.json B.json",
		Short: "Compare the reports of two runs of ohce load",
		Long: `Compare the reports of two runs of ohce load, as --json prints them, and report for each threshold
whether B is worse than A by more than that.

A threshold names a figure and the largest change for the worse, in percent of the value in A:

  median, mean, p90, p99, p999, max   the latency, from the due time of a request
  service.median, service.p99, ...    the service time, from the transmission of a request
  loss                                the share of requests without a right response in time; the
                                      threshold is in percentage points
  answered_rate                       right responses a second

The figures are those of the complete seconds of both runs. A latency or service time is the mean
of the values of the seconds, weighted by their responses. Two runs never have equal figures, so
ohce estimates from the differences between the seconds of a run how far its figure can be trusted.
The result is a 95 % confidence interval for the change, and a verdict:

  worse    the whole confidence interval is beyond the threshold for the worse
  better   the whole confidence interval is beyond the threshold for the better
  same     neither, and the confidence interval does not go beyond the threshold for the worse
  unclear  the confidence interval includes the threshold for the worse, or a run has no value:
           measure for a longer time

Each run needs ` + strconv.Itoa(measure.MinIntervals) + ` complete seconds at least. The comparison covers differences within a run.
It does not cover those between runs, such as another program on the machine during one of them.
Repeat a run to see how large these are. A report that is not trustworthy is refused unless --force
is set.

The exit code is 0 if no figure is worse or unclear, ` + strconv.Itoa(exitFail) + ` if a figure is worse, and otherwise ` +
			strconv.Itoa(exitUntrusted) + ` if a
figure is unclear, a run is too short or a report is not trustworthy. With --force, it does not
depend on whether the reports are trustworthy.`,
		Example: `  ohce load --json --duration 30s 127.0.0.1:3000 >A.json
  ohce load compare A.json B.json
  ohce load compare A.json B.json --threshold p99=5% --threshold loss=0.01%`,
		Args: loadCompareArguments,
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string,
			cobra.ShellCompDirective) {
			if len(args) > 1 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return []string{"json"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(_ *cobra.Command, args []string) error { return a.loadCompare(&f, args[0], args[1]) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringSliceVar(&f.thresholds, "threshold", defaultThresholds,
		"accept a `FIGURE=CHANGE` for the worse; repeatable")
	flags.BoolVar(&f.force, "force", false, "compare reports that are not trustworthy")
	flags.BoolVar(&f.json, "json", false, "print the comparison as a JSON object")
	completeFlag(cmd, "threshold", thresholdCompletions()...)
	return cmd
}

// loadCompareArguments is the cobra.PositionalArgs of ohce load compare.
func loadCompareArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 2 {
		return nil
	}
	return usage("give two files, as in "+cmd.CommandPath()+" A.json B.json",
		"%s takes two reports: got %s", cmd.CommandPath(), plural(len(args), "argument"))
}

// thresholdCompletions returns a threshold for each figure.
func thresholdCompletions() (all []string) {
	for _, name := range measure.FigureNames() {
		value := "10%"
		if name == "loss" {
			value = "0.1%"
		}
		all = append(all, name+"="+value)
	}
	return all
}

// parseThresholds returns the thresholds that the flag --threshold gives.
func parseThresholds(texts []string) (all []measure.Threshold, err error) {
	for _, text := range texts {
		name, value, ok := strings.Cut(strings.TrimSpace(text), "=")
		if !ok {
			return nil, usage("give a figure and a change, as in --threshold p99=10%",
				"--threshold %q: missing =", text)
		}
		if !slices.Contains(measure.FigureNames(), name) {
			return nil, usage("the figures are "+enumerate(measure.FigureNames(), "and"),
				"--threshold %q: unknown figure %q", text, name)
		}
		if slices.ContainsFunc(all, func(t measure.Threshold) bool { return t.Figure == name }) {
			return nil, usage("give one threshold for each figure", "--threshold %q: %s has two thresholds",
				text, name)
		}
		x, err := strconv.ParseFloat(strings.TrimSuffix(value, "%"), 64)
		switch {
		case err != nil || math.IsNaN(x) || math.IsInf(x, 0):
			return nil, usage("give a change in percent, as in --threshold "+name+"=10%",
				"--threshold %q: invalid change %q", text, value)
		case x <= 0:
			return nil, usage("give a positive change: two runs never have equal figures",
				"--threshold %q is not positive", text)
		}
		all = append(all, measure.Threshold{Figure: name, Percent: x})
	}
	if len(all) == 0 {
		return nil, usage("give a threshold, as in --threshold p99=10%", "--threshold is empty")
	}
	return all, nil
}

// maxReport is the largest size of a report in bytes. One of a day has about 70 MB.
const maxReport = 256 << 20

// readReport reads a report.
func readReport(name string) (*loadreport.Document, error) {
	data, err := readLimited(name, maxReport)
	if err != nil {
		var path *fs.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		return nil, usage("name a file that ohce load --json has written", "cannot read %s: %v", name, err)
	}
	doc, err := loadreport.Read(data)
	if err != nil {
		return nil, usage("write reports with: ohce load --json >A.json",
			"%s is not a report of ohce load: %v", name, err)
	}
	return doc, nil
}

// readLimited reads a file of at most limit bytes.
func readLimited(name string, limit int64) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("it has more than %d bytes", limit)
	}
	return data, err
}
