package sandbox

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
)

// A User is a user and group to change to.
type User struct {
	Name     string // as given
	UID, GID int
}

// ErrRoot reports that the user is root, which has all rights.
var ErrRoot = errors.New("the user is root")

// LookupUser returns the user with the name or ID in "USER" or "USER:GROUP". Without a group, the
// group is the primary group of the user. The system need not list the IDs in "1000:1000".
//
// If successor is true and the process is not root, it has inherited its user and may not be able
// to look it up again. LookupUser then returns the IDs of the process.
func LookupUser(text string, successor bool) (*User, error) {
	name, group, hasGroup := strings.Cut(text, ":")
	u := &User{Name: name}
	if successor && os.Geteuid() != 0 {
		u.UID, u.GID = os.Getuid(), os.Getgid()
		return u, nil
	}
	found, err := lookupAccount(name)
	switch {
	case err == nil:
		if u.UID, err = parseID(found.Uid); err == nil {
			u.GID, err = parseID(found.Gid)
		}
	case hasGroup:
		if id, idErr := parseID(name); idErr == nil {
			u.UID, err = id, nil
		}
	}
	if err != nil {
		return nil, err
	}
	if hasGroup {
		if u.GID, err = lookupGroup(group); err != nil {
			return nil, err
		}
	}
	if u.UID == 0 {
		return nil, ErrRoot
	}
	return u, nil
}

// lookupAccount returns the account with a name or an ID.
func lookupAccount(name string) (*user.User, error) {
	if found, err := user.Lookup(name); err == nil {
		return found, nil
	}
	if _, err := parseID(name); err == nil {
		found, err := user.LookupId(name)
		if err != nil {
			return nil, fmt.Errorf("no user has the ID %s; add a group, as in %[1]s:%[1]s", name)
		}
		return found, nil
	}
	return nil, fmt.Errorf("there is no user %q", name)
}

// lookupGroup returns the ID of the group with a name or an ID.
func lookupGroup(name string) (int, error) {
	if found, err := user.LookupGroup(name); err == nil {
		return parseID(found.Gid)
	}
	if id, err := parseID(name); err == nil {
		return id, nil
	}
	return 0, fmt.Errorf("there is no group %q", name)
}

// parseID parses a user or group ID. The largest 32-bit number stands for no change and is no ID.
func parseID(text string) (int, error) {
	id, err := strconv.ParseUint(text, 10, 32)
	if err != nil || id == 1<<32-1 {
		return 0, fmt.Errorf("%q is not an ID", text)
	}
	return int(id), nil
}
