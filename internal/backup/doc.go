// Package backup writes what cannot be made again of a data folder into one file, and makes a data folder of it.
//
// The file is a tar archive, compressed with zstd:
//
//	manifest.json       format of the data folder, version, time; the other files, with sizes and SHA-256
//	gastown.db          the journal as it was at that moment
//	git/TOWN/RIG.bundle the branches of beads and what was kept of their workspaces, with their history
//
// The journal is copied first. So the branches are at least as new as what the journal knows of them.
//
// No secret of the server is in it: the folder that is made gets an admin token and a key of its own. Nothing refers to
// the old place either. The histories of the towns are renewed at the first start: the old server may still be there.
package backup
