package dashboard

import (
	"testing"

	"github.com/ohce/ohce/internal/browsertest"
)

// TestScreenshots writes the picture of the documents. See make screenshots.
func TestScreenshots(t *testing.T) {
	folder := browsertest.ScreenshotFolder(t)
	b := browsertest.Start(t)
	view := browsertest.Still
	view.Height = 1130
	p := b.Open(t, serveSample(t, false).url, view)
	p.Await(shownServer)
	p.WriteScreenshot(folder, "page.png")
}
