package lab

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"path"
	"sync"
)

// assets are the files that the page loads, with their media types.
var assets = map[string]string{
	"lab.css":  "text/css; charset=utf-8",
	"lab.js":   "text/javascript; charset=utf-8",
	"icon.svg": "image/svg+xml",
}

//go:embed static
var static embed.FS

// pageData is what the template of the page shows.
type pageData struct {
	Settings       Settings
	Numbers        []numberControl
	MaxText        int
	MaxSeed        int
	Experiments    []Experiment
	Client, Server []codeLine
}

// A numberControl is a slider.
type numberControl struct {
	Name, Label, Unit, Hint string
	Value, Min, Max, Step   int
}

// page returns the page, which is the same for all requests.
var page = sync.OnceValue(func() []byte {
	d := DefaultSettings()
	data := pageData{
		Settings: d, MaxText: MaxText, MaxSeed: MaxSeed, Experiments: experiments,
		Client: clientLines(), Server: serverLines(),
		Numbers: []numberControl{
			{"loss", "Loss", "%", "each way", d.Loss, 0, 100, 1},
			{"delay", "Delay", "ms", "each way", d.Delay, MinDelay, MaxDelay, 5},
			{"jitter", "Jitter", "ms", "around the delay", d.Jitter, 0, MaxJitter, 5},
			{"duplicate", "Duplication", "%", "each way", d.Duplicate, 0, 100, 1},
		},
	}
	var b bytes.Buffer
	if err := template.Must(template.ParseFS(static, "static/lab.html")).Execute(&b, data); err != nil {
		panic(err) // a defect of this package; a test finds it
	}
	return b.Bytes()
})

func servePage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Write(page())
}

func serveAsset(w http.ResponseWriter, r *http.Request) {
	name := path.Base(r.URL.Path)
	data, err := static.ReadFile("static/" + name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", assets[name])
	w.Write(data)
}
