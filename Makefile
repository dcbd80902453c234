# Commands for developers. make help lists them. CI runs these targets (see .ci/run).

GO        ?= go
FUZZTIME  ?= 200000x
BENCHTIME ?= 1s
ROUNDS    ?= 9
SECONDS   ?= 0.15
SIZES     ?= 64,16,512,1200
FIRST     ?= 5
# The relative error of a rate that make bench-load finds, and its generators; if empty, all.
PRECISION ?= 0.03
WITH      ?=
# The report of make bench, relative to this folder. If empty, no report is written.
OUT       ?= docs/performance.md
SOAK      ?= 1000000
# The duration of the test with a busy guard and impairments.
SOAKTIME  ?= 30m
SPOOFED   ?= 10000000
# Requests of make admission with raw sockets.
FORGED    ?= 1000000
# The seconds of each flood of make overload.
FLOOD     ?= 10
UPGRADES  ?= 50
# Targets of make exporter.
TARGETS   ?= 10000
# Requests a second during the upgrades.
RATE      ?= 20000
MAPPINGS  ?= 16384
EXCHANGES ?= 10000
SEEDS     ?= 1000
LINES     ?= 100000
QUERIES   ?= 100000
# The report of make network, relative to this folder. If empty, no report is written.
REPORT    ?= docs/network.md
# The folder for make screenshots.
PICTURES  ?= docs
# Open pages of make pages.
PAGES     ?= 1000
# The database of known vulnerabilities.
VULNDB    ?= https://vuln.go.dev
# A pattern of tests that make race leaves out.
SKIP      ?=
# The packages whose tests make cross links, besides the checks of all packages.
LINKED    ?= ./...
PLATFORMS ?= windows/amd64 darwin/arm64 freebsd/amd64 linux/arm64

.DEFAULT_GOAL := help
# with returns the packages whose tests contain a pattern, so that the other tests are not built.
with = $$(grep -rl --include='*_test.go' '$(1)' . | grep -v '^./bench/' | xargs -n1 dirname | sort -u)

.PHONY: help check vuln test full race portable cross fuzz bench bench-load relay micro network lines dns interop delivery soak admission overload pages upgrade exporter priv demo man screenshots vectors

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

check: vuln ## check formatting, go vet, staticcheck, go.mod and known vulnerabilities
	@files=$$(gofmt -l .); if [ -n "$$files" ]; then echo "run gofmt -w on: $$files"; exit 1; fi
	$(GO) vet ./...
	$(GO) vet -tags ohce_portable ./...
	$(GO) vet -tags priv ./...
	$(GO) vet -tags priv,ohce_portable ./...
	$(GO) tool staticcheck ./...
	OHCE_FULL=1 $(GO) test -run '^TestProse' ./docs
	$(GO) mod tidy -diff
	$(GO) mod verify
	cd bench && $(GO) vet ./... && $(GO) mod tidy -diff
	cd internal/interop && $(GO) vet ./... && $(GO) mod tidy -diff

vuln: ## check for known vulnerabilities, if VULNDB can be reached
	@out=$$($(GO) tool govulncheck -db '$(VULNDB)' ./... 2>&1); code=$$?; \
	case "$$code $$out" in \
	0*) ;; \
	*'fetching vulnerabilities'*) echo 'govulncheck did not run: it cannot reach $(VULNDB)';; \
	*) echo "$$out"; exit $$code;; \
	esac

test: ## run the tests, those that take long in a short form
	$(GO) test ./...

full: ## run the tests that take long in full: many datagrams, web pages (needs chromium), comparisons
	OHCE_FULL=1 $(GO) test -count=1 $(call with,testsize\.\|browsertest\.)

race: ## run the tests under the race detector, except those in SKIP
	$(GO) test -race -count=1 -skip '$(SKIP)' ./...

portable: ## run the tests with the portable implementation of sockets
	$(GO) test -count=1 -tags ohce_portable ./...

cross: ## build all packages and tests for each of PLATFORMS
	@for p in $(PLATFORMS); do \
		echo "GOOS=$${p%/*} GOARCH=$${p#*/}"; \
		GOOS=$${p%/*} GOARCH=$${p#*/} CGO_ENABLED=0 $(GO) vet ./... || exit 1; \
		GOOS=$${p%/*} GOARCH=$${p#*/} CGO_ENABLED=0 $(GO) test -exec true $(LINKED) >/dev/null || exit 1; \
	done

