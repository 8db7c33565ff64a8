package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// browser is the Chromium that all tests share; each has a profile of its own in it.
var browser struct {
	once sync.Once
	ctx  context.Context
	end  func()
	err  error
}

// startBrowser starts it the first time.
func startBrowser() (context.Context, error) {
	b := &browser
	b.once.Do(func() {
		var path string
		for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
			if path, b.err = exec.LookPath(name); b.err == nil {
				break
			}
		}
		if b.err != nil {
			b.err = fmt.Errorf("no Chromium for the tests of the pages (Debian: apt-get install chromium): %w", b.err)
			return
		}
		dir, err := os.MkdirTemp("", "gastown-browser-")
		if err != nil {
			b.err = err
			return
		}
		// It leaves files where it thinks that temporary ones belong.
		options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.DisableGPU, chromedp.Env("TMPDIR="+dir))
		if os.Geteuid() == 0 {
			options = append(options, chromedp.NoSandbox)
		}
		alloc, stop := chromedp.NewExecAllocator(context.Background(), options...)
		ctx, cancel := chromedp.NewContext(alloc)
		b.ctx, b.end = ctx, func() {
			_ = chromedp.Cancel(ctx) // waits until it is gone; it may be already
			cancel()
			stop()
			_ = os.RemoveAll(dir)
		}
		b.err = chromedp.Do(ctx)
	})
	return b.ctx, b.err
}

func closeBrowser() {
	if browser.end != nil {
		browser.end()
	}
}

// tab is a page in a browser.
type tab struct {
	t   *testing.T
	ctx context.Context
}

func newTab(t *testing.T) *tab {
	t.Helper()
	parent, err := startBrowser()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(parent, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	ctx, stop := context.WithTimeout(ctx, 5*patience)
	t.Cleanup(stop)
	b := &tab{t, ctx}
	b.size(1280, 900)
	return b
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *tab) size(width, height int64) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(width, height))
}

// scheme has the page believe that its reader likes dark or light.
func (b *tab) scheme(name string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *tab) open(address string) {
	b.t.Helper()
	b.do(chromedp.Navigate(address))
}

// until waits until an expression holds on the page, looking again whenever the page changes.
func (b *tab) until(expression string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	wait := `new Promise((ok) => {
		const look = () => { if (` + expression + `) { seen.disconnect(); ok(true) } };
		const seen = new MutationObserver(look);
		seen.observe(document, { childList: true, subtree: true, attributes: true, characterData: true });
		document.addEventListener("readystatechange", look);
		look();
	})`
	for {
		// While a page is being left, its promises break; the next page is asked again.
		held, err := chromedp.Run(ctx, chromedp.Evaluate[bool](wait, chromedp.EvalAwaitPromise))
		if held {
			return
		}
		if ctx.Err() != nil {
			b.t.Fatalf("waited in vain for %s (%v); the page says:\n%s", expression, err, b.text("main"))
		}
	}
}

// eval asks the page for a value.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// text is what a reader sees of the first element that a selector means; empty if there is none.
func (b *tab) text(selector string) string {
	b.t.Helper()
	return eval[string](b, `document.querySelector(`+quote(selector)+`)?.innerText ?? ""`)
}

// says fails unless what a reader sees of an element has each of these texts.
func (b *tab) says(selector string, want ...string) {
	b.t.Helper()
	got := strings.Join(strings.Fields(b.text(selector)), " ")
	for _, s := range want {
		if !strings.Contains(got, s) {
			b.t.Errorf("%s says %q, want %q", selector, got, s)
		}
	}
}

func quote(s string) string {
	data, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// login logs in through the form, as a person does.
func (b *tab) login(address, token string) {
	b.t.Helper()
	b.open(address)
	b.until(`document.querySelector("#token")`)
	b.do(chromedp.SendKeys("#token", token), chromedp.Click("form[action='/login'] button"))
	b.until(`!document.querySelector("#token") && document.readyState === "complete"`)
}
