package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// scrapeInterval is the time between two scrapes, shorter than that of any real Prometheus.
const scrapeInterval = time.Second

// A scraper reads the metrics of a server, as Prometheus does.
type scraper struct {
	url    string
	client http.Client
	stop   chan struct{}
	ended  chan struct{}
}

// scrapeMetrics scrapes a server until end. It returns an error if the first scrape fails.
func scrapeMetrics(url string) (*scraper, error) {
	s := &scraper{url: url, client: http.Client{Timeout: 5 * time.Second},
		stop: make(chan struct{}), ended: make(chan struct{})}
	if err := s.scrape(); err != nil {
		return nil, err
	}
	go s.run() // ends with end
	return s, nil
}

func (s *scraper) run() {
	defer close(s.ended)
	tick := time.NewTicker(scrapeInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_ = s.scrape() // a server that ends refuses it
		case <-s.stop:
			return
		}
	}
}

func (s *scraper) scrape() error {
	resp, err := s.client.Get(s.url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || !strings.Contains(string(text), "ohce_requests_total")) {
		err = fmt.Errorf("%s: status %s without ohce_requests_total", s.url, resp.Status)
	}
	return err
}

func (s *scraper) end() {
	close(s.stop)
	<-s.ended
}
