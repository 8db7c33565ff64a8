package mask

import (
	"strings"
	"testing"
)

func TestText(t *testing.T) {
	t.Parallel()
	for _, x := range []struct{ in, want string }{
		{"toast holds gt-3a, which is closed", "toast holds gt-3a, which is closed"},
		{"short", "short"},
		{"the token gt_0123456789abcdef0123 is old", "the token [masked] is old"},
		{"gta_eyJ0Ijoib.c2lnbmF0dXJl leaked", "[masked] leaked"},
		{"Authorization: Bearer abcdefghijkl", "Authorization: Bearer [masked]"},
		{"ran with MY_API_KEY=hunter2 and more", "ran with MY_API_KEY=[masked] and more"},
		{"cannot clone https://me:pw@example.org/a/b.git: gone", "cannot clone https://[masked]@example.org/a/b.git: gone"},
		{"https://hooks.example.org/services/T1/B2/abcdefghij0123456789XY", "https://hooks.example.org/services/T1/B2/[masked]"},
		{"http://example.org/x?sig=1", "http://example.org/x?[masked]"},
		{"http://127.0.0.1:7333", "http://127.0.0.1:7333"},
		{"sk-proj-0123456789abcdef", "[masked]"},
	} {
		if got := Text(x.in); got != x.want {
			t.Errorf("%q becomes %q, want %q", x.in, got, x.want)
		}
	}
}

// What has been masked once stays as it is, so that two walls behind each other do no harm.
func TestTextIsStable(t *testing.T) {
	t.Parallel()
	once := Text("https://u:p@h.example/abcdefghij0123456789XY?k=v Bearer abcdefgh1 A_TOKEN=x gt_0123456789abcdef")
	if twice := Text(once); twice != once || strings.Count(once, Masked) != 6 {
		t.Errorf("%q becomes %q", once, twice)
	}
}

func TestName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"token": true, "AdminToken": true, "prompt": true, "env": true, "api_key": true, "dsn": true, "body": true,
		"town": false, "tick": false, "rule": false, "bead": false, "agent": false, "run": false, "err": false, "reason": false,
	} {
		if Name(name) != want {
			t.Errorf("%s: %v, want %v", name, !want, want)
		}
	}
}
