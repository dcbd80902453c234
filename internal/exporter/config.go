package exporter

import (
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// A Config is a set of modules and the targets to watch. It must not be changed once it is in use.
type Config struct {
	// Modules holds the ready-made modules and those of the file, by name.
	Modules map[string]*Module
	// Targets lists the targets that are watched permanently.
	Targets []Target
	// Text is the file.
	Text []byte
}

// A Target is a service that is watched permanently.
type Target struct {
	// Addr is the address as it was given, "host:port". The port can be missing if the module has a
	// usual one.
	Addr string
	// Module describes the requests.
	Module *Module
	// Interval is the time between two requests. It is positive.
	Interval time.Duration
}

const (
	maxTargets      = 1000 // watched ones
	minInterval     = 10 * time.Millisecond
	defaultInterval = time.Second
	maxInterval     = time.Hour
)

// Default returns the configuration without a file: the ready-made modules.
func Default() *Config { return &Config{Modules: builtIn()} }

// Load reads a file. The error is an *Error.
func Load(name string) (*Config, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		var cause *os.PathError
		if errors.As(err, &cause) {
			err = cause.Err
		}
		return nil, &Error{File: name, What: "cannot read the file: " + err.Error()}
	}
	c, err := Parse(text)
	if e := (*Error)(nil); errors.As(err, &e) {
		e.File = name
	}
	return c, err
}

// Parse reads a configuration in YAML. Its modules replace ready-made ones of the same name. The error
// is an *Error without a file.
func Parse(text []byte) (*Config, error) {
	c := Default()
	c.Text = text
	root, err := parseYAML(text)
	if err != nil {
		return nil, err
	}
	var r yamlReader
	var targets *yaml.Node // read at the end, because they refer to modules
	err = r.mapping(root, "the file", fields{
		"modules": func(n *yaml.Node) error { return r.modules(n, c) },
		"targets": func(n *yaml.Node) error { targets = n; return nil },
	})
	if err == nil && targets != nil {
		err = r.targets(targets, c)
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// modules reads the value of modules.
func (r *yamlReader) modules(n *yaml.Node, c *Config) error {
	return r.entries(n, "modules", func(key, value *yaml.Node) error {
		m, err := r.module(key, value)
		if err == nil {
			c.Modules[m.Name] = m
		}
		return err
	})
}

// targets reads the value of targets.
func (r *yamlReader) targets(n *yaml.Node, c *Config) error {
	seen := make(map[string]int) // the line of each target
	return r.list(n, "targets", func(n *yaml.Node) error {
		t, err := r.target(n, c)
		if err != nil {
			return err
		}
		key := t.Module.Name + " " + t.Addr
		if line := seen[key]; line > 0 {
			return mistake(n, "remove one of them", "target %q with module %q is given twice, first in line %d",
				t.Addr, t.Module.Name, line)
		}
		if seen[key] = n.Line; len(seen) > maxTargets {
			return mistake(n, "let Prometheus probe the others", "more than %d targets are watched",
				maxTargets)
		}
		c.Targets = append(c.Targets, t)
		return nil
	})
}

// target reads an element of targets.
func (r *yamlReader) target(n *yaml.Node, c *Config) (Target, error) {
	t := Target{Interval: defaultInterval}
	var addr, module *yaml.Node
	err := r.mapping(n, "a target", fields{
		"target": func(n *yaml.Node) (err error) {
			addr = n
			t.Addr, err = r.text(n, "target")
			return err
		},
		"module": func(n *yaml.Node) error {
			module = n
			name, err := r.text(n, "module")
			if err != nil {
				return err
			}
			if t.Module = c.Modules[name]; t.Module == nil {
				return mistake(n, "the modules are "+c.moduleNames(), "unknown module %q", name)
			}
			return nil
		},
		"interval": r.durationInto(&t.Interval, "interval", minInterval, maxInterval),
	})
	switch {
	case err != nil:
		return t, err
	case addr == nil:
		return t, mistake(n, "add target: HOST:PORT", "a target has no address")
	case module == nil:
		return t, mistake(n, "add module: NAME", "target %q has no module", t.Addr)
	}
	if _, err := t.Module.address(t.Addr); err != nil {
		return t, mistake(addr, hintOf(err), "%v", err)
	}
	return t, nil
}

// sortedNames returns the names of all modules in alphabetical order.
func (c *Config) sortedNames() []string { return slices.Sorted(maps.Keys(c.Modules)) }

// moduleNames returns the names of all modules in one text.
func (c *Config) moduleNames() string { return strings.Join(c.sortedNames(), ", ") }
