PYTHON ?= python3
MINUTES ?= 1
CASES ?= 10000
IN = .venv/bin/python -m
BESIDE_REDIS = $(IN) tests.servers redis --

.PHONY: setup demo serve test check compat bench soak dist

# One stamp for each dependency group; dependency groups need pip 25.1.
.venv/.%: pyproject.toml
	$(PYTHON) -m venv .venv && $(IN) pip install --quiet --upgrade "pip>=25.1"
	$(IN) pip install --quiet --editable ".[all]" --group $* && touch $@

setup: .venv/.dev

# Where no Redis can run (status 3), the site does with one process and its memory.
demo: .venv/.demo
	$(BESIDE_REDIS) $(IN) demo_site.drive || { test $$? = 3 && $(IN) demo_site.drive; }

serve: .venv/.demo
	$(BESIDE_REDIS) $(IN) demo_site.drive --serve || { test $$? = 3 && $(IN) demo_site.drive --serve; }

test: .venv/.dev
	$(IN) pytest -n auto --dist worksteal

check: .venv/.dev
	.venv/bin/python .ci/check.py

compat: .venv/.compat
	$(IN) pytest -n auto --dist worksteal tests/compat/sites.py

bench: .venv/.bench
	$(BESIDE_REDIS) $(IN) benchmarks $(if $(FULL),--full) $(ARGS)

soak: .venv/.dev
	$(IN) pytest -q tests/faults/matrix.py
	$(IN) tests.oracle 20000
	$(BESIDE_REDIS) $(IN) tests.claim $(CASES)
	$(BESIDE_REDIS) $(IN) tests.fuzz --minutes $(MINUTES)
	$(BESIDE_REDIS) $(IN) demo_site.crowd
	$(BESIDE_REDIS) $(IN) tests.soak --minutes $(MINUTES)

dist: .venv/.dev
	$(IN) build --outdir dist .
