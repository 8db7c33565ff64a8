package sim

import (
	"math/rand/v2"

	"gastown/internal/town"
)

// fault is something that can go wrong in the world.
type fault int

// The faults. Their names, what they do and what their numbers mean are in faults.
const (
	hostSleeps fault = iota
	clockJumps
	serverDies
	diesBeforeRecord
	diesAfterRecord
	diesBeforeAnswer
	commitFails
	serverSlow
	runtimeAway
	startRefusedInfra
	startRefused
	startUnknownWorked
	startUnknownFailed
	startSlow
	stopUnconfirmed
	stopDoneUnconfirmed
	outcomeLost
	outcomeLate
	outcomeTwice
	verifyFails
	agentCrashes
	agentHangs
	agentLoops
	agentSilent
	agentNoDone
	agentEmptyBranch
	agentNoBranch
	agentNoChanges
	agentDoneLate
	agentDoneTwice
	agentLingers
	agentEvicted
	mergeConflicts
	gateFails
	gateIsBroken
	changesWanted
	mergeInfra
	refineryCrashes
	refineryCrashesMerged
	refineryHangs
	refinerySilent
	refineryLate
	agentAsks
	agentMute
	agentMuteForEver
	nudgeFails
	nudgeLost
	triageOdd
	triageIdle
	triageCrashes
	triageHangs
	webhookFails
	webhookLost
	hostDrained
	readyLost
	drainRepeated
	drainMoves
	evictions
	startsBroken
	pullConflicts
	checksFail
	checksSlow
	checksUnread
	pullCommented
	approvalNeeded
	reworkUseless
	pullMerged
	pullClosed
	pullPushed
	forgeAway
	forgeLimits
	forgeNonsense
	forgeSilent
	forgeDenies
	pollLost
	pushFails
	pushRefused
	pushUnseen
	pushUnsaid
	targetMoves
	mergeLost
	mergeDoneLost
	mergeRefused
	noForge
	peopleMeddle
	numFaults
)

