//go:build !linux

package sandbox

import (
	"errors"
	"fmt"
)

var errLinux = fmt.Errorf("needs Linux: %w", errors.ErrUnsupported)

func enter(p *Policy) ([]Layer, error) {
	if p.User != nil {
		return nil, errLinux
	}
	layers := []Layer{{Name: userLayer}}
	for _, name := range []string{privilegesLayer, landlockLayer, seccompLayer} {
		l := Layer{Name: name}
		if p.Restrict {
			l = newLayer(name, "", errLinux)
		}
		layers = append(layers, l)
	}
	return layers, nil
}
