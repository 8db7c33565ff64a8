package api_test

import (
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"gastown/internal/api"
	"gastown/internal/town"
	"gastown/internal/wire"
)

// What is wrong in a request is named, with what would be right, and nothing of it is done.
func TestRefusals(t *testing.T) {
	t.Parallel()
	w := withRig(t)
	bead := string(w.sling("there is one").ID)
	w.must(http.StatusOK, http.MethodPost, at+"/beads/"+bead+"/hold", nil)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := closed.Addr().String()
	_ = closed.Close() // from now on nobody listens there
	gone := filepath.Join(t.TempDir(), "gone")
	for name, c := range map[string]struct {
		method, path string
		body         any
		code         int
		says         []string
	}{
		"unknown settings key": {http.MethodPatch, at, `{"settings":{"max_agent":4}}`, 422, []string{"max_agent"}},
		"unknown key beside":   {http.MethodPatch, at, `{"setting":{}}`, 422, []string{"setting"}},
		"setting out of range": {http.MethodPatch, at, `{"settings":{"max_agents":0}}`, 422, []string{"settings.max_agents", "from 1 to 10000"}},
		"setting of wrong type": {
			http.MethodPatch, at, `{"settings":{"max_agents":"many"}}`, 422, []string{"settings.max_agents"}},
		"secret in the clear": {http.MethodPatch, at, `{"settings":{"env":{"API_KEY":"hunter2"}}}`, 422, []string{"env.API_KEY", "env:NAME"}},
		"unknown preset": {
			http.MethodPatch, at, `{"settings":{"agents":{"polecat":{"preset":"clod"}}}}`, 422, []string{"settings.agents.polecat.preset", "claude", "script"}},
		"unknown preset of a rig": {
			http.MethodPatch, at + "/rigs/web", `{"settings":{"agents":{"polecat":{"preset":"clod"}}}}`, 422, []string{"settings.agents.polecat.preset", "claude"}},
		"unknown role": {
			http.MethodPatch, at, `{"settings":{"agents":{"pilot":{"preset":"claude"}}}}`, 422, []string{"agents.pilot"}},
		"a town's key on a rig":  {http.MethodPatch, at + "/rigs/web", `{"settings":{"max_agents":3}}`, 422, []string{"max_agents", "town"}},
		"town name with slash":   {http.MethodPost, "/api/towns", wire.NewTown{ID: "a/b"}, 422, []string{"body.id"}},
		"town that is there":     {http.MethodPost, "/api/towns", wire.NewTown{ID: "main"}, 409, []string{"main"}},
		"rig that is there":      {http.MethodPost, at + "/rigs", wire.NewRig{Name: "web", URL: repo(t)}, 409, []string{"web"}},
		"no such folder":         {http.MethodPost, at + "/rigs", wire.NewRig{URL: gone}, 422, []string{gone, "body.url", "check"}},
		"nobody answers":         {http.MethodPost, at + "/rigs", wire.NewRig{URL: "http://" + nobody + "/x.git"}, 422, []string{nobody, "body.url", "network"}},
		"no repository":          {http.MethodPost, at + "/rigs", wire.NewRig{URL: t.TempDir()}, 422, []string{"body.url"}},
		"option as a URL":        {http.MethodPost, at + "/rigs", wire.NewRig{URL: "--upload-pack=touch x"}, 422, []string{"body.url"}},
		"command as a URL":       {http.MethodPost, at + "/rigs", wire.NewRig{URL: "ext::sh -c true"}, 422, []string{"body.url"}},
		"bead of an unknown rig": {http.MethodPost, at + "/beads", town.NewBead{Title: "x", Rig: "wep"}, 404, []string{"wep", "web"}},
		"bead without a title":   {http.MethodPost, at + "/beads", town.NewBead{Title: " "}, 422, []string{"title"}},
		"bead of no priority":    {http.MethodPost, at + "/beads", town.NewBead{Title: "x", Priority: "urgent"}, 422, []string{"priority", "critical"}},
		"bead after nothing":     {http.MethodPost, at + "/beads", town.NewBead{Title: "x", DependsOn: []string{"gt-999"}}, 404, []string{"gt-999"}},
		"own label":              {http.MethodPost, at + "/beads", town.NewBead{Title: "x", Labels: []string{"gt:rework"}}, 422, []string{"gt:rework"}},
		"unknown key of a bead":  {http.MethodPost, at + "/beads", `{"title":"x","colour":"red"}`, 422, []string{"colour"}},
		"cycle of three": {http.MethodPost, at + "/convoys", wire.NewConvoy{Title: "x", Tasks: []town.NewBead{
			{Key: "a", Title: "a", DependsOn: []string{"c"}}, {Key: "b", Title: "b", DependsOn: []string{"a"}}, {Key: "c", Title: "c", DependsOn: []string{"b"}},
		}}, 422, []string{"a → c → b → a"}},
		"cycle of one": {http.MethodPost, at + "/convoys", wire.NewConvoy{Title: "x", Tasks: []town.NewBead{
			{Key: "a", Title: "a", DependsOn: []string{"a"}},
		}}, 422, []string{"a → a"}},
		"key used twice": {http.MethodPost, at + "/convoys", wire.NewConvoy{Title: "x", Tasks: []town.NewBead{
			{Key: "a", Title: "a"}, {Key: "a", Title: "b"},
		}}, 422, []string{"beads[1].key"}},
		"convoy with one bad task": {http.MethodPost, at + "/convoys", wire.NewConvoy{Title: "x", Tasks: []town.NewBead{
			{Title: "good"}, {Title: ""},
		}}, 422, []string{"beads[1].title"}},
		"convoy without tasks":       {http.MethodPost, at + "/convoys", `{"title":"x","tasks":[]}`, 422, []string{"body.tasks"}},
		"convoy of unknown mode":     {http.MethodPost, at + "/convoys", `{"title":"x","mergeMode":"yolo","tasks":[{"title":"y"}]}`, 422, []string{"body.mergeMode"}},
		"bead after itself":          {http.MethodPost, at + "/beads/" + bead + "/dependencies", wire.DependsOn{On: town.BeadID(bead)}, 409, []string{"itself"}},
		"retry of an open bead":      {http.MethodPost, at + "/beads/" + bead + "/retry", nil, 409, []string{"only a failed bead"}},
		"acknowledge of an issue":    {http.MethodPost, at + "/escalations/" + bead + "/acknowledge", nil, 409, []string{"no escalation"}},
		"update of an issue":         {http.MethodPatch, at + "/convoys/" + bead, `{"title":"y"}`, 409, []string{"no convoy"}},
		"unset of no key":            {http.MethodPatch, at, `{"unset":["max_agent"]}`, 422, []string{"max_agent", "unknown key"}},
		"usage below nothing":        {http.MethodPatch, at, `{"settings":{"budget":{"usd_per_day":-1}}}`, 422, []string{"budget.usd_per_day"}},
		"replay backwards":           {http.MethodPost, at + "/debug/replay-events", `{"from":"2026-01-02T00:00:00Z","to":"2026-01-01T00:00:00Z"}`, 422, []string{"body.to", "after from"}},
		"replay of nothing":          {http.MethodPost, at + "/debug/replay-events", `{"from":"2026-01-01T00:00:00Z","to":"2026-01-01T00:00:00Z"}`, 422, []string{"body.to"}},
		"replay of no time":          {http.MethodPost, at + "/debug/replay-events", `{"from":"yesterday"}`, 422, []string{"from"}},
		"replay before the town":     {http.MethodPost, at + "/debug/replay-events", `{"to":"2001-01-01T00:00:00Z"}`, 422, []string{"body.to", "oldest moment"}},
		"replay of an unknown state": {http.MethodPost, at + "/debug/replay-events", `{"state":"all"}`, 422, []string{"body.state"}},
		"replay with a bad value":    {http.MethodPost, at + "/debug/replay-events", `{"config":{"max_agents":0}}`, 422, []string{"config.max_agents"}},
		"plan of nothing":            {http.MethodPost, at + "/debug/reconcile-dry-run", `{"assume":[{"eventType":"bead_painted"}]}`, 422, []string{"body.assume[0]", "bead_painted"}},
		"plan before the town":       {http.MethodPost, at + "/debug/reconcile-dry-run", `{"at":"2001-01-01T00:00:00Z"}`, 422, []string{"body.at", "oldest moment"}},
		"plan that is none":          {http.MethodPost, at + "/debug/apply-plan", `{"plan":"7"}`, 422, []string{"body.plan", "gastown plan"}},
		"plan for a town that runs":  {http.MethodPost, at + "/debug/apply-plan", `{"plan":"1-0123456789abcdef"}`, 409, []string{"not paused"}},
		"why before the town":        {http.MethodGet, at + "/debug/why/" + bead + "?at=2001-01-01T00:00:00Z", nil, 422, []string{"query.at", "oldest moment"}},
		"start of an issue":          {http.MethodPost, at + "/convoys/" + bead + "/start", nil, 409, []string{"no convoy"}},
		"rig with beads":             {http.MethodDelete, at + "/rigs/web", nil, 409, []string{bead}},
		"cancelled as open":          {http.MethodPost, at + "/beads/" + bead + "/cancel", `{"as":"open"}`, 422, []string{"body.as"}},
		"unknown query parameter":    {http.MethodGet, at + "/beads?colour=red", nil, 422, []string{"colour"}},
		"unknown query, too":         {http.MethodPost, at + "/beads?dry=1", town.NewBead{Title: "x"}, 422, []string{"dry"}},
		"limit out of range":         {http.MethodGet, at + "/beads?limit=0", nil, 422, []string{"query.limit"}},
		"unknown status":             {http.MethodGet, at + "/beads?status=opne", nil, 422, []string{"opne", "in_progress"}},
		"cursor of nowhere":          {http.MethodGet, at + "/beads?cursor=-1", nil, 422, []string{"cursor"}},
		"moment that is none":        {http.MethodGet, at + "/history/" + bead + "?before=lunch", nil, 422, []string{"query.before"}},
		"part of no tick":            {http.MethodGet, at + "/history/" + bead + "?before=.3", nil, 422, []string{"query.before"}},
		"history of nothing":         {http.MethodGet, at + "/history/" + bead + "?limit=0", nil, 422, []string{"query.limit"}},
		"too much history":           {http.MethodGet, at + "/history/" + bead + "?limit=101", nil, 422, []string{"query.limit"}},
		"history of nobody":          {http.MethodGet, at + "/history/gt-zz?limit=100", nil, 404, []string{"gt-zz"}},
		"why of nobody":              {http.MethodGet, at + "/debug/why/gt-zz", nil, 404, []string{"gt-zz"}},
		"time that is none":          {http.MethodGet, at + "/events?from=yesterday", nil, 422, []string{"query.from"}},
		"bad JSON":                   {http.MethodPost, at + "/beads", `{"title":`, 400, nil},
		"two documents":              {http.MethodPost, at + "/beads", `{"title":"x"} {"title":"y"}`, 400, nil},
		"no body":                    {http.MethodPost, at + "/beads", nil, 400, []string{"body"}},
		"an array":                   {http.MethodPost, at + "/beads", `[]`, 422, nil},
		"too large":                  {http.MethodPost, at + "/beads", `{"title":"` + strings.Repeat("x", api.MaxBody) + `"}`, 413, []string{"large"}},
		"long body of a bead":        {http.MethodPost, at + "/beads", town.NewBead{Title: "x", Body: strings.Repeat("x", 65<<10)}, 422, []string{"body"}},
		"unknown path":               {http.MethodGet, "/api/town", nil, 404, []string{"/api/town", "/docs"}},
		"unknown page":               {http.MethodGet, "/town", nil, 404, []string{"/docs"}},
		"wrong method":               {http.MethodPut, at + "/beads", `{}`, 405, []string{"PUT"}},
		"wrong method, too":          {http.MethodDelete, "/healthz", nil, 405, []string{"DELETE"}},
	} {
		before := w.now()
		r := w.do(w.admin, c.method, c.path, c.body)
		r.problem(c.code, c.says...)
		if c.code == http.StatusMethodNotAllowed && !strings.Contains(r.head.Get("Allow"), http.MethodGet) {
			t.Errorf("%s: Allow is %q", name, r.head.Get("Allow"))
		}
		w.untouched(before)
		if t.Failed() {
			t.Fatalf("in case %q", name)
		}
	}
}

// A body of another type than JSON is refused rather than guessed at.
func TestOtherMediaTypesAreRefused(t *testing.T) {
	t.Parallel()
	w := withRig(t)
	before := w.now()
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "application/xml"} {
		w.do(w.admin, http.MethodPost, at+"/beads", `{"title":"x"}`, "Content-Type", kind).problem(http.StatusUnsupportedMediaType)
	}
	w.untouched(before)
}
