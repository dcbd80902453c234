package cli

import (
	"os"
	"syscall"
)

// upgradeSignal requests an upgrade. It is nil if the system does not support upgrades.
var upgradeSignal os.Signal = syscall.SIGUSR2
