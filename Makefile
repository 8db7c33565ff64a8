# Targets for people; `make ci` is what continuous integration runs.
GO ?= go
BIN := bin/gastown

.DEFAULT_GOAL := help
.PHONY: help build demo test lint bench ci clean tools

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

tools: # Go and git are all that is needed; say so clearly if one is missing
	@command -v $(GO) >/dev/null || { echo "Go is missing: install Go 1.26 or later" >&2; exit 1; }
	@command -v git >/dev/null || { echo "git is missing: install git 2.38 or later" >&2; exit 1; }
	@command -v gcc >/dev/null || [ "$(MAKECMDGOALS)" != test ] || { echo "a C compiler is missing: the race detector needs one (Debian: apt-get install gcc libc6-dev)" >&2; exit 1; }

build: tools ## Build bin/gastown
	$(GO) build -trimpath -o $(BIN) ./cmd/gastown

demo: build ## Watch a town work: five tasks, real processes, real merges, no model
	$(BIN) demo

test: tools lint ## Run all tests, with the race detector
	$(GO) test -race -shuffle=on -timeout 14m ./...

lint: tools ## Check formatting and vet
	@unformatted=$$(gofmt -l cmd internal); [ -z "$$unformatted" ] || { echo "run gofmt -w on:" $$unformatted >&2; exit 1; }
	$(GO) vet ./...

bench: tools ## Measure what users feel and what ticks cost
	$(GO) test -run '^$$' -bench . -benchmem ./...

ci: test ## What continuous integration runs

clean: ## Remove what was built
	rm -rf bin
