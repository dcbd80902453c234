package guard_test

import (
	"fmt"
	"testing"

	"github.com/ohce/ohce/guard"
)

func TestPortSet(t *testing.T) {
	tests := []struct {
		name string
		set  func() *guard.PortSet
		want map[uint16]bool
	}{
		{"zero", func() *guard.PortSet { return new(guard.PortSet) },
			map[uint16]bool{0: false, 1: false, 1023: false, 65535: false}},
		{"nil", func() *guard.PortSet { return nil },
			map[uint16]bool{0: false, 53: false, 65535: false}},
		{"service", guard.ServicePorts,
			map[uint16]bool{0: true, 7: true, 53: true, 1023: true, 1024: false, 65535: false}},
		{"add", func() *guard.PortSet { s := new(guard.PortSet); s.Add(63, 64, 65535); return s },
			map[uint16]bool{62: false, 63: true, 64: true, 65: false, 65534: false, 65535: true}},
		{"range-to-last", func() *guard.PortSet {
			s := new(guard.PortSet)
			s.AddRange(65530, 65535)
			return s
		}, map[uint16]bool{0: false, 65529: false, 65530: true, 65535: true}},
		{"range-backwards", func() *guard.PortSet {
			s := new(guard.PortSet)
			s.AddRange(10, 9)
			return s
		}, map[uint16]bool{9: false, 10: false}},
		{"remove", func() *guard.PortSet { s := guard.ServicePorts(); s.Remove(500, 501); return s },
			map[uint16]bool{499: true, 500: false, 501: false, 502: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.set()
			for port, want := range tt.want {
				if got := s.Contains(port); got != want {
					t.Errorf("Contains(%d) = %v, want %v", port, got, want)
				}
			}
		})
	}
}

func TestPortSetClone(t *testing.T) {
	a := guard.ServicePorts()
	b := a.Clone()
	b.Remove(53)
	b.Add(3000)
	if !a.Contains(53) || a.Contains(3000) {
		t.Error("a change to the clone changed the original")
	}
	if none := (*guard.PortSet)(nil).Clone(); none.Contains(0) {
		t.Error("the clone of nil contains port 0")
	}
}

func ExamplePortSet() {
	// A NAT maps clients to source port 500, which must get responses.
	set := guard.ServicePorts()
	set.Remove(500)
	fmt.Println(set.Contains(499), set.Contains(500), set.Contains(40000))
	// Output: true false false
}

func BenchmarkPortSetContains(b *testing.B) {
	s := guard.ServicePorts()
	var port uint16
	hits := 0
	for b.Loop() {
		if s.Contains(port) {
			hits++
		}
		port += 997
	}
	if b.N > 1000 && hits == 0 {
		b.Error("no port hit")
	}
}
