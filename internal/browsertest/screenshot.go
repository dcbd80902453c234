package browsertest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// ScreenshotVariable is the environment variable with the folder for the pictures of the documents.
// make screenshots sets it.
const ScreenshotVariable = "OHCE_SCREENSHOTS"

// maxScreenshot is the maximum size in bytes of a picture of the documents.
const maxScreenshot = 200 << 10

// ScreenshotFolder returns the folder for the pictures of the documents. It skips the test if none
// is wanted. A test that writes pictures is called TestScreenshots and calls ScreenshotFolder first.
func ScreenshotFolder(t *testing.T) string {
	t.Helper()
	folder := os.Getenv(ScreenshotVariable)
	if folder == "" {
		t.Skip("make screenshots writes the pictures")
	}
	return folder
}

// WriteScreenshot writes a picture of the visible part of the page as a PNG file.
func (p *Page) WriteScreenshot(folder, name string) {
	p.t.Helper()
	png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Fatal(err)
	}
	if len(png) > maxScreenshot {
		p.t.Errorf("%s: the picture has %d bytes, want at most %d", name, len(png), maxScreenshot)
	}
	if err := os.WriteFile(filepath.Join(folder, name), png, 0o644); err != nil {
		p.t.Fatal(err)
	}
}
