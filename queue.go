package ohce

import "iter"

// A queue is first in, first out. Its zero value is empty.
type queue[T any] struct {
	items []T
	head  int
}

func (q *queue[T]) len() int { return len(q.items) - q.head }
func (q *queue[T]) first() T { return q.items[q.head] }
func (q *queue[T]) push(v T) { q.items = append(q.items, v) }

// pop takes the first one out. Room is used again when half of it is empty.
func (q *queue[T]) pop() {
	var none T
	q.items[q.head] = none
	q.head++
	if 2*q.head >= len(q.items) {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
}

// all ranges over the queue, oldest first.
func (q *queue[T]) all() iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, v := range q.items[q.head:] {
			if !yield(v) {
				return
			}
		}
	}
}
