package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// A pictureFile is the file of a picture that is to be. Until the picture is complete, what was
// there before stays.
type pictureFile struct {
	name string // as given
	path string // where it is, if name is a link
	mode fs.FileMode
}

// newPictureFile finds out whether a picture can be written.
func newPictureFile(name string) (*pictureFile, error) {
	if name == "-" {
		return nil, usage("standard output is for the answers; name a file, as in trace.svg",
			"--trace-svg - is not a file")
	}
	f := &pictureFile{name: name, path: name}
	if path, err := filepath.EvalSymlinks(name); err == nil {
		f.path = path
	}
	if err := f.check(); err != nil {
		return nil, f.explain(err)
	}
	return f, nil
}

var errNotAFile = errors.New("it is not a file")

// check tries everything but the renaming.
func (f *pictureFile) check() error {
	switch info, err := os.Stat(f.path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return errNotAFile
	default:
		f.mode = info.Mode().Perm()
		old, err := os.OpenFile(f.path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		old.Close()
	}
	beside, err := f.create()
	if err != nil {
		return err
	}
	beside.Close()
	return os.Remove(beside.Name())
}

// create makes a new file beside the one that it is to become.
func (f *pictureFile) create() (*os.File, error) {
	name := fmt.Sprintf("%s.%08x.tmp", f.path, rand.Uint32())
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
}

// write lets draw write the picture.
func (f *pictureFile) write(draw func(io.Writer) error) error {
	file, err := f.create()
	if err != nil {
		return f.explain(err)
	}
	err = errors.Join(draw(file), file.Close())
	if err == nil && f.mode != 0 {
		err = os.Chmod(file.Name(), f.mode)
	}
	if err == nil {
		err = os.Rename(file.Name(), f.path)
	}
	if err != nil {
		os.Remove(file.Name())
		return f.explain(err)
	}
	return nil
}

func (f *pictureFile) explain(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return &failure{
		what: fmt.Sprintf("cannot write %s: %v", f.name, err),
		hint: "name a file in a folder that you may write to",
		code: exitFail,
	}
}
