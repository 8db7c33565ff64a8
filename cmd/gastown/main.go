// Command gastown runs towns of coding agents, and speaks to the server that does.
package main

import (
	"os"

	"gastown/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
