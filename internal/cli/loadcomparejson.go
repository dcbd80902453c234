package cli

// A comparisonJSON is a comparison as JSON.
type comparisonJSON struct {
	A        comparedJSON  `json:"a"`
	B        comparedJSON  `json:"b"`
	Settings []settingJSON `json:"different_settings"`
	Changes  []changeJSON  `json:"changes"`
	Verdict  string        `json:"verdict"`
}

type comparedJSON struct {
	File        string `json:"file"`
	Target      string `json:"target"`
	Trustworthy bool   `json:"trustworthy"`
}

type settingJSON struct {
	Name string `json:"name"`
	A    string `json:"a"`
	B    string `json:"b"`
}

// A changeJSON is a change. Change, Low and High are missing if the change is unknown.
type changeJSON struct {
	Figure    string   `json:"figure"`
	Unit      string   `json:"unit"`
	A         float64  `json:"a"`
	B         float64  `json:"b"`
	Change    *float64 `json:"change_percent,omitempty"`
	Low       *float64 `json:"low_percent,omitempty"`
	High      *float64 `json:"high_percent,omitempty"`
	Threshold float64  `json:"threshold_percent"`
	Verdict   string   `json:"verdict"`
}

// json returns the comparison as a JSON object on a line.
func (c *comparison) json() string {
	v, _ := c.verdict()
	all := comparisonJSON{Settings: []settingJSON{}, Verdict: v.String()}
	for i, to := range []*comparedJSON{&all.A, &all.B} {
		*to = comparedJSON{c.names[i], c.reports[i].Target, c.reports[i].Trustworthy}
	}
	for _, d := range c.differences() {
		all.Settings = append(all.Settings, settingJSON(d))
	}
	for _, change := range c.changes {
		j := changeJSON{Figure: change.Figure, Unit: change.Unit, A: change.A, B: change.B,
			Threshold: change.Percent, Verdict: change.Verdict.String()}
		if change.Known {
			j.Change, j.Low, j.High = &change.Change, &change.Low, &change.High
		}
		all.Changes = append(all.Changes, j)
	}
	return string(marshal(all))
}
