package cli

import (
	"net/netip"
	"strings"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/internal/dashboard"
	"github.com/ohce/ohce/internal/linkapi"
)

// showServer makes the page show a server. It returns the handler with which the server must serve,
// from which the page takes samples. Without --http, this is h.
func (m *monitor) showServer(srv *ohce.Server, h ohce.Handler) ohce.Handler {
	m.page.Command = "ohce serve"
	m.page.Source = func() *dashboard.Snapshot { return dashboard.OfServer(srv.ShardStats()) }
	if m.flags.addr == "" {
		return h
	}
	m.page.Sampler = &dashboard.Sampler{}
	return m.page.Sampler.Around(h)
}

// showLinks makes the page show the links of lm.
func (m *monitor) showLinks(lm *linkapi.Manager) {
	m.page.Command, m.page.Title, m.page.OfLinks = "ohce link", "Links", true
	m.page.Source = func() *dashboard.Snapshot {
		all := lm.List()
		shown := all[:min(len(all), dashboard.MaxLinks)]
		var links []dashboard.Link
		for _, s := range shown {
			links = append(links, dashboard.Link{
				Name: s.Name, Listen: s.Listen, To: s.To, Up: s.Up.String(), Down: s.Down.String(),
				Error: s.Error, Stats: s.Stats,
			})
		}
		return dashboard.OfLinks(links, len(all)-len(shown))
	}
}

// joinAddrs returns addresses as a heading.
func joinAddrs(addrs []netip.AddrPort) string {
	var texts []string
	for _, a := range addrs {
		texts = append(texts, a.String())
	}
	return strings.Join(texts, ", ")
}
