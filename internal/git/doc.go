// Package git keeps mirrors, workspaces and merges of a town's rigs with the
// real git command.
//
// Below the root directory of a [Store] every rig has one directory:
//
//	<root>/<town>/<rig>/
//	    mirror.git/           bare clone, the server's alone
//	        refs/remotes/origin/*       what origin has; only a fetch writes it
//	        refs/heads/*                the beads' branches, brought in from their workspaces
//	        refs/gastown/start/*        where each of them began
//	        refs/gastown/left/<bead>/*  what else a workspace had: uncommitted work, other branches
//	        refs/gastown/incoming/*     what is being brought in
//	        refs/gastown/tip/*          where each target stood when merges last went by it
//	        refs/gastown/former/*       such tips that the target no longer has
//	    workspaces/<bead>/    the files of a bead, for all its attempts: a clone that borrows the mirror's objects
//	    looks/<bead>.git/     the git directory through which the server looks at them
//	    made/                 what was made on each branch, by the logs of its workspaces
//	    merge/1/              where merges are tested: one checkout that stays, its index and git directory beside it
//	    modules/              what the server keeps of submodules, by the address of their remote
//	    lfs.git/              where git-lfs of the server runs; the objects are in mirror.git/lfs
//	    rig.lock              taken for changes of workspaces and merges, never while gates run or over the network
//	    fetch.lock            taken for fetches alone
//
// A merge is tested on the target as it was fetched, without a network; it is
// published with a lease on that, and counts when it is read back from the
// rig's address:
//
//	Fetch ──► TestMerge: conflicts? ──► merge commit ──► gates
//	  ▲                                                    │
//	  │      PushMerge: is it that merge? ──► push, if the target has not moved
//	  ├────────────── it has moved ◄────────┘  │
//	  └─────────────────────── FindMerged: is it in the target?
//
// Before the push, [Rig.CheckReferences] looks whether a fresh clone would get
// all that the commit names: commits of submodules and LFS objects.
//
// Everything here may be interrupted at any point and called again: what a
// crash leaves behind is found and put right by the next call. Every failure
// of git itself is an [*Error] with a [Class]; none of them is an agent's
// fault. What is about the work of an agent (a conflict, a failed gate, an
// empty branch) is a result and not an error.
package git
