# The developers' commands. `make help` lists them; CI calls these and nothing else.

GO        ?= go
FUZZTIME  ?= 200000x
BENCHTIME ?= 1s
ROUNDS    ?= 9
SECONDS   ?= 0.15
SIZES     ?= 64,16,512,1200
FIRST     ?= 5
# Below this folder; if empty, nothing is written.
OUT       ?= docs/performance.md
SOAK      ?= 1000000
MAPPINGS  ?= 16384
EXCHANGES ?= 10000
SEEDS     ?= 1000
LINES     ?= 100000
QUERIES   ?= 100000
# Below this folder; if empty, nothing is written.
REPORT    ?= docs/network.md
PLATFORMS ?= windows/amd64 darwin/arm64 freebsd/amd64 linux/arm64

.DEFAULT_GOAL := help
.PHONY: help check test race portable cross fuzz bench relay micro network lines dns delivery soak priv demo man vectors

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

check: ## formatting, vet, staticcheck, tidy modules
	@files=$$(gofmt -l .); if [ -n "$$files" ]; then echo "run gofmt -w on: $$files"; exit 1; fi
	$(GO) vet ./...
	$(GO) vet -tags ohce_portable ./...
	$(GO) vet -tags priv ./...
	$(GO) vet -tags priv,ohce_portable ./...
	$(GO) tool staticcheck ./...
	$(GO) mod tidy -diff
	$(GO) mod verify
	cd bench && $(GO) vet ./... && $(GO) mod tidy -diff

test: ## the tests, under a minute
	$(GO) test ./...

race: ## the tests under the race detector, with fewer datagrams
	$(GO) test -race -short -count=1 ./...

portable: ## the tests on the portable socket path
	$(GO) test -count=1 -tags ohce_portable ./...

cross: ## build everything, the tests too, for the other platforms
	@for p in $(PLATFORMS); do \
		echo "GOOS=$${p%/*} GOARCH=$${p#*/}"; \
		GOOS=$${p%/*} GOARCH=$${p#*/} CGO_ENABLED=0 $(GO) vet ./... || exit 1; \
		GOOS=$${p%/*} GOARCH=$${p#*/} CGO_ENABLED=0 $(GO) test -exec true ./... >/dev/null || exit 1; \
	done

fuzz: ## each fuzz target FUZZTIME (a count; a time ends now and then in "context deadline exceeded")
	@for pkg in $$($(GO) list ./...); do \
		targets=$$($(GO) test -list '^Fuzz' $$pkg) || exit 1; \
		for f in $$(echo "$$targets" | grep '^Fuzz'); do \
			echo "$$f in $$pkg"; \
			$(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x $$pkg || exit 1; \
		done; \
	done

bench: ## this server and its peers side by side, into docs/performance.md (cc, python3, socat, root)
	cd bench && $(GO) run ./run -rounds $(ROUNDS) -seconds $(SECONDS) -sizes $(SIZES) -first $(FIRST) \
		-markdown '$(if $(OUT),../$(OUT))'

relay: ## ohce link and a plain relay in C side by side, into docs/relay.md (cc)
	cd bench && $(GO) run ./run -only relay -rounds $(ROUNDS) -seconds $(SECONDS) \
		-markdown '$(if $(OUT),../docs/relay.md)'

micro: ## the benchmarks beside the code, for BENCHTIME each
	$(GO) test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) ./...

network: ## the clients through bad networks, EXCHANGES in each, into docs/network.md
	cd bench/network && $(GO) test -run '^TestNetwork$$' -count=1 -timeout 30m -exchanges $(EXCHANGES) \
		-markdown '$(if $(REPORT),../../$(REPORT))'

lines: ## LINES lines through ohce send: loopback, loss, a slow link, a server that is killed (python3)
	OHCE_LINES=$(LINES) $(GO) test -run 'ManyLines' -count=1 -v ./internal/cli

dns: ## QUERIES queries of the DNS example through loss to dnsmasq and unbound, many in flight on a socket
	OHCE_QUERIES=$(QUERIES) $(GO) test -run '^TestQueriesThroughLoss$$' -count=1 -v ./examples/dns

delivery: ## 100 increments through 20 % loss, at each of SEEDS random seeds
	OHCE_SEEDS=$(SEEDS) $(GO) test -run '^TestDeduplicatorIncrements$$' -count=1 -v .

soak: ## SOAK random datagrams at a running server, MAPPINGS clients of a link, and their memory
	OHCE_SOAK=$(SOAK) OHCE_MAPPINGS=$(MAPPINGS) $(GO) test -run '^TestSoak$$|^TestMemoryOf' -count=1 -v \
		./internal/cli

priv: ## the tests that make network namespaces (root, Linux, ip, nft, tc)
	$(GO) test -tags priv -run Priv -count=1 ./...
	$(GO) test -tags priv,ohce_portable -run Priv -count=1 ./...

demo: ## the whole exchange on this machine
	$(GO) run ./cmd/ohce demo

man: ## write the man pages, docs/man
	$(GO) test -run '^TestManPages$$' ./internal/cli -update

vectors: ## write what CPython 3.11 answers, flip/testdata
	python3 flip/testdata/vectors.py