// faults describes every fault, in the order of the constants. Hourly ones have a mean number per
// hour, the others a chance each time that they could happen.
var faults = [numFaults]struct {
	name   string
	hourly bool
	doc    string
}{
	hostSleeps:            {"host_sleeps", true, "Nothing at all happens for minutes or hours; then everything is late at once."},
	clockJumps:            {"clock_jumps", true, "The server's clock moves, forwards or backwards, by seconds or hours."},
	serverDies:            {"server_dies", true, "The server forgets everything and comes back from its history after seconds or minutes."},
	diesBeforeRecord:      {"dies_before_record", false, "The server dies after a Step, before its record is durable."},
	diesAfterRecord:       {"dies_after_record", false, "The server dies after a record is durable, before any of its effects."},
	diesBeforeAnswer:      {"dies_before_answer", false, "The server dies after an effect was carried out, before its outcome is durable."},
	commitFails:           {"commit_fails", false, "A record cannot be written: the Step is reverted and tried again."},
	serverSlow:            {"server_slow", false, "The loop wakes seconds late, and finds many events at once."},
	runtimeAway:           {"runtime_away", true, "The runtime does not answer for minutes: looks are unknown, starts and stops fail."},
	startRefusedInfra:     {"start_refused_infra", false, "A start is rejected by the infrastructure's fault."},
	startRefused:          {"start_refused", false, "A start is rejected for what was asked."},
	startUnknownWorked:    {"start_unknown_worked", false, "A start times out after the process was started."},
	startUnknownFailed:    {"start_unknown_failed", false, "A start times out and there is no process."},
	startSlow:             {"start_slow", false, "A start takes up to minutes, beyond the start grace."},
	stopUnconfirmed:       {"stop_unconfirmed", false, "A stop neither works nor answers."},
	stopDoneUnconfirmed:   {"stop_done_unconfirmed", false, "A stop works and does not answer."},
	outcomeLost:           {"outcome_lost", false, "An effect is carried out and its outcome never comes in."},
	outcomeLate:           {"outcome_late", false, "An outcome comes in minutes later, behind what came after it."},
	outcomeTwice:          {"outcome_twice", false, "An outcome comes in twice."},
	verifyFails:           {"verify_fails", false, "A branch cannot be looked at."},
	agentCrashes:          {"agent_crashes", false, "A polecat's process fails on the way."},
	agentHangs:            {"agent_hangs", false, "A polecat stops for ever and is not heard any more; its process stays."},
	agentLoops:            {"agent_loops", false, "A polecat goes on for ever, and is heard."},
	agentSilent:           {"agent_silent", false, "A polecat is not heard for minutes and then comes back."},
	agentNoDone:           {"agent_no_done", false, "A polecat ends well without having said done."},
	agentEmptyBranch:      {"agent_empty_branch", false, "A polecat says done on a branch without commits."},
	agentNoBranch:         {"agent_no_branch", false, "A polecat says done and there is no branch."},
	agentNoChanges:        {"agent_no_changes", false, "A polecat says that nothing has to change."},
	agentDoneLate:         {"agent_done_late", false, "A polecat's done comes in minutes after its process has ended."},
	agentDoneTwice:        {"agent_done_twice", false, "A polecat says done twice."},
	agentLingers:          {"agent_lingers", false, "A process goes on after its last report."},
	agentEvicted:          {"agent_evicted", false, "A process is taken away by its runtime."},
	mergeConflicts:        {"merge_conflicts", false, "A merge has conflicts."},
	gateFails:             {"gate_fails", false, "A gate fails on the merged tree."},
	gateIsBroken:          {"gate_is_broken", false, "A gate does not pass on the target either."},
	changesWanted:         {"changes_wanted", false, "A reviewer wants changes."},
	mergeInfra:            {"merge_infra", false, "A merge fails by the infrastructure's fault."},
	refineryCrashes:       {"refinery_crashes", false, "A refinery's process fails before it has tested its merge."},
	refineryCrashesMerged: {"refinery_crashes_merged", false, "A refinery's process fails after it has tested its merge, before it says so."},
	refineryHangs:         {"refinery_hangs", false, "A refinery stops for ever and is not heard any more."},
	refinerySilent:        {"refinery_silent", false, "A refinery is not heard for minutes, comes back and reports."},
	refineryLate:          {"refinery_late", false, "A refinery's report comes in minutes after its process has ended."},
	agentAsks:             {"agent_asks", false, "A polecat escalates something on the way, and may ask for help."},
	agentMute:             {"agent_mute", false, "An agent writes nothing for up to hours, is heard all the while, and goes on, at once if a nudge wakes it."},
	agentMuteForEver:      {"agent_mute_for_ever", false, "An agent writes nothing any more, is heard all the while, and only a nudge may wake it."},
	nudgeFails:            {"nudge_fails", false, "A nudge cannot be delivered."},
	nudgeLost:             {"nudge_lost", false, "Nobody answers whether a nudge was delivered."},
	triageOdd:             {"triage_odd", false, "A triage agent decides what cannot be decided."},
	triageIdle:            {"triage_idle", false, "A triage agent ends well without having decided."},
	triageCrashes:         {"triage_crashes", false, "A triage agent's process fails."},
	triageHangs:           {"triage_hangs", false, "A triage agent goes on for ever, and is heard."},
	webhookFails:          {"webhook_fails", false, "A webhook does not take a notice."},
	webhookLost:           {"webhook_lost", false, "Nobody answers whether the webhooks took a notice."},
	hostDrained:           {"host_drained", true, "The place where agents run is emptied: it says so, evicts them all, and is ready again."},
	readyLost:             {"ready_lost", false, "A drained place is ready again and never says so."},
	drainRepeated:         {"drain_repeated", false, "A drain is announced twice, or ends twice, or one ends that never began."},
	drainMoves:            {"drain_moves", false, "After a drain agents run at another place, which is heard of before the old one is ready."},
	evictions:             {"evictions", true, "A part of all processes is taken away at once."},
	startsBroken:          {"starts_broken", true, "Nothing can be started for minutes or hours, in one rig or in all, always for the same reason."},
	pullConflicts:         {"pull_conflicts", false, "A pull request conflicts with its target from a head on."},
	checksFail:            {"checks_fail", false, "A check of a pull request fails at a head."},
	checksSlow:            {"checks_slow", false, "The checks of a pull request run for up to hours."},
	checksUnread:          {"checks_unread", false, "The result of a check cannot be read for a while."},
	pullCommented:         {"pull_commented", false, "Somebody comments on a head of a pull request."},
	approvalNeeded:        {"approval_needed", false, "A pull request needs an approval, which comes within hours, if at all."},
	reworkUseless:         {"rework_useless", false, "Work on a pull request's branch leaves what is wanted there as it was."},
	pullMerged:            {"pull_merged_outside", true, "Somebody merges a pull request on the forge."},
	pullClosed:            {"pull_closed_outside", true, "Somebody closes a pull request on the forge."},
	pullPushed:            {"pull_pushed_outside", true, "Somebody pushes to the branch of a pull request."},
	forgeAway:             {"forge_away", true, "The forge is away, or has errors of its own, for minutes or hours."},
	forgeLimits:           {"forge_limits", true, "The forge wants to be left alone, and says how long or until when."},
	forgeNonsense:         {"forge_nonsense", true, "The forge's answers make no sense for minutes."},
	forgeSilent:           {"forge_silent", true, "No question to the forge is answered for hours."},
	forgeDenies:           {"forge_denies", false, "The forge answers a question for good with no."},
	pollLost:              {"poll_lost", false, "A look at a pull request is never answered."},
	pushFails:             {"push_fails", false, "The push of a merge comes to nothing, and whether it did is not known."},
	pushRefused:           {"push_refused", false, "A remote refuses the push of a merge."},
	pushUnseen:            {"push_unseen", false, "A remote shows what was pushed only later."},
	pushUnsaid:            {"push_unsaid", false, "A merge is pushed, and whether it was is not known."},
	targetMoves:           {"target_moves", false, "Somebody pushes to the target of a merge after it was tested."},
	mergeLost:             {"merge_lost", false, "A pull request is not merged, and nobody says so."},
	mergeDoneLost:         {"merge_done_lost", false, "A pull request is merged, and nobody says so."},
	mergeRefused:          {"merge_refused", false, "The forge refuses to merge a pull request."},
	noForge:               {"no_forge", false, "A refinery cannot open a pull request, for want of a forge."},
	peopleMeddle:          {"people_meddle", true, "People hold, release, cancel, retry, depend, reset, stop, pause, configure, nudge, write, decide and acknowledge."},
}

