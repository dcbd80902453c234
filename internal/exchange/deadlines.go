package exchange

import "time"

// deadlines is a binary heap of requests, ordered by deadline. Each request holds its index, so
// that it can be removed when its response arrives.
type deadlines []*Request

// next returns the earliest deadline, or the zero Time if there is none.
func (h deadlines) next() time.Time {
	if len(h) == 0 {
		return time.Time{}
	}
	return h[0].deadline
}

// init restores the order after deadlines have changed.
func (h deadlines) init() {
	for i := len(h)/2 - 1; i >= 0; i-- {
		h.down(i)
	}
}

func (h *deadlines) add(r *Request) {
	*h = append(*h, r)
	r.heapIndex = len(*h)
	h.up(len(*h) - 1)
}

// remove removes r if it is in the heap.
func (h *deadlines) remove(r *Request) {
	i, last := r.heapIndex-1, len(*h)-1
	if i < 0 {
		return
	}
	if i != last {
		h.swap(i, last)
	}
	(*h)[last] = nil
	*h = (*h)[:last]
	r.heapIndex = 0
	if i != last {
		h.down(i)
		h.up(i)
	}
}

func (h deadlines) swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].heapIndex, h[j].heapIndex = i+1, j+1
}

func (h deadlines) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !h[i].deadline.Before(h[parent].deadline) {
			return
		}
		h.swap(i, parent)
		i = parent
	}
}

func (h deadlines) down(i int) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(h); child++ {
			if h[child].deadline.Before(h[least].deadline) {
				least = child
			}
		}
		if least == i {
			return
		}
		h.swap(i, least)
		i = least
	}
}
