package linkapi

import (
	"encoding/json"
	"testing"
)

// TestLimitsInJSON checks that the limits of ports pass the API.
func TestLimitsInJSON(t *testing.T) {
	want := Spec{To: "127.0.0.1:1", MaxNewPorts: 1, MaxPortsPerAddress: 2, MaxNewPortsPerAddress: 3}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got Spec
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if got.MaxNewPorts != 1 || got.MaxPortsPerAddress != 2 || got.MaxNewPortsPerAddress != 3 {
		t.Errorf("%s became %+v", text, got)
	}
}
