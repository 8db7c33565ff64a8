package docs

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// links are the targets of a page's links, and ids what links into it may name.
func links(t *testing.T, name string) (links, ids []string) {
	t.Helper()
	text, err := Page(name)
	if err != nil {
		t.Fatal(err)
	}
	root, err := html.Parse(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		for _, a := range n.Attr {
			switch {
			case a.Key == "id":
				ids = append(ids, a.Val)
			case a.Key == "href" || a.Key == "src":
				links = append(links, a.Val)
			}
		}
	}
	return links, ids
}

// Every link of every page leads to a page that is there, and to a heading that is in it.
func TestEveryLinkLeadsSomewhere(t *testing.T) {
	t.Parallel()
	followed := 0
	for _, name := range Pages() {
		all, own := links(t, name)
		for _, link := range all {
			u, err := url.Parse(link)
			if err != nil || u.Scheme == "http" {
				t.Errorf("%s: a link to %q (%v)", name, link, err)
				continue
			}
			if u.Scheme != "" {
				continue
			}
			followed++
			ids := own
			if u.Path != "" {
				_, ids = links(t, path.Join(path.Dir(name), u.Path))
			}
			if u.Fragment != "" && !slices.Contains(ids, u.Fragment) {
				t.Errorf("%s: %s names no heading; there are %v", name, link, ids)
			}
		}
	}
	if followed < 50 {
		t.Errorf("%d links were followed", followed)
	}
}

func TestPagesAreWhole(t *testing.T) {
	t.Parallel()
	pages := Pages()
	for _, want := range []string{"runbooks/ServerDown.html", "operations.html", "monitoring.html", "reference/invariants.html"} {
		if !slices.Contains(pages, want) {
			t.Errorf("there is no %s", want)
		}
	}
	for _, name := range pages {
		text, err := Page(name)
		if err != nil || !strings.Contains(string(text), "<h1 ") || strings.Contains(string(text), "<title> -") {
			t.Errorf("%s has no title (%v)", name, err)
		}
	}
	for _, name := range []string{"runbooks/ServerDown.md", "runbooks/None.html", "docs.go", ""} {
		if _, err := Page(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// What a reader has no way to is named without a link, and HTML in a document is not passed on.
func TestLinksToElsewhere(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"[deploy](../deploy/)":                      "<p>deploy</p>",
		"[the **unit**](../deploy/gastown.service)": "<p>the <strong>unit</strong></p>",
		"![a picture](images/x.png)":                "<p>a picture</p>",
		"[pages](pages.md#sessions)":                `<p><a href="pages.html#sessions">pages</a></p>`,
		"[here](#there)":                            `<p><a href="#there">here</a></p>`,
		"[out](https://example.org/x)":              `<p><a href="https://example.org/x">out</a></p>`,
		"<script>alert(1)</script>":                 "<!-- raw HTML omitted -->",
		"[x](javascript:alert(1))":                  `<p><a href="">x</a></p>`,
		"| a |\n|---|\n| `b` |":                     "<td><code>b</code></td>",
		"### bead_created, or: not":                 `<h3 id="bead_created-or-not">`,
		"## Same\n\n## Same":                        `<h2 id="same-1">`,
		"## Back `up`":                              `<h2 id="back-up">Back <code>up</code></h2>`,
	} {
		if got := string(render("x.md", []byte(source))); !strings.Contains(got, want) {
			t.Errorf("%s", fmt.Sprintf("%q becomes %s, want %s", source, got, want))
		}
	}
}

// The tests that a page names as those that hold something are there, in the files that it names.
func TestNamedTestsExist(t *testing.T) {
	t.Parallel()
	named := regexp.MustCompile(`\[(Test\w+)\]\(\.\./([^)]+_test\.go)\)`)
	text, err := sources.ReadFile("what-was-asked.md")
	if err != nil {
		t.Fatal(err)
	}
	all := named.FindAllSubmatch(text, -1)
	if len(all) == 0 || len(all) != strings.Count(string(text), "[Test") {
		t.Fatalf("%d tests are named with their file, of %d", len(all), strings.Count(string(text), "[Test"))
	}
	for _, x := range all {
		test, file := string(x[1]), string(x[2])
		code, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(file)))
		if err != nil || !strings.Contains(string(code), "\nfunc "+test+"(t *testing.T) {") {
			t.Errorf("%s is not in %s (%v)", test, file, err)
		}
	}
}
