# Targets for people; `make ci` is what continuous integration runs.
GO ?= go
BIN := bin/gastown
SEEDS ?= 1000
HOURS ?= 24
LIVES ?= 1000

.DEFAULT_GOAL := help
.PHONY: help build demo test lint bench reference mistakes sim lives ci clean tools compiler browser watchers largefiles

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

tools: # Go and git are all that is needed; say so clearly if one is missing
	@command -v $(GO) >/dev/null || { echo "Go is missing: install Go 1.26 or later" >&2; exit 1; }
	@command -v git >/dev/null || { echo "git is missing: install git 2.39.4 or later" >&2; exit 1; }

build: tools ## Build bin/gastown
	$(GO) build -trimpath -o $(BIN) ./cmd/gastown

demo: build ## Watch a town work: five tasks, real processes, real merges, no model
	$(BIN) demo

test: tools compiler browser watchers largefiles lint ## Run all tests, with the race detector, and play this day's towns
	$(GO) test -race -shuffle=on -timeout 14m ./...
	$(GO) test -run 'Healthy|AHundredTowns|EachFaultAlone|MergedIsMerged' ./internal/monitoring ./internal/sim ./internal/lives
	$(GO) run ./cmd/gastown sim --seed $$(date -u +%-j)000000 --seeds 40 --hours 6

compiler: # The race detector needs a C compiler
	@command -v gcc >/dev/null || { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -qq gcc libc6-dev; } || \
		{ echo "a C compiler is missing: the race detector needs one (Debian: apt-get install gcc libc6-dev)" >&2; exit 1; }

browser: # The pages are tested in a real Chromium
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
		{ [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; } || \
		{ echo "Chromium is missing: the tests of the pages need it (Debian: apt-get install chromium)" >&2; exit 1; }

# Services that the packages may start do no harm: the tests run the programs themselves, at ports of their own.
watchers: # The alert rules are tested against the real Prometheus and Alertmanager
	@command -v promtool >/dev/null && command -v amtool >/dev/null || { [ "$$(id -u)" = 0 ] && apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends prometheus prometheus-alertmanager >/dev/null; } || \
		{ echo "Prometheus or Alertmanager is missing (Debian: apt-get install prometheus prometheus-alertmanager)" >&2; exit 1; }

largefiles: # Rigs with large files are tested with the real git-lfs
	@command -v git-lfs >/dev/null || { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -qq --no-install-recommends git-lfs >/dev/null; } || \
		{ echo "git-lfs is missing: the tests of rigs with large files need it (Debian: apt-get install git-lfs)" >&2; exit 1; }

lint: tools ## Check formatting and vet
	@unformatted=$$(gofmt -l cmd deploy docs internal); [ -z "$$unformatted" ] || { echo "run gofmt -w on:" $$unformatted >&2; exit 1; }
	$(GO) vet ./...

bench: tools ## Measure what users feel and what ticks cost
	$(GO) test -run '^$$' -bench . -benchmem ./...

reference: tools ## Write docs/reference and measured tables anew
	$(GO) test ./internal/reference -run Fresh -rewrite
	$(GO) test ./internal/controller -run Quiet -rewrite
	$(GO) test ./internal/monitoring -run Fresh -rewrite

mistakes: tools ## Plant every known mistake in the core and see that the tests notice (minutes)
	$(GO) test ./internal/mistakes -run 'Planted|AllAreCaught' -all -v -timeout 90m

sim: build ## Play SEEDS towns (1000) of HOURS hours (24) with faults, and look for mistakes of the core
	$(BIN) sim --seeds $(SEEDS) --hours $(HOURS)

lives: tools ## Play LIVES towns (1000) on real git repositories, with agents, people and remotes that do whatever they can
	$(GO) test -run MergedIsMerged -timeout 0 ./internal/lives -lives $(LIVES)

ci: test ## What continuous integration runs

clean: ## Remove what was built
	rm -rf bin
