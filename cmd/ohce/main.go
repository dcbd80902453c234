// Ohce serves, sends and impairs UDP requests. See ohce --help.
package main

import (
	"os"

	"github.com/ohce/ohce/internal/cli"
)

func main() { os.Exit(cli.Main()) }
