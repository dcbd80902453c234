package measure

import "testing"

// The turns are those that a division of the number of the request gives.
func TestTurn(t *testing.T) {
	for clients := 1; clients <= 7; clients++ {
		for workers := 1; workers <= clients; workers++ {
			s := share{workers: workers, clients: clients}
			var got turn
			for n := range 3 * clients {
				client := n % clients
				if want := (turn{client, client % workers, client / workers}); got != want {
					t.Fatalf("request %d of %d clients and %d workers: %+v, want %+v", n, clients, workers, got, want)
				}
				got = got.after(s)
			}
		}
	}
}
