package town

import (
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// A mistake in a scenario file must not pass for a scenario.
func TestScenariosRefuseWhatTheyDoNotUnderstand(t *testing.T) {
	t.Parallel()
	const start = "rig web\nbead gt-a1 issue in_progress rig=web\nagent toast working rig=web hook=gt-a1 run=1"
	for _, x := range []struct{ command, input, want string }{
		{"given", "rg web", `unknown word "rg"`},
		{"given", "rig web colour=red", "unknown field"},
		{"given", "config max_agents=0", "max_agents"},
		{"given", "rig web\nbead gt-a1 issue open rig=web colour=red", `unknown key "colour"`},
		{"given", "rig web\nbead gt-a1 issue opened rig=web", `no status "opened"`},
		{"given", "rig web\nbead gt-a1 isue open rig=web", `no type "isue"`},
		{"given", "bead gt-a1 issue open rig=web", `"web": a name must exist`},
		{"given", "rig web\nbead gt-a1 issue open rig=web assignee=!toast\nagent toast rig=web", `"toast": a name must exist, or not`},
		{"given", "rig web\nagent toast dancing", `unknown word "dancing"`},
		{"given", "rig web\nagent toast rig=web since=5m", "a moment is"},
		{"given", "dep gt-a1 needs gt-a2", "no bead gt-a1"},
		{"given", "rig web\nbead gt-a1 issue open rig=web part=lots", `no part "lots"`},
		{"given", "rig web\nbead gt-a1 issue open rig=web\ndep gt-a1 needs !gt-a1", "must exist, or not"},
		{"given", "rig web\nbead gt-a1 issue open rig=web parent=gt-a9", "must exist, or not"},
		{"given", "counters beads=3", `unknown key "beads"`},
		{"given", `rig "web`, "a quote is not closed"},
		{"when", "", "when needs events"},
		{"when", "bead_eaten gt-a1", `unknown word "bead_eaten"`},
		{"when", "bead_held gt-zz", "gt-zz matches nothing"},
		{"when", "bead_held !gt-a1", "gt-a1 exists"},
		{"when", "bead_held gt-a1 colour=red", "has no colour"},
		{"when", "heartbeat_lost toast", "of which run"},
		{"when", "bead title=x", "a batch begins with bead_created"},
		{"when", "town_configured colour=red", "unknown field"},
		{"why gt-zz", "", "gt-zz matches nothing"},
		{"why", "", "say why of what"},
		{"happened", "", "say what happened to what"},
		{"happened gt-a1", "", "nothing has happened to gt-a1"},
		{"show gt-zz", "", "gt-zz matches nothing"},
		{"advance", "", "say by how much"},
		{"advance soon", "", "no time to advance by"},
		{"advance -1m", "", "no time to advance by"},
		{"asleep", "", "say by how much"},
		{"tick tock", "", "takes no tock"},
		{"tick", "heartbeat_lost toast run=1", "takes no lines"},
		{"outcomes", "", "no effect waits"},
		{"jump", "", `unknown word "jump"`},
	} {
		p := playground{t: t}
		if !strings.HasPrefix(x.command, "given") {
			if err := p.given(start); err != nil {
				t.Fatal(err)
			}
		}
		cmd, args, err := datadriven.ParseLine(x.command)
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.command(&datadriven.TestData{Cmd: cmd, CmdArgs: args, Input: x.input})
		if err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s %q: %v, want %q", x.command, x.input, err, x.want)
		}
	}
}

func TestOutcomesRefuseWhatHasNoEffect(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		args []string
		want string
	}{
		{[]string{"empty"}, "has no effect"}, // there is no branch to be looked at
		{[]string{"infra"}, "no effect without reject"},
		{[]string{"late"}, `unknown word "late"`},
	} {
		p := playground{t: t}
		if err := p.given("rig web\nbead gt-a1 issue open rig=web"); err != nil {
			t.Fatal(err)
		}
		p.tick(nil)
		if _, err := p.outcomes(x.args); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%v: %v, want %q", x.args, err, x.want)
		}
	}
}
