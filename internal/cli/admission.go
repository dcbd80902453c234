package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/guard"
)

// admissionFlags decide which requests a server answers.
type admissionFlags struct {
	rateLimit, rateBurst float64
	rateSlip             int
	rateLocal            bool
	maxRate              float64
	credit               int
	allow, deny          []string
	denyInKernel         bool
	dryRun               bool
}

func (f *admissionFlags) register(flags *pflag.FlagSet) {
	flags.Float64Var(&f.rateLimit, "rate-limit", guard.DefaultRate,
		"send at most `N` responses a second to one public address (its prefixes have higher limits); 0 "+
			"sets no limit")
	flags.Float64Var(&f.rateBurst, "rate-burst", guard.DefaultBurst,
		"send at most `N` responses to one address without a pause")
	flags.IntVar(&f.rateSlip, "rate-slip", 0,
		"answer one in `N` of the requests over the limit, if its response is not longer than the "+
			"request; 0 answers none")
	flags.BoolVar(&f.rateLocal, "limit-local", false,
		"limit loopback, private and link-local addresses too")
	flags.Float64Var(&f.maxRate, "max-rate", 0,
		"answer at most `N` requests a second in total; 0 sets no limit")
	flags.IntVar(&f.credit, "amplification", guard.DefaultCredit,
		"send a prefix at most `BYTES` more than it has sent, restored with a time constant of 10 s; "+
			"-1 sets no limit")
	flags.StringSliceVar(&f.allow, "allow", nil,
		"answer only sources in `PREFIX`; @FILE reads one prefix per line; repeatable")
	flags.StringSliceVar(&f.deny, "deny", nil,
		"do not answer sources in `PREFIX`; @FILE reads one prefix per line; repeatable")
	flags.BoolVar(&f.denyInKernel, "deny-in-kernel", false,
		"let the kernel drop the datagrams of --deny, and count them as dropped by the kernel (Linux)")
	flags.BoolVar(&f.dryRun, "dry-run", false,
		"count what these limits would drop, and drop nothing")
}

// An admission is the guard of a server that the flags describe.
type admission struct {
	flags    *admissionFlags
	log      *slog.Logger
	prefixes guard.Prefixes
	denied   *guard.PrefixSet // of prefixes
	dryRun   *guard.DryRun    // nil without --dry-run
}

func newAdmission(f *admissionFlags, log *slog.Logger) (*admission, error) {
	for _, limit := range []struct {
		flag         string
		value, least float64
	}{
		{"rate-limit", f.rateLimit, 0}, {"rate-burst", f.rateBurst, 1}, {"max-rate", f.maxRate, 0},
		{"rate-slip", float64(f.rateSlip), 0},
	} {
		if !(limit.value >= limit.least) {
			return nil, usage(fmt.Sprintf("use %v or more", limit.least), "--%s %v is out of range",
				limit.flag, limit.value)
		}
	}
	if f.denyInKernel && len(f.deny) == 0 {
		return nil, usage("name the sources: --deny PREFIX", "--deny-in-kernel needs --deny")
	}
	if f.denyInKernel && f.dryRun {
		return nil, usage("leave one of them out", "--deny-in-kernel conflicts with --dry-run, which drops nothing")
	}
	a := &admission{flags: f, log: log}
	return a, a.load()
}

// load reads the prefixes. If one is wrong, the prefixes in use remain.
func (a *admission) load() error {
	allow, err := readPrefixes("allow", a.flags.allow)
	if err != nil {
		return err
	}
	deny, err := readPrefixes("deny", a.flags.deny)
	if err != nil {
		return err
	}
	a.prefixes.Set(allow, deny)
	a.denied = deny
	return nil
}

// files returns the files with prefixes.
func (f *admissionFlags) files() (names []string) {
	for _, v := range slices.Concat(f.allow, f.deny) {
		if name, isFile := strings.CutPrefix(v, "@"); isFile {
			names = append(names, name)
		}
	}
	return names
}

// reloads reports whether there are files to read again.
func (a *admission) reloads() bool { return len(a.flags.files()) > 0 }

// reload reads the files again, and reports the result.
func (a *admission) reload(srv *ohce.Server) {
	if err := a.load(); err != nil {
		a.log.Error("prefixes not changed", "error", err)
		return
	}
	if a.flags.denyInKernel {
		a.filter(srv)
	}
	a.log.Info("prefixes read again")
}

// filter makes the kernel drop the datagrams of denied sources if the flags say so. Otherwise it
// removes the filter of a predecessor. If it fails, the guard drops these datagrams.
func (a *admission) filter(srv *ohce.Server) {
	var denied *guard.PrefixSet
	if a.flags.denyInKernel {
		denied = a.denied
	}
	if err := srv.DenyInKernel(denied); err != nil {
		a.log.Warn("the kernel drops no sources; the server drops them", "error", rootCause(err))
	}
}

// readPrefixes returns the set of all values of a flag, or nil if there are none.
func readPrefixes(flag string, values []string) (*guard.PrefixSet, error) {
	if len(values) == 0 {
		return nil, nil
	}
	var all []netip.Prefix
	for _, v := range values {
		name, isFile := strings.CutPrefix(v, "@")
		if !isFile {
			p, err := guard.ParsePrefix(v)
			if err != nil {
				return nil, usage("use a prefix such as 192.0.2.0/24, an address, or @FILE", "--%s: %v", flag, err)
			}
			all = append(all, p)
			continue
		}
		prefixes, err := readPrefixFile(name)
		if err != nil {
			return nil, usage("write one prefix or address a line; text behind # is ignored", "--%s: %s: %v", flag,
				name, err)
		}
		all = append(all, prefixes...)
	}
	return guard.NewPrefixSet(all...), nil
}

func readPrefixFile(name string) ([]netip.Prefix, error) {
	file, err := os.Open(name)
	if err != nil {
		var pathErr *fs.PathError
		if errors.As(err, &pathErr) {
			err = pathErr.Err
		}
		return nil, err
	}
	defer file.Close()
	return guard.ParsePrefixes(file)
}

// guard returns the guard of the server.
func (a *admission) guard() guard.Guard {
	f := a.flags
	limits := guard.Guards{&a.prefixes}
	if f.rateLimit > 0 {
		limits = append(limits, &guard.RateLimit{
			Rate: f.rateLimit, Burst: f.rateBurst, Slip: f.rateSlip, Local: f.rateLocal,
			OnLimit: func(p netip.Prefix) {
				a.log.Warn("limiting the rate", "prefix", p, "dry_run", f.dryRun)
			},
		})
	}
	if f.credit >= 0 {
		credit := f.credit
		if credit == 0 {
			credit = -1
		}
		limits = append(limits, &guard.Amplification{Credit: credit, Local: f.rateLocal})
	}
	if f.maxRate > 0 {
		limits = append(limits, &guard.Ceiling{Rate: f.maxRate})
	}
	if f.dryRun {
		a.dryRun = &guard.DryRun{Guard: limits}
		return guard.Guards{guard.Loops{}, a.dryRun}
	}
	// Loops see only the requests that the prefixes admit.
	return append(guard.Guards{&a.prefixes, guard.Loops{}}, limits[1:]...)
}

// summary returns what a dry run has counted, or an empty string.
func (a *admission) summary() string {
	if a.dryRun == nil {
		return ""
	}
	rate, denied := a.dryRun.Count(guard.DropRate), a.dryRun.Count(guard.DropDenied)
	return fmt.Sprintf("dry run: would have dropped %s (rate %d, denied %d)\n",
		strconv.FormatUint(rate+denied, 10), rate, denied)
}
