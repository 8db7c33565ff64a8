// Package demo shows a town at work without any model: a small repository, five tasks that depend
// on each other, and agents that are a shell script. One task fails its gate the first time and is
// reworked, two change the same lines, so that one of them conflicts and is resolved. Everything
// else is real: the server, the processes, git, the gates and the merges.
package demo
