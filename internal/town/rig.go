package town

// Town is the workspace as a whole: its name, its configuration and whether it runs.
type Town struct {
	ID   TownID `json:"id"`
	Name string `json:"name" share:"keep"`
	// History names the history that this is the town of; its tag is in every name that leaves the town.
	History  History  `json:"history"`
	Settings Settings `json:"settings"`
	Created  Time     `json:"created"`
	// Paused is since when nothing new is started; zero if the town runs.
	Paused       Time   `json:"paused,omitempty"`
	PausedReason string `json:"pausedReason,omitempty"`
	// Draining is since when the place where agents run is being emptied; zero if it is not. The
	// nonce names the drain and the instance what is being emptied; DrainOver says why it is over.
	Draining      Time   `json:"draining,omitempty"`
	DrainNonce    string `json:"drainNonce,omitempty" share:"keep"`
	DrainInstance string `json:"drainInstance,omitempty" share:"keep"`
	DrainOver     string `json:"drainOver,omitempty" share:"keep"`
	// Former are the histories that it had before, oldest first.
	Former []Former `json:"former,omitempty"`
}

func (t *Town) clone() *Town {
	c := *t
	c.Settings = t.Settings.clone()
	return &c
}

func (t *Town) code(c *coder) {
	codeString(c, &t.ID)
	codeString(c, &t.Name)
	codeString(c, &t.History)
	t.Settings.code(c)
	codeInt(c, &t.Created)
	codeInt(c, &t.Paused)
	codeString(c, &t.PausedReason)
	codeInt(c, &t.Draining)
	codeString(c, &t.DrainNonce)
	codeString(c, &t.DrainInstance)
	codeString(c, &t.DrainOver)
	codeSlice(c, &t.Former, func(c *coder, f *Former) {
		codeString(c, &f.History)
		codeInt(c, &f.Until)
		codeString(c, &f.Reason)
	})
}

// Counters is what a town counts. It is an entity of its own so that a dispatch does not write
// the whole configuration again.
type Counters struct {
	LastRun   Run   `json:"lastRun"`   // the newest run given out
	LastOrder int64 `json:"lastOrder"` // the newest bead's Order
	// StartsAt and Starts bound the dispatches of one start window (see startWindow).
	StartsAt Time `json:"startsAt,omitempty"`
	Starts   int  `json:"starts,omitempty"`
}

func (n *Counters) clone() *Counters {
	c := *n
	return &c
}

func (n *Counters) code(c *coder) {
	codeInt(c, &n.LastRun)
	codeInt(c, &n.LastOrder)
	codeInt(c, &n.StartsAt)
	codeInt(c, &n.Starts)
}

// Rig is a git repository of the town.
type Rig struct {
	ID            RigID    `json:"id"`
	URL           string   `json:"url" share:"url"`
	DefaultBranch string   `json:"defaultBranch" share:"keep"`
	Credential    string   `json:"credential,omitempty" share:"credential"` // what opens it; see SplitCredential
	Settings      Settings `json:"settings"`                                // overrides of the town's
	Created       Time     `json:"created"`
}

func (r *Rig) clone() *Rig {
	c := *r
	c.Settings = r.Settings.clone()
	return &c
}

func (r *Rig) code(c *coder) {
	codeString(c, &r.ID)
	codeString(c, &r.URL)
	codeString(c, &r.DefaultBranch)
	codeString(c, &r.Credential)
	r.Settings.code(c)
	codeInt(c, &r.Created)
}
