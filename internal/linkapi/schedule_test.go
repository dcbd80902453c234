package linkapi

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/ohce/ohce/link"
	"github.com/ohce/ohce/ohcetest"
)

// A schedule has at most MaxPhases phases, however it reaches the manager.
func TestTooManyPhases(t *testing.T) {
	srv := ohcetest.NewServer(nil)
	defer srv.Close()
	a := newAPI(t)
	phases := make([]link.Phase, MaxPhases+1)
	if _, err := a.client.Create(t.Context(), Spec{Name: "x", To: srv.Addr, Schedule: phases[1:]}); err != nil {
		t.Fatalf("%d phases: %v", MaxPhases, err)
	}
	if err := a.client.SetSchedule(t.Context(), "x", phases[1:]); err != nil {
		t.Fatalf("%d phases: %v", MaxPhases, err)
	}
	_, direct := a.m.Create(t.Context(), Spec{To: srv.Addr, Schedule: phases})
	_, created := a.client.Create(t.Context(), Spec{To: srv.Addr, Schedule: phases})
	for name, err := range map[string]error{
		"Manager.Create": direct, "POST": created,
		"Manager.SetSchedule": a.m.SetSchedule("x", phases),
		"PUT":                 a.client.SetSchedule(t.Context(), "x", phases),
	} {
		var e *Error
		if !errors.As(err, &e) || e.Status != 400 || e.Field != "schedule" ||
			e.Message != "the schedule has more than 1000 phases" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if all := a.m.List(); len(all) != 1 || len(all[0].Schedule) != MaxPhases {
		t.Errorf("%d links, or the schedule has changed", len(all))
	}
}

// The decoder stops at the limit: it does not allocate for the rest of a long list.
func TestDecodeScheduleMemory(t *testing.T) {
	list := json.RawMessage("[" + strings.Repeat(`{"at":"0s"},`, 100*MaxPhases) + `{"at":"0s"}]`)
	short := json.RawMessage("[" + strings.Repeat(`{"at":"0s"},`, MaxPhases) + `{"at":"0s"}]`)
	allocations := func(data json.RawMessage) float64 {
		return testing.AllocsPerRun(1, func() {
			if _, err := decodeSchedule(data); !errors.Is(err, errPhases) {
				t.Errorf("%v, want %v", err, errPhases)
			}
		})
	}
	if n, limit := allocations(list), 2*allocations(short); n > limit {
		t.Errorf("%v allocations for %d phases, want at most %v", n, 100*MaxPhases, limit)
	}
}
