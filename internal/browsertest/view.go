package browsertest

import (
	"context"
	"errors"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// A View is how a user sees a page: the size of the window in CSS pixels, and preferences.
type View struct {
	Name          string
	Width, Height int64
	Dark          bool
	ReducedMotion bool
	// Scale is the number of device pixels of a CSS pixel. Zero means 1.
	Scale float64
}

// The views in which a page is checked.
var (
	Light  = View{Name: "light", Width: 1280, Height: 900}
	Dark   = View{Name: "dark", Width: 1280, Height: 900, Dark: true}
	Narrow = View{Name: "narrow", Width: 360, Height: 740}
	Still  = View{Name: "still", Width: 1280, Height: 900, ReducedMotion: true}
)

// apply sets the view of the tab of ctx.
func (v View) apply(ctx context.Context) error {
	scheme, motion := "light", "no-preference"
	if v.Dark {
		scheme = "dark"
	}
	if v.ReducedMotion {
		motion = "reduce"
	}
	_, size := chromedp.Call(ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: v.Width, Height: v.Height, DeviceScaleFactor: max(v.Scale, 1),
	})
	_, media := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme},
			{Name: "prefers-reduced-motion", Value: motion},
		},
	})
	return errors.Join(size, media)
}
