package loadreport_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/ohce/ohce/internal/loadreport"
)

// TestDocument checks that Read returns what was written as JSON, except for the counts that only
// the report as a whole has.
func TestDocument(t *testing.T) {
	for name, r := range reports {
		data, err := json.Marshal(loadreport.Document{Header: header, Report: r})
		if err != nil {
			t.Fatal(err)
		}
		got, err := loadreport.Read(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		again, err := json.Marshal(got)
		if err != nil || string(again) != string(data) {
			t.Errorf("%s: error %v, read\n%s\nwant\n%s", name, err, again, data)
		}
		if !reflect.DeepEqual(got.Header, header) {
			t.Errorf("%s: header %+v, want %+v", name, got.Header, header)
		}
	}
	data, _ := json.Marshal(loadreport.Document{Header: header, Report: reports["one"]})
	if want := `{"target":"192.0.2.7:3000","settings":{"rate":"1000","duration":"20s",`; !strings.HasPrefix(
		string(data), want) {
		t.Errorf("%s\nwant it to begin with %s", data, want)
	}
}

// TestReadTexts checks that texts beside the report count as settings.
func TestReadTexts(t *testing.T) {
	data := `{"target":"x:1","payload":"texts","load":"1000 a second","seed":7,"asked":0,"sent":0,"answered":0,` +
		`"trustworthy":true,"duration_ms":0,"intervals":null}`
	doc, err := loadreport.Read([]byte(data))
	if err != nil {
		t.Fatal(err)
	}
	want := loadreport.Settings{{"load", "1000 a second"}, {"payload", "texts"}}
	if !reflect.DeepEqual(doc.Settings, want) || doc.Target != "x:1" {
		t.Errorf("target %q, settings %+v, want %+v", doc.Target, doc.Settings, want)
	}
}

func TestReadErrors(t *testing.T) {
	good, _ := json.Marshal(loadreport.Document{Header: header, Report: reports["one"]})
	for name, tt := range map[string]struct{ data, want string }{
		"empty":      {"", "it is empty"},
		"text":       {"hello", "no JSON: invalid character 'h'"},
		"incomplete": {string(good[:100]), "the JSON object is incomplete"},
		"array":      {"[1]", "it holds a JSON array and not an object"},
		"other":      {`{"summary":{}}`, `the field "asked" is missing`},
		"two":        {string(good) + "\n" + string(good), "unexpected data after the JSON object, at byte"},
		"wrong type": {strings.Replace(string(good), `"asked":1`, `"asked":"1"`, 1),
			`the field "asked" has the wrong type`},
		"wrong setting": {strings.Replace(string(good), `"rate":"1000"`, `"rate":1000`, 1), `wrong type`},
		"deep":          {strings.Repeat(`{"a":`, 20_000), "exceeded max depth"},
	} {
		if _, err := loadreport.Read([]byte(tt.data)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", name, err, tt.want)
		}
	}
}

func TestDifferences(t *testing.T) {
	a := loadreport.Settings{{"rate", "1000"}, {"clients", "2"}, {"timeout", "1s"}}
	b := loadreport.Settings{{"timeout", "1s"}, {"rate", "2000"}, {"send", "x"}, {"empty", ""}}
	want := []loadreport.Difference{{"rate", "1000", "2000"}, {"clients", "2", ""}, {"send", "", "x"}}
	if got := loadreport.Differences(a, b); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := loadreport.Differences(a, a); got != nil {
		t.Errorf("%+v between equal settings", got)
	}
}

func FuzzRead(f *testing.F) {
	good, _ := json.Marshal(loadreport.Document{Header: header, Report: reports["one"]})
	f.Add(good)
	f.Add([]byte(`{"asked":1,"sent":1,"answered":1,"trustworthy":true,"duration_ms":1e300,"intervals":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := loadreport.Read(data)
		if err == nil && doc.Report == nil {
			t.Error("neither a report nor an error")
		}
		if err != nil && err.Error() == "" {
			t.Error("an error without text")
		}
	})
}
