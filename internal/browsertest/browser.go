// Package browsertest opens web pages in headless Chromium for tests.
//
//	b := browsertest.Start(t)
//	p := b.Open(t, url, browsertest.Dark)
//	p.Await(`document.querySelectorAll("tr").length > 1`)
//	p.CheckQuiet()         // no message on the console, no request to another origin
//	p.CheckAccessibility() // axe-core finds nothing
//
// Tests with a browser take long, so only make full runs them. They are skipped if Chromium is
// missing, or fail if the environment variable CI is set. No page can reach another host than
// 127.0.0.1.
package browsertest

import (
	"context"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/ohce/ohce/internal/daemon"
	"github.com/ohce/ohce/internal/testsize"
)

// pageTimeout is how long the actions on one page may take together.
const pageTimeout = 2 * time.Minute

// A Browser is a running Chromium.
type Browser struct {
	ctx context.Context
}

// Start starts Chromium. It ends with the test. Starting takes about a second, so the subtests of
// a test should share a Browser. Start skips the test unless tests run in full, or make screenshots
// runs them.
func Start(t *testing.T) *Browser {
	t.Helper()
	testsize.RequireFull(t, ScreenshotVariable)
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(daemon.Find(t, "chromium")),
		chromedp.NoSandbox, // root has no sandbox
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
	)
	allocator, release := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits until Chromium has ended
		cancel()
		release()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	return &Browser{ctx: ctx}
}
