package cli

import "testing"

// TestParseDSCP checks names of each kind against the values of their RFCs.
func TestParseDSCP(t *testing.T) {
	for value, want := range map[string]int{
		"0": 0, "63": 63, "DF": 0, "LE": 1, "CS0": 0, "cs1": 8, "CS7": 56, "AF11": 10, "AF13": 14,
		"AF23": 22, "Af32": 28, "AF41": 34, "AF43": 38, "EF": 46, "VOICE-ADMIT": 44,
	} {
		if got, err := parseDSCP(value); got != want || err != nil {
			t.Errorf("%s: %d, %v, want %d", value, got, err, want)
		}
	}
	for _, value := range []string{"64", "-1", "", "AF44", "AF51", "CS8", "4.5"} {
		if got, err := parseDSCP(value); err == nil {
			t.Errorf("%s: %d, want an error", value, got)
		}
	}
}