# FUZZTIME should be a count: with a duration, go test can fail with "context deadline exceeded".
fuzz: ## run each fuzz target for FUZZTIME
	@for pkg in $(call with,^func Fuzz); do \
		targets=$$($(GO) test -list '^Fuzz' $$pkg) || exit 1; \
		for f in $$(echo "$$targets" | grep '^Fuzz'); do \
			echo "$$f in $$pkg"; \
			$(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x $$pkg || exit 1; \
		done; \
	done

bench: ## compare ohce with other servers, and write OUT (needs cc, python3, socat and root)
	cd bench && $(GO) run ./run -rounds $(ROUNDS) -seconds $(SECONDS) -sizes $(SIZES) -first $(FIRST) \
		-markdown '$(if $(OUT),../$(OUT))'

bench-load: ROUNDS = 5
bench-load: SECONDS = 1
bench-load: ## compare ohce load with other load generators, and write docs/generators.md (needs cc)
	cd bench && $(GO) run ./run -only load -rounds $(ROUNDS) -seconds $(SECONDS) -precision $(PRECISION) \
		-with '$(WITH)' -markdown '$(if $(OUT),../docs/generators.md)'

relay: ## compare ohce link with a relay in C, and write docs/relay.md (needs cc)
	cd bench && $(GO) run ./run -only relay -rounds $(ROUNDS) -seconds $(SECONDS) \
		-markdown '$(if $(OUT),../docs/relay.md)'

micro: ## run each Go benchmark for BENCHTIME
	$(GO) test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) $(call with,^func Benchmark)

network: ## make EXCHANGES exchanges in each of many bad networks, and write REPORT
	cd bench/network && $(GO) test -run '^TestNetwork$$' -count=1 -timeout 30m -exchanges $(EXCHANGES) \
		-markdown '$(if $(REPORT),../../$(REPORT))'

lines: ## send LINES lines with ohce send through loss, delay and a server failure (needs python3)
	OHCE_LINES=$(LINES) $(GO) test -run 'ManyLines' -count=1 -v ./internal/cli

dns: ## send QUERIES DNS queries through loss to dnsmasq and unbound, with the DNS example
	OHCE_QUERIES=$(QUERIES) $(GO) test -run '^TestQueriesThroughLoss$$' -count=1 -v ./examples/dns

interop: ## ping a QUIC server of quic-go, which is not a dependency of ohce
	cd internal/interop && $(GO) test -count=1 ./...

delivery: ## make 100 increments through 20 % loss, with each of SEEDS random seeds
	OHCE_SEEDS=$(SEEDS) $(GO) test -run '^TestDeduplicatorIncrements$$' -count=1 -v .

soak: ## send random datagrams (SOAK; SOAKTIME) and open MAPPINGS clients of a link, and check memory
	OHCE_SOAK=$(SOAK) OHCE_SOAKTIME=$(SOAKTIME) OHCE_MAPPINGS=$(MAPPINGS) $(GO) test \
		-run '^TestSoak|^TestMemoryOf' -count=1 -timeout 0 -v ./internal/cli

admission: ## pass SPOOFED forged requests through the limits, and FORGED with raw sockets (root)
	OHCE_SPOOFED=$(SPOOFED) $(GO) test -run '^TestAdmission' -count=1 -v ./internal/cli
	OHCE_SPOOFED=$(FORGED) $(GO) test -tags priv -run '^TestPrivReflection$$' -count=1 -v .

overload: ## flood servers for FLOOD seconds each: the cost of a drop, and clients beside the flood
	OHCE_OVERLOAD=$(FLOOD) $(GO) test -p 1 -run '^TestOverload' -count=1 -v . ./internal/cli

pages: ## flood a server for FLOOD seconds, by turns without and with PAGES open pages
	OHCE_PAGES=$(PAGES) OHCE_OVERLOAD=$(FLOOD) $(GO) test -run '^TestPagesCost$$' -count=1 -v ./internal/cli

upgrade: ## replace ohce serve UPGRADES times under RATE requests a second, and count lost requests
	OHCE_UPGRADES=$(UPGRADES) OHCE_RATE=$(RATE) $(GO) test -run '^TestUpgrade' -count=1 -v ./internal/cli

exporter: ## probe TARGETS targets with ohce exporter within a scrape interval, and check its memory
	OHCE_TARGETS=$(TARGETS) $(GO) test -run '^TestExporterCapacity$$' -count=1 -v ./internal/cli

priv: ## run the tests that create network namespaces (needs Linux, root, ip, nft and tc)
	$(GO) test -tags priv -run Priv -count=1 $(call with,^func TestPriv)
	$(GO) test -tags priv,ohce_portable -run Priv -count=1 $(call with,^func TestPriv)

demo: ## run ohce demo
	$(GO) run ./cmd/ohce demo

man: ## write the man pages to docs/man
	$(GO) test -run '^TestManPages$$' ./internal/cli -update

screenshots: ## write the pictures of web pages to PICTURES (needs chromium)
	OHCE_SCREENSHOTS='$(abspath $(PICTURES))' $(GO) test -run '^TestScreenshots$$' -count=1 -v $(call with,^func TestScreenshots)

vectors: ## write the test vectors of package flip (needs CPython 3.11)
	python3 flip/testdata/vectors.py
