package cli

import "testing"

func TestEditDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"listen", "listen", 0},
		{"lisen", "listen", 1},
		{"listten", "listen", 1},
		{"lixten", "listen", 1},
		{"lnik", "link", 1}, // two adjacent letters swapped
		{"sevre", "serve", 1},
		{"serve", "send", 3},
	} {
		if got := editDistance(tt.a, tt.b); got != tt.want {
			t.Errorf("editDistance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
		if got := editDistance(tt.b, tt.a); got != tt.want {
			t.Errorf("editDistance(%q, %q) = %d, want %d", tt.b, tt.a, got, tt.want)
		}
	}
}

func TestSuggest(t *testing.T) {
	names := []string{"listen", "buffer-size", "transform", "log", "shards"}
	for word, want := range map[string]string{
		"lisen":      "listen",
		"LISTEN":     "listen",
		"buffersize": "buffer-size",
		"buf":        "buffer-size",
		"lgo":        "log",
		"server":     "",
		"x":          "",
		"":           "",
	} {
		if got := suggest(word, names); got != want {
			t.Errorf("suggest(%q) = %q, want %q", word, got, want)
		}
	}
}
