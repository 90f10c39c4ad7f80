# `make` alone lists the targets.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
BIN     := bin/registrar
DEMO    ?=

.PHONY: help build demo up down image test lint fmt fuzz bench generate clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## compile bin/registrar
	@echo 'compiling $(BIN): minutes the first time, seconds after that'
	@CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/registrar

demo: build ## run everything on this machine, nothing else installed (DEMO="--listen … --data …" for flags)
	@exec $(BIN) demo $(DEMO)

up: ## run the gateway, PostgreSQL and Redis in containers, next to an Open edX devstack if there is one
	@REGISTRAR_VERSION=$(VERSION) deploy/compose/stack up

down: ## stop what make up started; its data stay (deploy/compose/stack down --volumes drops them)
	@REGISTRAR_VERSION=$(VERSION) deploy/compose/stack down

image: ## build the container image registrar:VERSION
	docker build --build-arg VERSION=$(VERSION) --tag registrar:$(VERSION) .

test: ## vet and test all with the race detector, on throw-away PostgreSQL and Redis
	go vet ./...
	@# Compiled side by side, then run one package at a time: some hold clocks to real servers.
	go test -race -run '^$$' ./... >/dev/null
	go run ./internal/provision/withservers -- go test -race -p 1 -timeout 15m ./...

lint: ## golangci-lint, built from tools/go.mod
	@cd tools && go build -o ../bin/golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	bin/golangci-lint run ./...

fmt: ## format the code as make lint wants it
	@cd tools && go build -o ../bin/golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	bin/golangci-lint fmt ./...

FUZZTIME ?= 10s
fuzz: ## run every fuzz target for FUZZTIME (10s)
	@grep -rHo --include='*_test.go' '^func Fuzz[A-Za-z0-9]*' . | while IFS=: read -r file func; do \
		echo "== $${func#func } in $$(dirname $$file)"; \
		go test -run '^$$' -fuzz "^$${func#func }\$$" -fuzztime $(FUZZTIME) "$$(dirname $$file)"; \
	done

bench: ## run the benchmarks
	go test -run '^$$' -bench . -benchmem ./...

generate: ## rewrite config.example.yaml, config.schema.json and the golden exchanges
	go test ./config ./routes -update

clean: ## remove what was built
	rm -rf bin
