package lab

import (
	"net/url"
	"strings"
	"testing"
)

func TestParseSettings(t *testing.T) {
	for query, want := range map[string]string{
		"":      "",
		"text=": "",
		"text=Gr%C3%BC%C3%9Fe+%F0%9F%A6%8A&loss=100&delay=900&jitter=300&duplicate=100&seed=4294967295": "",
		"overtake=off&server=off":         "",
		"text=" + strings.Repeat("ä", 64): "",
		"text=" + strings.Repeat("ä", 65): `must be UTF-8 with at most 64 characters`,
		"text=%ff":                        `text="\xff": must be UTF-8 with at most 64 characters`,
		"loss=101":                        `loss="101": must be a whole number from 0 to 100`,
		"loss=-1":                         `loss="-1": must be a whole number from 0 to 100`,
		"loss=3.5":                        `loss="3.5": must be a whole number from 0 to 100`,
		"loss=":                           `loss="": must be a whole number from 0 to 100`,
		"loss=99999999999999999999":       `must be a whole number from 0 to 100`,
		"delay=4":                         `delay="4": must be a whole number from 5 to 900`,
		"jitter=301":                      `jitter="301": must be a whole number from 0 to 300`,
		"seed=4294967296":                 `seed="4294967296": must be a whole number from 0 to 4294967295`,
		"server=yes":                      `server="yes": must be on or off`,
		"overtake=1":                      `overtake="1": must be on or off`,
		"los=30":                          `los="30": there is no such setting`,
		"loss=1&loss=2":                   `loss="2": is given more than once`,
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		s, err := ParseSettings(values)
		switch {
		case want == "" && err != nil:
			t.Errorf("%q: %v", query, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: error %v, want %s", query, err, want)
		case want == "":
			checkQuery(t, s)
		}
	}
}

// checkQuery checks that the query of settings yields the same settings.
func checkQuery(t *testing.T, s Settings) {
	t.Helper()
	values, err := url.ParseQuery(strings.TrimPrefix(s.Query(), "?"))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := ParseSettings(values); err != nil || again != s {
		t.Errorf("%s: %+v, %v, want %+v", s.Query(), again, err, s)
	}
}

func FuzzParseSettings(f *testing.F) {
	d := DefaultSettings()
	f.Add(strings.TrimPrefix(d.Query(), "?"))
	f.Add("text=%00%22%3Cscript%3E&loss=0x10&seed=-0")
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		s, err := ParseSettings(values)
		if err != nil {
			return
		}
		checkQuery(t, s)
		if err := s.Link().Check(); err != nil {
			t.Errorf("%+v: %v", s, err)
		}
	})
}
