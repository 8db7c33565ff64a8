package deploy

import (
	"encoding/json"
	"io/fs"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// Every file is still what it was in form when other addresses are in it, and none of those before is left.
func TestAddressesAreWrittenEverywhere(t *testing.T) {
	t.Parallel()
	to := Addresses{
		Gastown: "https://[2001:db8::1]:8443/gastown", Runbooks: "https://wiki.example.net/a%20b", Page: "https://p.example.net/x?a=1&b=2",
		Chat: "https://c.example.net/~x/@y", Watchdog: "http://w",
	}
	if err := to.Check(); err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	err := fs.WalkDir(Files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := to.File(name)
		if err != nil {
			return err
		}
		var doc any
		if strings.HasSuffix(name, ".json") {
			err = json.Unmarshal(text, &doc)
		} else {
			err = yaml.Unmarshal(text, &doc)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, before := range []string{Here.Gastown, Here.Page, Here.Chat, Here.Watchdog} {
			if strings.Contains(string(text), before) {
				t.Errorf("%s still has %s", name, before)
			}
		}
		for _, x := range []string{to.Gastown, to.Runbooks, to.Page, to.Chat, to.Watchdog} {
			found[x] += strings.Count(string(text), x)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []string{to.Gastown, to.Runbooks, to.Page, to.Chat, to.Watchdog} {
		if found[x] == 0 {
			t.Errorf("no file has %s", x)
		}
	}
}

func TestAddressesThatAreRefused(t *testing.T) {
	t.Parallel()
	if err := Here.Check(); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{
		"", "localhost:7333", "ftp://x", "https://", "https://x/${HOME}", "https://x/{{ . }}", "https://x/'", `https://x/"`, "https://x/ y",
		"https://x/#y", "https://x\ny: z", `https://x/\y`, "https://x/<y>",
	} {
		a := Here
		a.Gastown = bad
		if err := a.Check(); err == nil || !strings.HasPrefix(err.Error(), "url is ") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
