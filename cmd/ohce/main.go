// Ohce serves, sends and shows UDP requests and their reversed answers. See ohce --help.
package main

import (
	"os"

	"github.com/ohce/ohce/internal/cli"
)

func main() { os.Exit(cli.Main()) }
