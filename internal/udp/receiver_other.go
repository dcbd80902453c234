//go:build !linux || ohce_portable

package udp

import "errors"

func newReceiver([]Socket) (Receiver, error) { return nil, errors.ErrUnsupported }
