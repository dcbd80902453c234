package measure

// A pathSearch finds the path MTU of both directions (RFC 8899). It only asks questions, so it needs
// neither a socket nor a clock.
//
// A request that must not be fragmented shows that its size passes forward. A response has the size of
// its request, and the kernel reports whether it arrived in fragments. If both directions lose long
// packets without a report, a lost response looks like a lost request: see fragmentsPass and
// forwardUnseen.
type pathSearch struct {
	// ask answers a question.
	ask func(pathProbe) pathResult
	// smallest is the size of the smallest request. tries is how often a size is tried.
	smallest, tries int
	// closed reports that a closed port of the server is known. routersFragment reports that routers
	// fragment requests that may be fragmented, as with IPv4. Otherwise, this system does so for sizes
	// that exceed the path MTU reported by a router.
	closed, routersFragment bool

	both   pathBound // requests that must not be fragmented, and that have a response
	back   pathBound // responses in one piece
	routed pathBound // the sizes about which routers reported
	here   int       // the smallest size that is too long for the first link; 0 if none is

	fragmented bool // a request in fragments was answered
	asked      int
	stopped    bool
}

// maxConfirmations bounds how often a search starts again because a size passes that was lost before.
const maxConfirmations = 5

// maxQuestions bounds the questions of a measurement.
const maxQuestions = 300

// run returns the two directions. ok is false if the smallest request got no response, or if the
// measurement was stopped.
func (s *pathSearch) run() (forward, back PathDirection, ok bool) {
	s.both = pathBound{
		low: s.smallest - 1, high: maxPacket + 1, hint: s.smallest, limit: PathLimitNone,
	}
	s.back, s.routed = s.both, s.both
	if s.try(&s.both, pathProbe{size: s.smallest, tries: 2 * s.tries}); s.both.low < s.smallest {
		return forward, back, false
	}
	s.both.hint = maxPacket
	s.search(&s.both, func(size int) pathProbe { return pathProbe{size: size} })
	if s.here > 0 {
		s.back.fails(s.here, PathLimitInterface, s.back.router)
	}
	if s.both.limit == PathLimitLost && !s.routersFragment {
		// A longer request does not arrive in fragments either.
		s.back.fails(s.both.high, PathLimitLost, s.back.router)
	}
	s.back.hint = s.back.high - 1
	s.search(&s.back, func(size int) pathProbe {
		return pathProbe{size: size, fragment: size > s.both.low}
	})
	forward, back = s.direction(&s.both), s.direction(&s.back)
	if forward.Limit == PathLimitLost && back.Limit == PathLimitLost && s.back.high <= s.both.high {
		forward = s.forwardUnseen()
	}
	if back.Limit == PathLimitLost {
		back.Exact = s.arrives(s.back.high, &forward)
	}
	return forward, back, !s.stopped
}

// direction returns the result of a search.
func (s *pathSearch) direction(b *pathBound) PathDirection {
	return PathDirection{MTU: b.low, Seen: b.low, Exact: true, Limit: b.limit, Router: b.router}
}

// search asks until the bound is exact. At the end, it asks again about a size that was lost: if all
// tries were lost by chance, a larger size passes, and the search continues above it.
func (s *pathSearch) search(b *pathBound, question func(size int) pathProbe) {
	for range maxConfirmations {
		before := *b
		for !b.done() && !s.stopped {
			q := question(b.next())
			q.tries = s.tries
			s.try(b, q)
		}
		if s.stopped || b.limit != PathLimitLost {
			return
		}
		lost := b.high
		b.high, b.limit, b.router = before.high, before.limit, before.router
		q := question(lost)
		q.tries = 2 * s.tries
		if s.try(b, q); b.high <= lost {
			return
		}
	}
}

// try asks a question for a search and records the answer. It stops the search after maxQuestions.
func (s *pathSearch) try(b *pathBound, q pathProbe) {
	if s.asked++; s.asked > maxQuestions {
		s.stopped = true
		return
	}
	switch r := s.ask(q); r.kind {
	case pathStopped:
		s.stopped = true
	case pathAnswered:
		if q.closed {
			b.passes(q.size)
		} else {
			s.answered(q, r)
		}
	case pathTooLong:
		b.fails(q.size, PathLimitICMP, r.router)
		s.routed.fails(q.size, PathLimitICMP, r.router)
		if r.mtu > 0 {
			b.hint, s.routed.hint = r.mtu, r.mtu
		}
	case pathTooLongHere:
		b.fails(q.size, PathLimitInterface, r.router)
		s.here = q.size
		if r.mtu > 0 {
			b.hint, s.here = r.mtu, min(q.size, r.mtu+1)
		}
	case pathLost:
		b.fails(q.size, PathLimitLost, r.router)
	}
}

// answered records what a response says about both directions.
func (s *pathSearch) answered(q pathProbe, r pathResult) {
	if q.fragment {
		s.fragmented = s.fragmented || q.size > s.both.low
	} else {
		s.both.passes(q.size)
	}
	if r.fragment == 0 {
		s.back.passes(q.size)
		return
	}
	s.back.fails(q.size, PathLimitFragmented, r.router)
	s.back.passes(r.fragment) // it arrived, too
	// All fragments but the last carry a multiple of eight bytes.
	s.back.hint = r.fragment + 8
}

// arrives reports whether requests of a size arrive at the server, in one piece or in fragments. If they
// do and have no response, the response is lost.
func (s *pathSearch) arrives(size int, forward *PathDirection) bool {
	reported := forward.Limit == PathLimitICMP
	switch {
	case size <= forward.Seen || reported && size <= forward.MTU:
		return true
	case s.routersFragment || reported:
		return s.fragmentsPass()
	default:
		return false
	}
}

// fragmentsPass reports whether requests pass in fragments.
func (s *pathSearch) fragmentsPass() bool {
	const beyond = 100 // bytes more than the first link carries in one piece
	if !s.fragmented && s.here > 0 && s.here+beyond <= maxPacket {
		size := s.here + beyond
		r := s.ask(pathProbe{size: size, fragment: true, tries: s.tries})
		s.fragmented = r.kind == pathAnswered
	}
	return s.fragmented
}

// forwardUnseen returns the result for requests whose responses are too long for the return path, so
// that the loss of the response looks like the loss of the request.
func (s *pathSearch) forwardUnseen() PathDirection {
	b := pathBound{low: s.both.low, high: maxPacket + 1, limit: PathLimitNone}
	if s.here > 0 {
		b.fails(s.here, PathLimitInterface, b.router)
	}
	b.hint = b.high - 1
	if s.routed.limit == PathLimitICMP {
		b.fails(s.routed.high, PathLimitICMP, s.routed.router)
		b.hint = s.routed.hint
	}
	switch {
	case s.closed:
		s.search(&b, func(size int) pathProbe { return pathProbe{size: size, closed: true} })
		return s.direction(&b)
	case b.limit == PathLimitICMP:
		for !b.done() && !s.stopped {
			size := b.next()
			s.try(&b, pathProbe{size: size, tries: s.tries})
			if b.high == size && b.limit == PathLimitLost {
				b.high, b.limit = s.routed.high, PathLimitICMP // no router objects to the size
				b.passes(size)
			}
		}
		d := s.direction(&b)
		d.Seen = s.both.low
		return d
	default:
		d := s.direction(&s.both)
		d.Exact = false
		return d
	}
}
