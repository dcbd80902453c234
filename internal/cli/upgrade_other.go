//go:build !linux

package cli

import "os"

// upgradeSignal is nil because the system does not support upgrades.
var upgradeSignal os.Signal
