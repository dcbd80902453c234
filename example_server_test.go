package ohce_test

import (
	"context"
	"fmt"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/guard"
	"github.com/ohce/ohce/ohcetest"
)

// A server that denies a kind of request, and prevents loops as it does by default.
func ExampleServer_guard() {
	short := guard.RuleFunc(func(_ time.Time, d *guard.Datagram) guard.Verdict {
		if len(d.Payload) > 8 {
			return guard.DropDenied
		}
		return guard.Admitted
	})
	s := ohcetest.StartServer(&ohce.Server{Guard: guard.Guards{guard.Loops{}, short}})
	c := s.Client()
	defer c.Close()
	c.Retry = ohce.RetryAfter(20 * time.Millisecond)
	for _, request := range []string{"short", "much too long"} {
		resp, err := c.Exchange(context.Background(), []byte(request))
		if err != nil {
			fmt.Println("no response")
			continue
		}
		fmt.Printf("%s\n", resp.Data)
	}
	s.Close()
	fmt.Println("denied:", s.Config.Stats().Dropped[ohce.DropDenied])
	// Output:
	// short
	// no response
	// denied: 1
}
