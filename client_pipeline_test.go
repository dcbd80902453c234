package ohce

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
)

// TestFlightTable does what it likes with a table and with a plain list, and compares.
func TestFlightTable(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 4))
	var table flightTable
	table.init()
	var list []*flight
	answered := make(map[string]bool)
	for range 100_000 {
		word := strconv.Itoa(random.IntN(20))
		switch random.IntN(3) {
		case 0:
			f := &flight{want: []byte(word)}
			table.add(f)
			list = append(list, f)
		case 1:
			at := slices.IndexFunc(list, func(f *flight) bool { return string(f.want) == word })
			f, why := table.match([]byte(word))
			switch {
			case at >= 0:
				if f != list[at] {
					t.Fatalf("match of %q is not the oldest", word)
				}
				list = slices.Delete(list, at, at+1)
				answered[word] = true
			case f != nil:
				t.Fatalf("match of %q found what is not there", word)
			case (why == IgnoreDuplicate) != answered[word]:
				t.Fatalf("%q is %v, answered before: %v", word, why, answered[word])
			}
		case 2:
			if len(list) == 0 {
				continue
			}
			at := random.IntN(len(list))
			table.remove(list[at])
			list = slices.Delete(list, at, at+1)
		}
		if table.len != len(list) {
			t.Fatalf("%d exchanges, want %d", table.len, len(list))
		}
	}
}

// TestFlightTableForgets: the memory of answers is bounded.
func TestFlightTableForgets(t *testing.T) {
	var table flightTable
	table.init()
	for i := range 3 * recentMost {
		table.add(&flight{want: []byte(strconv.Itoa(i))})
		table.match([]byte(strconv.Itoa(i)))
	}
	if len(table.recent) != recentMost || len(table.heads) != 0 || len(table.tails) != 0 {
		t.Errorf("%d remembered, %d and %d in the table, want %d, 0, 0", len(table.recent), len(table.heads),
			len(table.tails), recentMost)
	}
	for i, want := range map[int]IgnoreReason{0: IgnoreUnexpected, 3*recentMost - 1: IgnoreDuplicate} {
		if _, why := table.match([]byte(strconv.Itoa(i))); why != want {
			t.Errorf("answer %d again is %v, want %v", i, why, want)
		}
	}
}

func TestQueue(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 5))
	var q queue[int]
	var list []int
	for i := range 100_000 {
		if random.IntN(2) == 0 {
			q.push(i)
			list = append(list, i)
		} else if len(list) > 0 {
			if got := q.first(); got != list[0] {
				t.Fatalf("first is %d, want %d", got, list[0])
			}
			q.pop()
			list = list[1:]
		}
		if q.len() != len(list) || i%1000 == 0 && !slices.Equal(slices.Collect(q.all()), list) {
			t.Fatalf("the queue is %v, want %v", slices.Collect(q.all()), list)
		}
	}
}