// profile is what a world is like.
type profile struct {
	name  string
	rates [numFaults]float64
	// pace is the mean time that a polecat takes for a bead.
	pace town.Duration
	// What the town is set up with: pull requests, a triage agent, webhooks, a budget that may be spent.
	pulls, triage, hooks, budget bool
}

// everyday is what goes wrong in any town.
var everyday = [numFaults]float64{
	agentCrashes: .02, agentHangs: .01, agentSilent: .01, agentNoDone: .02, agentEmptyBranch: .01, agentNoBranch: .005,
	agentNoChanges: .03, agentDoneLate: .01, agentDoneTwice: .01, agentLingers: .02, agentLoops: .002, agentEvicted: .005,
	mergeConflicts: .05, gateFails: .05, gateIsBroken: .01, changesWanted: .02, mergeInfra: .01, refineryCrashes: .01, refineryCrashesMerged: .005,
	refineryHangs: .003, refinerySilent: .005, refineryLate: .005,
	startRefusedInfra: .005, startUnknownWorked: .005, startUnknownFailed: .003, startSlow: .01, stopUnconfirmed: .02,
	verifyFails: .01, outcomeTwice: .01, peopleMeddle: 4, serverDies: .05, serverSlow: .002,
	agentAsks: .04, agentMute: .01, agentMuteForEver: .003, nudgeFails: .05, nudgeLost: .03, triageOdd: .1, triageIdle: .05, triageCrashes: .03, triageHangs: .01,
	webhookFails: .05, webhookLost: .02, hostDrained: .02, readyLost: .1, drainRepeated: .1, drainMoves: .2, evictions: .02, startsBroken: .02,
	pullConflicts: .03, checksFail: .08, checksSlow: .05, checksUnread: .02, pullCommented: .1, approvalNeeded: .2, reworkUseless: .03,
	pullMerged: .05, pullClosed: .02, pullPushed: .05, forgeAway: .05, forgeLimits: .05, forgeNonsense: .02, forgeSilent: .02, forgeDenies: .0005,
	pushFails: .02, pushRefused: .01, pushUnseen: .02, pushUnsaid: .02, targetMoves: .03,
	pollLost: .005, mergeLost: .02, mergeDoneLost: .02, mergeRefused: .03, noForge: .001,
}

