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

// An outputFile is a file that receives a result. The file keeps its previous content until the new
// one is complete.
type outputFile struct {
	name string      // as given by the user
	path string      // name with symbolic links resolved
	mode fs.FileMode // of the existing file; zero if there is none
}

// newOutputFile returns the file called name, the value of a flag. It fails if the file cannot be
// written. example is a usual name.
func newOutputFile(flag, name, example string) (*outputFile, error) {
	if name == "-" {
		return nil, usage("standard output is for other results; name a file, as in "+example,
			"--%s - is not a file", flag)
	}
	f := &outputFile{name: name, path: name}
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
func (f *outputFile) check() error {
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
func (f *outputFile) create() (*os.File, error) {
	name := fmt.Sprintf("%s.%08x.tmp", f.path, rand.Uint32())
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
}

// write replaces the content of the file with what draw writes.
func (f *outputFile) write(draw func(io.Writer) error) error {
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

func (f *outputFile) failure(err error) error {
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
