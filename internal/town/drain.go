package town

// DrainLimit bounds a drain: a container that has not come back by then will not say so any more, and
// the town must not stand still for that.
const DrainLimit = 7 * Minute

func (p *ContainerEviction) apply(t *tick, _ *Event) *Refusal {
	switch {
	case p.Nonce == "":
		return invalid("nonce", "is empty")
	case t.s.town.Draining != 0 && t.s.town.DrainNonce == p.Nonce:
		return ignore("the town is drained since %s", t.s.town.Draining)
	}
	t.s.editTown(func(x *Town) {
		x.Draining, x.DrainNonce, x.DrainInstance, x.DrainOver = t.now, p.Nonce, p.Instance, ""
	})
	return nil
}

func (p *ContainerReady) apply(t *tick, _ *Event) *Refusal {
	switch {
	case t.s.town.Draining == 0:
		return ignore("the town is not being drained")
	case t.s.town.DrainNonce != p.Nonce:
		return ignore("it is of another drain than the one since %s", t.s.town.Draining)
	}
	t.s.editTown(func(x *Town) { x.DrainOver = "the container is ready again" })
	return nil
}

// heardFrom ends a drain if an agent is heard from another place than the one that is being emptied.
func (t *tick) heardFrom(instance string) {
	x := t.s.town
	if x.Draining == 0 || x.DrainInstance == "" || instance == "" || instance == x.DrainInstance {
		return
	}
	t.s.editTown(func(x *Town) { x.DrainOver = "an agent is heard from " + instance })
}

// drain ends a drain that is over or takes too long.
func drain(s *State, now Time, _ string) Look {
	x := s.town
	if x.Draining == 0 {
		return Look{}
	}
	end := x.Draining.Add(DrainLimit)
	switch {
	case x.DrainOver != "":
		return act(Action{Kind: ClearDraining, Reason: x.DrainOver})
	case now < end:
		return wait(WaitDraining, end, "", "being drained")
	}
	return act(Action{Kind: ClearDraining, Reason: "the drain took " + DrainLimit.String()})
}

// draining reports whether the place where agents run is being emptied: nobody is blamed for being
// quiet then, and nothing new is begun.
func (s *State) draining() bool { return s.town.Draining != 0 }