// profiles are what the worlds of seeds are like: everyday life with something that happens more.
var profiles = []struct {
	name string
	more [numFaults]float64
}{
	{"calm", [numFaults]float64{}},
	{"broken agents", [numFaults]float64{
		agentCrashes: .15, agentHangs: .1, agentSilent: .1, agentNoDone: .1, agentEmptyBranch: .08, agentNoBranch: .05, agentNoChanges: .05,
		agentDoneLate: .08, agentDoneTwice: .08, agentLingers: .15, agentLoops: .02, agentEvicted: .05,
	}},
	{"broken merges", [numFaults]float64{
		pushFails: .2, pushRefused: .15, pushUnseen: .2, pushUnsaid: .2, targetMoves: .3,
		mergeConflicts: .25, gateFails: .2, gateIsBroken: .2, changesWanted: .1, mergeInfra: .1, refineryCrashes: .1, refineryCrashesMerged: .08,
		refineryHangs: .05, refinerySilent: .08, refineryLate: .08, verifyFails: .2,
	}},
	{"broken infrastructure", [numFaults]float64{
		runtimeAway: .7, startRefusedInfra: .2, startRefused: .05, startUnknownWorked: .12, startUnknownFailed: .1, startSlow: .15,
		stopUnconfirmed: .25, stopDoneUnconfirmed: .15, verifyFails: .1,
	}},
	{"bad post", [numFaults]float64{outcomeLost: .1, outcomeLate: .15, outcomeTwice: .15, agentDoneLate: .1, refineryLate: .1}},
	{"crashing server", [numFaults]float64{
		serverDies: 2, diesBeforeRecord: .004, diesAfterRecord: .004, diesBeforeAnswer: .01, commitFails: .01, serverSlow: .03,
	}},
	{"sleepy host", [numFaults]float64{hostSleeps: .8, clockJumps: .8, serverSlow: .02}},
	{"busy people", [numFaults]float64{peopleMeddle: 90, pullMerged: 1.5, pullClosed: 1, pullPushed: 2}},
	{"bad reviews", [numFaults]float64{
		pullConflicts: .2, checksFail: .3, checksSlow: .2, checksUnread: .15, pullCommented: .4, approvalNeeded: .5, reworkUseless: .3, mergeRefused: .3,
		pullMerged: .6, pullClosed: .4, pullPushed: .8,
	}},
	{"broken forge", [numFaults]float64{
		forgeAway: .6, forgeLimits: .5, forgeNonsense: .5, forgeSilent: .3, forgeDenies: .02, pollLost: .15, mergeLost: .2, mergeDoneLost: .2, mergeRefused: .2, noForge: .03,
		checksUnread: .1,
	}},
	{"silent agents", [numFaults]float64{
		agentAsks: .2, agentMute: .2, agentMuteForEver: .1, nudgeFails: .3, nudgeLost: .3, triageOdd: .25, triageIdle: .25, triageCrashes: .25, triageHangs: .1,
		webhookFails: .4, webhookLost: .3, agentHangs: .05, stopUnconfirmed: .75,
	}},
	{"moving host", [numFaults]float64{
		hostDrained: 1.5, readyLost: .3, drainRepeated: .4, drainMoves: .5, evictions: 1.5, agentEvicted: .1, startsBroken: .4, runtimeAway: .2,
	}},
	{"outages", [numFaults]float64{startsBroken: 1.2, mergeInfra: .3, gateIsBroken: .3, agentCrashes: .3, startRefused: .2, startRefusedInfra: .2}},
	{"chaotic", [numFaults]float64{
		hostSleeps: .2, clockJumps: .2, serverDies: .5, diesBeforeRecord: .001, diesAfterRecord: .001, diesBeforeAnswer: .004, commitFails: .004,
		serverSlow: .02, runtimeAway: .3, startRefusedInfra: .06, startRefused: .03, startUnknownWorked: .06, startUnknownFailed: .05,
		startSlow: .05, stopUnconfirmed: .1, stopDoneUnconfirmed: .1, outcomeLost: .04, outcomeLate: .06, outcomeTwice: .06, verifyFails: .05,
		agentCrashes: .06, agentHangs: .04, agentSilent: .05, agentNoDone: .05, agentEmptyBranch: .04, agentNoBranch: .03, agentDoneLate: .05,
		agentDoneTwice: .05, agentLingers: .08, agentLoops: .01, agentEvicted: .03, mergeConflicts: .12, gateFails: .1, gateIsBroken: .05, changesWanted: .06,
		mergeInfra: .06, refineryCrashes: .06, refineryCrashesMerged: .05, refineryHangs: .03, refinerySilent: .04, refineryLate: .04,
		agentMute: .04, agentMuteForEver: .02, nudgeFails: .15, nudgeLost: .15, triageOdd: .15, triageIdle: .15, triageCrashes: .1, triageHangs: .05,
		webhookFails: .2, webhookLost: .1, hostDrained: .3, readyLost: .3, drainRepeated: .3, drainMoves: .3, evictions: .3, startsBroken: .2,
		pullConflicts: .1, checksFail: .15, checksSlow: .1, checksUnread: .06, pullCommented: .2, approvalNeeded: .3, reworkUseless: .1,
		pullMerged: .3, pullClosed: .2, pullPushed: .4, forgeAway: .2, forgeLimits: .2, forgeNonsense: .2, forgeSilent: .1, forgeDenies: .004,
		pollLost: .05, mergeLost: .08, mergeDoneLost: .08, mergeRefused: .1, noForge: .005,
		peopleMeddle: 40,
	}},
}

