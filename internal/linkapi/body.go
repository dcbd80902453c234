package linkapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	// maxBody is the maximum length of a request's body in bytes. A schedule of MaxPhases phases
	// fits, unless almost all of its phases set almost all fields.
	maxBody = 512 << 10
	// longBody is the length in bytes from which on a body is long.
	longBody = 16 << 10
	// maxLongBodies is the maximum number of long bodies in memory.
	maxLongBodies = 8
	// longBodyTimeout is how long a request waits until fewer long bodies are in memory.
	longBodyTimeout = 5 * time.Second
)

// longBodies limits the number of long bodies in memory. Each of them is an element of the channel.
type longBodies chan struct{}

// body reads the body of the request. A long one stays counted until release.
func (c *call) body() ([]byte, error) {
	in := http.MaxBytesReader(c.w, c.r.Body, maxBody)
	var b bytes.Buffer
	n, err := io.CopyN(&b, in, longBody)
	if err == nil && n == longBody {
		if err := c.acquire(); err != nil {
			return nil, err
		}
		_, err = b.ReadFrom(in)
	}
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		return nil, newError(413, "body", fmt.Sprintf("the body is longer than %d bytes", maxBody))
	case err != nil && err != io.EOF:
		return nil, newError(400, "body", "cannot read the body: "+err.Error())
	}
	return b.Bytes(), nil
}

// acquire waits until another long body may be in memory.
func (c *call) acquire() error {
	timeout := time.NewTimer(longBodyTimeout)
	defer timeout.Stop()
	select {
	case c.longs <- struct{}{}:
		c.isLong = true
		return nil
	case <-timeout.C:
		return newError(503, "body", "too many requests with long bodies")
	}
}

// release ends the count of the call's long body.
func (c *call) release() {
	if c.isLong {
		<-c.longs
	}
}
