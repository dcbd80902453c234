// Package network measures the client in bad networks and writes a report.
//
// The networks are models of package link, in memory and in the time of a testing/synctest bubble.
// The results therefore depend on the decisions of the client, and not on the speed of the machine.
// Because bubbles are for tests, a test writes the report:
//
//	make network EXCHANGES=10000
package network

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/link"
)

// budget is the time limit of an exchange.
const budget = 1500 * time.Millisecond

// The values that the cells of the matrix combine.
var (
	losses      = []float64{0, 0.01, 0.05, 0.1, 0.3, 0.5} // each way
	roundTrips  = []time.Duration{1 * ms, 20 * ms, 150 * ms, 400 * ms}
	duplicates  = []float64{0, 0.1}
	reorders    = []bool{false, true}
	corruptions = []float64{0, 0.01}
)

const ms = time.Millisecond

// concurrency is the number of concurrent exchanges on real sockets.
const concurrency = 100

// A cell is one network of the matrix. Its impairments apply in each direction.
type cell struct {
	loss      float64       // probability
	trip      time.Duration // round-trip time without jitter
	duplicate float64       // probability
	reorder   bool          // whether the delay varies
	corrupt   float64       // probability
}

// cells returns all cells of the matrix. Those with only loss and delay come first.
func cells() (all []cell) {
	for _, duplicate := range duplicates {
		for _, reorder := range reorders {
			for _, corrupt := range corruptions {
				for _, trip := range roundTrips {
					for _, loss := range losses {
						all = append(all, cell{loss, trip, duplicate, reorder, corrupt})
					}
				}
			}
		}
	}
	return all
}

func (c cell) String() string {
	return fmt.Sprintf("loss %g, RTT %v, duplicated %g, reordered %v, corrupted %g", c.loss, c.trip,
		c.duplicate, c.reorder, c.corrupt)
}

// plain reports whether the cell has no impairments besides loss and delay.
func (c cell) plain() bool { return c.duplicate == 0 && !c.reorder && c.corrupt == 0 }

// jitterShare is the jitter of a cell that reorders, as a share of the delay in each direction. It
// makes the longest round trip a quarter longer, so that a response to the last attempt of the
// linear schedule still arrives in time.
const jitterShare = 0.25

// model returns a link model of the cell.
func (c cell) model(seed uint64) *link.Link {
	impairment := link.Impairment{
		Loss: link.RandomLoss(c.loss), Duplicate: c.duplicate, Corrupt: c.corrupt,
		Delay: link.Delay{Base: c.trip / 2},
	}
	if c.reorder {
		impairment.Delay.Jitter = time.Duration(jitterShare * float64(impairment.Delay.Base))
	}
	return &link.Link{Seed: seed, Up: impairment, Down: impairment}
}

// unanswered returns the probability that none of n attempts is answered. A request and its
// response each arrive intact with the probability a = (1 − loss)(1 − corrupt), because a corrupted
// datagram is useless. The server answers both copies of a duplicated request. Both copies of a
// response are corrupted or neither is.
func (c cell) unanswered(n int) float64 {
	a := (1 - c.loss) * (1 - c.corrupt)
	one := a * ((1-c.duplicate)*a + c.duplicate*(1-(1-a)*(1-a)))
	return math.Pow(1-one, float64(n))
}

// A retry is a retry schedule with its name.
type retry struct {
	name  string
	retry ohce.Retry
}

var (
	linear   = retry{"linear", ohce.LinearRetry()}
	adaptive = retry{"adaptive", ohce.AdaptiveRetry(budget)}
)

// An outcome is the result of one client in one cell.
type outcome struct {
	exchanges int             // number of exchanges
	wrong     int             // number of wrong responses
	sent      uint64          // number of datagrams sent
	elapsed   []time.Duration // times of the exchanges with a right response within budget
}

// unansweredShare returns the share of exchanges without a right response within budget.
func (o *outcome) unansweredShare() float64 {
	return float64(o.exchanges-len(o.elapsed)) / float64(o.exchanges)
}

// datagrams returns the mean number of datagrams sent per exchange.
func (o *outcome) datagrams() float64 { return float64(o.sent) / float64(o.exchanges) }

// quantile returns the time within which the given share of all exchanges has a response. An
// exchange without a response has an infinite time. If the quantile is infinite, quantile returns
// false.
func (o *outcome) quantile(share float64) (time.Duration, bool) {
	at := int(math.Ceil(share*float64(o.exchanges))) - 1
	if at >= len(o.elapsed) {
		return 0, false
	}
	took := slices.Clone(o.elapsed)
	slices.Sort(took)
	return took[at], true
}

// A result is a cell with the outcomes of both clients.
type result struct {
	cell
	linear, adaptive outcome
}