// Profiles lists what the worlds are like, by name.
func Profiles() []string {
	out := make([]string, len(profiles))
	for i := range profiles {
		out[i] = profiles[i].name
	}
	return out
}

// draw makes the profile of a seed. Besides the one that has a name, a few faults happen more often
// than there: so that each two of them meet in some seed.
func draw(r *rand.Rand) profile {
	base := profiles[r.IntN(len(profiles))]
	p := profile{name: base.name, pace: town.Duration(3+r.IntN(15)) * town.Minute}
	for f := range p.rates {
		p.rates[f] = max(everyday[f], base.more[f])
	}
	for range r.IntN(5) {
		f := r.IntN(int(numFaults))
		most := 0.0
		for i := range profiles {
			most = max(most, profiles[i].more[f], everyday[f])
		}
		p.rates[f] = max(p.rates[f], most*(0.5+r.Float64()))
	}
	p.pulls, p.triage, p.hooks, p.budget = r.IntN(2) == 0, r.IntN(3) > 0, r.IntN(2) == 0, r.IntN(5) == 0
	return p
}

// only is a world in which nothing goes wrong but one thing, and that often, and what it needs.
func only(f fault) profile {
	p := profile{name: "only " + faults[f].name, pace: 5 * town.Minute, pulls: true, triage: true, hooks: true}
	for i := range profiles {
		p.rates[f] = max(p.rates[f], profiles[i].more[f])
	}
	if !faults[f].hourly {
		p.rates[f] = min(10*p.rates[f], 0.5)
	}
	for _, other := range needed[f] {
		p.rates[other] = 0.5
	}
	return p
}

// needed lists what must go wrong as well for a fault to come about.
var needed = map[fault][]fault{
	stopUnconfirmed: {agentLingers}, stopDoneUnconfirmed: {agentLingers}, nudgeFails: {agentMute}, nudgeLost: {agentMute},
	triageOdd: {agentAsks}, triageIdle: {agentAsks}, triageCrashes: {agentAsks}, triageHangs: {agentAsks}, webhookFails: {agentAsks}, webhookLost: {agentAsks},
	reworkUseless: {pullCommented},
	readyLost:     {hostDrained}, drainRepeated: {hostDrained}, drainMoves: {hostDrained},
}
