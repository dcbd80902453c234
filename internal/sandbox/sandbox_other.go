//go:build !linux

package sandbox

import (
	"errors"
	"fmt"
)

var errLinux = errors.New("needs Linux")

func enter(p *Policy) ([]Layer, error) {
	if p.User != nil {
		return nil, fmt.Errorf("cannot change to user %s: %w", p.User.Name, errLinux)
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
