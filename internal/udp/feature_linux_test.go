//go:build !ohce_portable

package udp

import (
	"errors"
	"testing"
)

// TestFeatures fails, rather than skips, if the kernel is new enough for a feature but lacks it.
func TestFeatures(t *testing.T) {
	v, err := kernel()
	if err != nil {
		t.Fatal(err)
	}
	// KernelDropped does not probe for this feature, but handles the error.
	memInfo := &feature{"SO_MEMINFO", version{4, 12, 0}, func() error {
		return onSocket(func(fd int) error {
			_, err := socketDrops(fd)
			return err
		})
	}}
	for _, f := range []*feature{featureGRO, featureGSO, featureReusePort, memInfo} {
		t.Run(f.name, func(t *testing.T) {
			err := f.probe()
			switch {
			case err != nil && v.less(f.since):
				t.Skipf("needs Linux %v, this is %v: %v", f.since, v, err)
			case errors.Is(err, errBroken) && f == featureGSO && v.within(brokenGSO):
				t.Skipf("broken in Linux %v: %v", v, err)
			case err != nil:
				t.Errorf("missing in Linux %v, want it since %v: %v", v, f.since, err)
			case v.less(f.since):
				t.Errorf("present in Linux %v, want it only since %v", v, f.since)
			}
		})
	}
}

func TestParseVersion(t *testing.T) {
	tests := []struct {
		release string
		want    version
		ok      bool
	}{
		{"6.18.44", version{6, 18, 44}, true},
		{"6.18.44-fc-v669", version{6, 18, 44}, true},
		{"7.1.4", version{7, 1, 4}, true},
		{"6.1.0-37-amd64", version{6, 1, 0}, true},
		{"5.15", version{5, 15, 0}, true},
		{"5.10-rc3", version{5, 10, 0}, true},
		{"4", version{4, 0, 0}, true},
		{"10.0.1+", version{10, 0, 1}, true},
		{"", version{}, false},
		{"six", version{}, false},
		{"6.", version{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.release, func(t *testing.T) {
			got, err := parseVersion(tt.release)
			if got != tt.want || (err == nil) != tt.ok {
				t.Errorf("parseVersion(%q) = %v, %v; want %v", tt.release, got, err, tt.want)
			}
		})
	}
}

func TestBrokenGSO(t *testing.T) {
	for release, want := range map[string]bool{
		"6.19.9": false, "7.0.0": true, "7.0.12": true, "7.1.0": true, "7.1.4": true, "7.1.5": false,
		"7.2.0": false, "8.0.0": false,
	} {
		v, err := parseVersion(release)
		if err != nil {
			t.Fatal(err)
		}
		if got := v.within(brokenGSO); got != want {
			t.Errorf("release %s is broken: %v, want %v", release, got, want)
		}
	}
}
