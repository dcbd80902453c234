package browsertest

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
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

// WriteScreenshot writes a picture of the visible part of the page as a PNG file with 256 colours.
func (p *Page) WriteScreenshot(folder, name string) {
	p.t.Helper()
	shot, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		p.t.Fatal(err)
	}
	var small bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&small, reduceColors(picture)); err != nil {
		p.t.Fatal(err)
	}
	if small.Len() > maxScreenshot {
		p.t.Errorf("%s: the picture has %d bytes, want at most %d", name, small.Len(), maxScreenshot)
	}
	if err := os.WriteFile(filepath.Join(folder, name), small.Bytes(), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// reduceColors replaces each colour by the nearest of the 256 most frequent ones.
func reduceColors(picture image.Image) *image.Paletted {
	bounds := picture.Bounds()
	count := make(map[color.RGBA]int)
	at := func(x, y int) color.RGBA { return color.RGBAModel.Convert(picture.At(x, y)).(color.RGBA) }
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			count[at(x, y)]++
		}
	}
	colors := slices.SortedFunc(maps.Keys(count), func(a, b color.RGBA) int {
		return cmp.Or(count[b]-count[a], int(a.R)-int(b.R), int(a.G)-int(b.G), int(a.B)-int(b.B))
	})
	var palette color.Palette
	for _, c := range colors[:min(len(colors), 256)] {
		palette = append(palette, c)
	}
	nearest := make(map[color.RGBA]uint8)
	for _, c := range colors {
		nearest[c] = uint8(palette.Index(c))
	}
	reduced := image.NewPaletted(bounds, palette)
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			reduced.SetColorIndex(x, y, nearest[at(x, y)])
		}
	}
	return reduced
}
