package lab_test

import (
	"testing"

	"github.com/ohce/ohce/internal/browsertest"
)

// TestScreenshots writes the pictures that the documents show. See make screenshots.
func TestScreenshots(t *testing.T) {
	folder := browsertest.ScreenshotFolder(t)
	b := browsertest.Start(t)
	url := start(t)
	view := browsertest.Still
	view.Height = 1010
	p := b.Open(t, url, view)
	shown(p)
	p.WriteScreenshot(folder, "lab.png")
}
