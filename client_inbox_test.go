package ohce

import (
	"fmt"
	"reflect"
	"testing"
	"testing/synctest"
)

// TestInboxBoundsMemory: a reader whose datagrams nothing takes waits when they and their records fill
// the inbox, however short they are.
func TestInboxBoundsMemory(t *testing.T) {
	record := int(reflect.TypeFor[arrival]().Size())
	for _, size := range []int{0, 10, 60_000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				in := newInbox()
				data := make([]byte, size)
				go func() {
					for range 4 * maxInboxBytes / (record + size) {
						if !in.lock() {
							return
						}
						in.add(arrival{}, data)
						in.unlock()
					}
				}()
				var used arrivals
				for range 3 {
					synctest.Wait() // until the reader waits for room
					used = in.take(used)
					n := len(used.data) + len(used.list)*record
					if n > maxInboxBytes+2*(record+size) || n < maxInboxBytes/2 {
						t.Errorf("the inbox held %d bytes, want about %d", n, maxInboxBytes)
					}
				}
				in.close()
			})
		})
	}
}

// TestInboxReusesMemory: an inbox uses what take returned again, unless that is unusually large.
func TestInboxReusesMemory(t *testing.T) {
	for _, tt := range []struct {
		name string
		used arrivals
		want bool
	}{
		{"usual", arrivals{make([]arrival, 0, 1000), make([]byte, 0, 100_000)}, true},
		{"much data", arrivals{make([]arrival, 0, 1000), make([]byte, 0, 3*maxInboxBytes)}, false},
		{"many records", arrivals{make([]arrival, 0, maxInboxBytes/20), make([]byte, 0, 10)}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := newInbox()
			in.take(tt.used)
			if got := cap(in.new.list) > 0 || cap(in.new.data) > 0; got != tt.want {
				t.Errorf("the memory is used again: %v, want %v", got, tt.want)
			}
		})
	}
}
