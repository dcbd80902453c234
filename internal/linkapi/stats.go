package linkapi

import "github.com/ohce/ohce/link/relay"

// Stats are those of a relay, in JSON.
type Stats struct {
	Up      Way    `json:"up"`
	Down    Way    `json:"down"`
	Ports   int    `json:"ports"`
	Opened  uint64 `json:"opened"`
	Expired uint64 `json:"expired"`
	NoPort  uint64 `json:"no_port"`
	Refused uint64 `json:"refused"`
	Errors  uint64 `json:"read_errors"`
}

// A Way is one direction of them.
type Way struct {
	Received      uint64 `json:"received"`
	Oversize      uint64 `json:"oversize"`
	BlackHoled    uint64 `json:"black_holed"`
	TooLong       uint64 `json:"too_long"`
	Lost          uint64 `json:"lost"`
	Overflow      uint64 `json:"overflow"`
	Delivered     uint64 `json:"delivered"`
	Truncated     uint64 `json:"truncated"`
	Corrupted     uint64 `json:"corrupted"`
	Duplicated    uint64 `json:"duplicated"`
	Reordered     uint64 `json:"reordered"`
	Rebound       uint64 `json:"rebound"`
	Sent          uint64 `json:"sent"`
	Unsent        uint64 `json:"unsent"`
	Crowded       uint64 `json:"crowded"`
	Forgotten     uint64 `json:"forgotten"`
	Waiting       uint64 `json:"waiting"`
	KernelDropped uint64 `json:"kernel_dropped"`
}

func statsOf(s relay.Stats) Stats {
	return Stats{
		Up: wayOf(s.Up), Down: wayOf(s.Down), Ports: s.Mappings, Opened: s.Opened, Expired: s.Expired,
		NoPort: s.NoMapping, Refused: s.PortUnreachable, Errors: s.ReadErrors,
	}
}

func wayOf(w relay.DirectionStats) Way {
	return Way{
		Received: w.Received, Oversize: w.Oversize, BlackHoled: w.BlackHoled, TooLong: w.TooLong,
		Lost: w.Lost, Overflow: w.Overflow, Delivered: w.Delivered, Truncated: w.Truncated,
		Corrupted: w.Corrupted, Duplicated: w.Duplicated, Reordered: w.Reordered, Rebound: w.Rebound,
		Sent: w.Sent, Unsent: w.Unsent, Crowded: w.BufferFull, Forgotten: w.Unmapped, Waiting: w.Delayed,
		KernelDropped: w.KernelDropped,
	}
}
