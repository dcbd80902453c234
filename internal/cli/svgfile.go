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

// An svgFile is a file that receives a diagram. The file keeps its previous content until the new
// one is complete.
type svgFile struct {
	name string      // as given by the user
	path string      // name with symbolic links resolved
	mode fs.FileMode // of the existing file; zero if there is none
}

// newSVGFile returns the file called name. It fails if the file cannot be written.
func newSVGFile(name string) (*svgFile, error) {
	if name == "-" {
		return nil, usage("standard output is for the answers; name a file, as in trace.svg",
			"--trace-svg - is not a file")
	}
	f := &svgFile{name: name, path: name}
	if path, err := filepath.EvalSymlinks(name); err == nil {
		f.path = path
	}
	if err := f.check(); err != nil {
		return nil, f.failure(err)
	}
	return f, nil
}

var errNotAFile = errors.New("it is not a file")

// check tries every step of write except the renaming.
func (f *svgFile) check() error {
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
	tmp, err := f.create()
	if err != nil {
		return err
	}
	tmp.Close()
	return os.Remove(tmp.Name())
}

// create creates a temporary file in the same directory.
func (f *svgFile) create() (*os.File, error) {
	name := fmt.Sprintf("%s.%08x.tmp", f.path, rand.Uint32())
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
}

// write replaces the content of the file with what draw writes.
func (f *svgFile) write(draw func(io.Writer) error) error {
	file, err := f.create()
	if err != nil {
		return f.failure(err)
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
		return f.failure(err)
	}
	return nil
}

func (f *svgFile) failure(err error) error {
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
