package cli

import "time"

// checkLive checks that ohce can draw a live view on standard output.
func (a *app) checkLive(f *pingFlags) error {
	term, _ := a.lookupEnv("TERM")
	switch {
	case !f.live:
		return nil
	case f.json:
		return usage("leave out --live or --json", "--live has no effect with --json")
	case !isTerminal(a.out):
		return usage("leave out --live, or use --json", "--live: standard output is not a terminal")
	case term == "dumb":
		return usage("leave out --live, or set TERM to the type of the terminal",
			"--live: the terminal cannot move the cursor (TERM is dumb)")
	default:
		return nil
	}
}

// startPingView starts the live view of p, if --live is set.
func (a *app) startPingView(p *pinger) {
	if !p.flags.live {
		return
	}
	p.view = liveView{title: p.title(), sum: &p.sum, style: a.styleFor(a.out)}
	begun := time.Now()
	p.live = startLive(a.out, func() (int, int) { return sizeOf(a.out) }, func(width, height int) []string {
		p.sum.SetCounts(p.prober.Counts())
		p.view.elapsed, p.view.totals = time.Since(begun), p.totals()
		return p.view.draw(width, height)
	})
}
