// Package picture creates and saves the plots of the reports in a common style.
package picture

import (
	"errors"
	"image/color"
	"os"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Ours is the color of figures of ohce. Limit is the color of figures with which ohce is compared.
var (
	Ours  = color.RGBA{0x1f, 0x6f, 0xb4, 0xff}
	Limit = color.RGBA{0x55, 0x55, 0x55, 0xff}
)

// Blank returns a plot that has only a title.
func Blank(title string) *plot.Plot {
	plot.DefaultFont.Variant = "Sans"
	p := plot.New()
	p.Title.Text = title
	p.Title.Padding = vg.Points(8)
	p.BackgroundColor = color.White
	return p
}

// Save writes a plot to an SVG file, with a margin for text that is longer in another font.
func Save(p *plot.Plot, height vg.Length, file string) error {
	canvas := vgsvg.New(7.5*vg.Inch, height)
	all := draw.New(canvas)
	all.SetColor(color.White)
	all.Fill(all.Rectangle.Path())
	p.Draw(draw.Crop(all, vg.Points(24), -vg.Points(24), vg.Points(6), -vg.Points(6)))
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = canvas.WriteTo(f)
	return errors.Join(err, f.Close())
}
