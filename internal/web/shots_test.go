package web_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

var rewrite = flag.Bool("rewrite", false, "take the pictures of docs/images anew")

// maxImage bounds a picture in the docs, in bytes: they are part of every clone.
const maxImage = 150 << 10

// size is a screen.
type size struct {
	name       string
	wide, high int64
}

var sizes = []size{{"desk", 1280, 900}, {"phone", 390, 844}}

// Every page fits a phone and a desk, light and dark, without being pushed sideways, and everything in it
// that can be used has a name. With -rewrite the pictures in the docs are taken.
func TestEveryPageFits(t *testing.T) {
	t.Parallel()
	s, at := stuck(t)
	stuckIn := open(t, s)
	good := open(t, busy(t))
	needs, _ := needy(t)
	bad := open(t, needs)
	for _, x := range []struct {
		name string
		of   *world
		path string
		// shots are the pictures for the docs, by scheme and size.
		shots map[string]bool
	}{
		{"overview", good, "/towns/main", map[string]bool{"light desk": true, "dark phone": true}},
		{"needs", bad, "/towns/main", nil},
		{"replay", stuckIn, tickAddress(at), map[string]bool{"light desk": true, "light phone": true}},
		{"bead", stuckIn, "/towns/main/beads/gt-2a", map[string]bool{"dark desk": true}},
		{"nothing", stuckIn, "/towns/main/beads/gt-404", nil},
	} {
		b := newTab(t)
		b.login(x.of.url+"/", x.of.token)
		for _, size := range sizes {
			b.size(size.wide, size.high)
			for _, scheme := range []string{"light", "dark"} {
				b.scheme(scheme)
				b.open(x.of.url + x.path)
				b.until(`document.readyState === "complete"`)
				b.fits(x.name+", "+scheme, size)
				if kind := scheme + " " + size.name; *rewrite && x.shots[kind] {
					b.shoot(x.name + "-" + scheme + "-" + size.name)
				}
			}
		}
	}
}

// fits fails if the page that is open is wider than the screen, or if somebody could not use it.
func (b *tab) fits(name string, size size) {
	b.t.Helper()
	if wide := eval[int64](b, "document.documentElement.scrollWidth"); wide > size.wide {
		b.t.Errorf("%s, is %d wide on a %s", name, wide, size.name)
	}
	if list := eval[[]string](b, nameless); len(list) > 0 {
		b.t.Errorf("%s, has what nobody can name: %v", name, list)
	}
	if list := eval[[]string](b, faint); len(list) > 0 {
		b.t.Errorf("%s, has what is hard to read: %v", name, list)
	}
}

// nameless lists what can be used and has no name for those who do not see the page.
const nameless = `[...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, summary")]
	.filter((e) => !(e.getAttribute("aria-label") || e.textContent.trim() || [...(e.labels ?? [])].some((l) => l.textContent.trim())))
	.map((e) => e.outerHTML)`

// faint lists texts whose contrast to what is behind them is below 4.5 to 1.
const faint = `(() => {
	const parse = (c) => c.match(/[\d.]+/g).map(Number);
	const light = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
		.reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
	const behind = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c } return [255, 255, 255] };
	const out = new Set();
	for (const e of document.querySelectorAll("main *, header *, footer *")) {
		if (e.closest("svg") || e.matches("option") || ![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
		const a = light(parse(getComputedStyle(e).color)), b = light(behind(e));
		if ((Math.max(a, b) + .05) / (Math.min(a, b) + .05) < 4.5) out.add(e.outerHTML.slice(0, 120));
	}
	return [...out];
})()`

// shoot takes a picture of what a reader sees at first.
func (b *tab) shoot(name string) {
	b.t.Helper()
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(images, name+".png"), png, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// images is where the docs have their pictures.
var images = filepath.Join("..", "..", "docs", "images")

// The docs have pictures, and none is too big for a repository.
func TestPicturesAreSmall(t *testing.T) {
	t.Parallel()
	list, err := filepath.Glob(filepath.Join(images, "*.png"))
	if err != nil || len(list) == 0 {
		t.Fatalf("no pictures in %s: %v", images, err)
	}
	for _, name := range list {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > maxImage {
			t.Errorf("%s has %d bytes, at most %d", name, info.Size(), maxImage)
		}
	}
}
