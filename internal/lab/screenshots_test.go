package lab_test

import (
	"testing"

	"github.com/ohce/ohce/internal/browsertest"
)

// TestScreenshots writes the pictures that the documents show. See make screenshots.
func TestScreenshots(t *testing.T) {
	folder := browsertest.ScreenshotFolder(t)
	b := browsertest.Start(t)
	p := b.Open(t, start(t), browsertest.View{Width: 1280, Height: 1060, ReducedMotion: true})
	shown(p)
	browsertest.Eval[bool](p, `moveTo(365), true`) // the last response is on its way
	p.WriteScreenshot(folder, "lab.png")
}
