// Package docs holds the pages that a running server shows, so that they are those of its own version, and that
// gastown dash export writes for a server that is up when gastown is not.
package docs

import (
	"embed"
	"io/fs"
	"slices"
	"strings"
)

//go:embed *.md decisions/*.md reference/*.md runbooks/*.md
var sources embed.FS

// Pages lists the pages by name, such as runbooks/ServerDown.html; names are paths with slashes.
func Pages() []string {
	var names []string
	for _, pattern := range []string{"*.md", "*/*.md"} {
		found, err := fs.Glob(sources, pattern)
		if err != nil {
			panic("docs: the pattern is wrong: " + pattern)
		}
		for _, name := range found {
			names = append(names, strings.TrimSuffix(name, ".md")+".html")
		}
	}
	slices.Sort(names)
	return names
}

// Page returns the page of that name as HTML, or an error that is fs.ErrNotExist.
func Page(name string) ([]byte, error) {
	base, ok := strings.CutSuffix(name, ".html")
	if !ok {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
	}
	source, err := sources.ReadFile(base + ".md")
	if err != nil {
		return nil, err
	}
	return render(base+".md", source), nil
}
